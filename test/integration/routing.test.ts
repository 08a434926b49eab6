/** An agent with a policy: who answers when the first vendor fails, and what the run's steps tell of it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  connectModel,
  createAgent,
  type Product,
  runEnd,
  startProduct,
  stepsOf,
} from '../support/api/index.ts';
import { type ModelServer, type Step, startModelServer } from '../support/model-server/index.ts';

let product: Product;
let first: ModelServer;
let second: ModelServer;

beforeAll(async () => {
  [product, first, second] = await Promise.all([startProduct(), startModelServer(), startModelServer()]);
  await product.startWorker();
  // The vendors' libraries are loaded at the first call, which these clocks are too short for on a busy machine.
  for (const model of [
    await connectModel(product.owner, first),
    await connectModel(product.owner, second, 'anthropic-messages'),
  ])
    await ask(product.owner, await createAgent(product.owner, { model }), 'hello');
});

beforeEach(() => {
  first.reset();
  second.reset();
});

afterAll(() => Promise.all([product.close(), first.close(), second.close()]));

/** An agent that prefers the first vendor, each time with keys that nothing is known of. */
async function policyAgent(more: object = {}) {
  const preferred = await connectModel(product.owner, first);
  const spare = await connectModel(product.owner, second, 'anthropic-messages');
  const targets = [{ model: preferred }, { model: spare, tier: 2 }];
  const model = { targets, firstTokenSeconds: 1, deadlineSeconds: 2, ...more };
  return { agentId: await createAgent(product.owner, { model }), preferred, spare };
}

const attemptsOf = async (runId: string) =>
  (await stepsOf(product.owner, runId)).flatMap(
    ({ modelAttempts }: { modelAttempts: unknown[] }) => modelAttempts,
  );
const outcomesOf = async (runId: string) =>
  (await attemptsOf(runId)).map(({ provider, outcome }: { provider: string; outcome: string }) => [
    provider,
    outcome,
  ]);
const nameOf = (reference: string) => reference.split('/')[0];

describe('a first vendor', () => {
  it.each<[string, Step, string[], RegExp]>([
    ['refuses the key (401)', { status: 401, message: 'Revoked' }, ['auth'], /key was refused.*Revoked/],
    ['wants to be paid (402)', { status: 402 }, ['billing'], /paid/],
    [
      'limits the rate (429)',
      { status: 429, headers: { 'retry-after': '30' } },
      ['rate'],
      /Too many requests/,
    ],
    ['has no quota left', { status: 429, code: 'insufficient_quota' }, ['quota'], /limit is used up/],
    ['fails (500)', { status: 500, message: 'Oops' }, ['server', 'server'], /failed.*Oops/],
    ['is overloaded (529)', { status: 529 }, ['overload', 'overload'], /overloaded/],
    ['hangs', { fault: 'hang' }, ['timeout'], /No first token within 1 s/],
    [
      'breaks off before a word',
      { text: 'x', truncate: { bytes: 10, how: 'cut' } },
      ['truncated', 'truncated'],
      /broke off/,
    ],
    ['answers a web page', { fault: 'html' }, ['server', 'server'], /HTML.*base URL/],
    [
      'redirects',
      { status: 302, headers: { location: 'https://elsewhere.example/' } },
      ['request'],
      /redirects to/,
    ],
    ['does not know the model (404)', { status: 404 }, ['model'], /No such model/],
  ])('that %s is made good by the second, and the steps tell', async (_name, step, outcomes, detail) => {
    first.script(() => step);
    const { agentId, preferred, spare } = await policyAgent();
    const { runId, reply } = await ask(product.owner, agentId, 'hello');
    expect(reply).toEqual({ text: 'hello' });
    expect(await outcomesOf(runId)).toEqual([
      ...outcomes.map((outcome) => [nameOf(preferred), outcome]),
      [nameOf(spare), 'ok'],
    ]);
    const [attempt] = await attemptsOf(runId);
    expect(attempt).toMatchObject({ detail: expect.stringMatching(detail), firstTokenMs: null });
    expect(await runEnd(product.owner, runId)).toMatchObject({ status: 'succeeded', model: spare });
  });

  it('whose answer breaks off in the middle is not made good: what was shown stands', async () => {
    first.script([{ text: ['Half', ' of it'], fault: 'cut' }]);
    const { agentId, preferred } = await policyAgent();
    const { runId, error } = await ask(product.owner, agentId, 'hello');
    expect(error).toMatchObject({ code: 'model_truncated' });
    expect(await outcomesOf(runId)).toEqual([[nameOf(preferred), 'truncated']]);
    expect(second.requests).toEqual([]);
  });

  it('and a second that fail both are both named', async () => {
    first.script(() => ({ status: 401, message: 'Revoked' }));
    second.script(() => ({ status: 402, message: 'Pay first' }));
    const { agentId } = await policyAgent();
    const { error } = await ask(product.owner, agentId, 'hello');
    expect(error).toMatchObject({
      code: 'model_auth',
      message: expect.stringMatching(/^No key works\..*Revoked.*Pay first/),
    });
  });

  it('is left alone by the next run, too', async () => {
    first.script(() => ({ status: 401 }));
    const { agentId, spare } = await policyAgent();
    await ask(product.owner, agentId, 'hello');
    const { runId } = await ask(product.owner, agentId, 'again');
    expect(await outcomesOf(runId)).toEqual([[nameOf(spare), 'ok']]);
  });
});

describe('a policy', () => {
  it('goes on without a target that has no key, and names it when the others fail', async () => {
    const spare = await connectModel(product.owner, second);
    const targets = [{ model: 'openai/gpt-5.4' }, { model: spare }];
    const agentId = await createAgent(product.owner, { model: { targets } });
    expect(await ask(product.owner, agentId, 'hello')).toMatchObject({ reply: { text: 'hello' } });
    second.script(() => ({ status: 401, message: 'Revoked' }));
    const { error } = await ask(product.owner, agentId, 'hello');
    expect(error?.message).toMatch(/Revoked.*openai\/gpt-5.4: no key is connected/);
  });

  it('says so when no target has a key', async () => {
    const targets = [{ model: 'openai/gpt-5.4' }, { model: 'mistral/mistral-medium-latest' }];
    const agentId = await createAgent(product.owner, { model: { targets } });
    const { error } = await ask(product.owner, agentId, 'hello');
    expect(error).toMatchObject({
      code: 'no_credential',
      message: 'There is no key for OpenAI. There is no key for Mistral.',
    });
  });

  it('keeps a conversation with the target that answered it last, within its tier', async () => {
    const { agentId, spare, preferred } = await policyAgent();
    const equals = { targets: [{ model: preferred }, { model: spare }] };
    await product.owner.expect(200, product.owner.patch(`/v1/agents/${agentId}`, { model: equals }));
    first.script([{ status: 429, headers: { 'retry-after': '1' } }]);
    const { conversationId } = await ask(product.owner, agentId, 'hello');
    // The first one is well again, but the conversation is in the second one's cache.
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const { runId } = await ask(product.owner, agentId, 'again', conversationId);
    expect(await outcomesOf(runId)).toEqual([[nameOf(spare), 'ok']]);
    const another = await ask(product.owner, agentId, 'hello');
    expect(await outcomesOf(another.runId)).toEqual([[nameOf(preferred), 'ok']]);
  });

  it('draws a target for each conversation, by weight', async () => {
    const { agentId, preferred, spare } = await policyAgent();
    const equals = { pick: 'weight', targets: [{ model: preferred }, { model: spare }] };
    await product.owner.expect(200, product.owner.patch(`/v1/agents/${agentId}`, { model: equals }));
    const runs = await Promise.all(Array.from({ length: 12 }, () => ask(product.owner, agentId, 'hello')));
    const answered = await Promise.all(runs.map(async ({ runId }) => (await outcomesOf(runId))[0]![0]));
    expect(new Set(answered)).toEqual(new Set([nameOf(preferred), nameOf(spare)]));
  });

  it('routes by task', async () => {
    const { agentId, spare, preferred } = await policyAgent();
    const routed = {
      targets: [{ model: preferred }],
      routes: [
        { when: { task: 'compaction' }, targets: [{ model: preferred }] },
        { when: { task: 'turn' }, targets: [{ model: spare }] },
      ],
    };
    await product.owner.expect(200, product.owner.patch(`/v1/agents/${agentId}`, { model: routed }));
    const { runId } = await ask(product.owner, agentId, 'hello');
    expect(await outcomesOf(runId)).toEqual([[nameOf(spare), 'ok']]);
  });
});

describe('a policy is refused when it is saved', () => {
  const save = (model: unknown) => product.owner.post('/v1/agents', { name: 'never', model });
  const named = (...models: string[]) => ({ targets: models.map((model) => ({ model })) });

  it.each<[string, unknown, string, RegExp]>([
    ['no target', { targets: [] }, 'model.targets', /at least one model/],
    ['one twice', named('demo/guide', 'demo/guide'), 'model.targets', /names demo\/guide twice/],
    ['a provider that does not exist', named('demo/guide', 'nobody/x'), 'model.targets.1.model', /"nobody"/],
    [
      'a kind of endpoint for a provider',
      named('openai-compatible/x'),
      'model.targets.0.model',
      /no provider/,
    ],
    [
      'a model that does not exist',
      named('demo/guid'),
      'model.targets.0.model',
      /no model "guid".*Did you mean guide/,
    ],
    [
      'one in a route',
      { ...named('demo/guide'), routes: [{ when: { task: 'compaction' }, ...named('nobody/x') }] },
      'model.routes.0.targets.0.model',
      /"nobody"/,
    ],
    ['auto among others', named('auto'), 'model.targets.0.model', /provider\/model/],
  ])('for %s', async (_name, model, path, message) => {
    const { status, body } = await save(model);
    expect([status, body.code]).toEqual([400, 'invalid_request']);
    const wrong = body.errors.find((error: { path: string }) => error.path === path);
    expect(wrong?.message ?? JSON.stringify(body.errors)).toMatch(message);
  });

  it('for a model that its endpoint does not list, on its own too', async () => {
    const [provider] = (await connectModel(product.owner, first)).split('/');
    const { status, body } = await save(`${provider}/tset-model`);
    expect(status).toBe(400);
    expect(body.errors).toEqual([
      { path: 'model', message: `${provider} has no model "tset-model". Did you mean test-model?` },
    ]);
  });

  it('but not because an endpoint is off, lists nothing, or has no key yet', async () => {
    const off = await startModelServer();
    const model = await connectModel(product.owner, off);
    await off.close();
    const targets = [{ model }, { model: 'openai/gpt-9' }, { model: 'ollama/qwen3' }];
    await createAgent(product.owner, { model: { targets } });
  });
});
