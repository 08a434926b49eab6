/** Which model and which key a run uses, and what it is said to have cost. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  connectModel,
  createAgent,
  type Product,
  runEnd,
  say,
  startProduct,
  stepsOf,
} from '../support/api/index.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';

const goodKey = 'sk-good-0123456789abcdef';
const deadKey = 'sk-dead-0123456789abcdef';

let product: Product;
let server: ModelServer;

beforeAll(async () => {
  [product, server] = await Promise.all([startProduct(), startModelServer({ keys: [goodKey] })]);
  await product.startWorker();
});

beforeEach(async () => {
  server.reset();
  await product.sql('DELETE FROM provider_credential');
});

afterAll(() => Promise.all([product.close(), server.close()]));

/** `weight` 0: only when no other key is left. */
async function store(label: string, apiKey: string, provider = 'openai', weight = 1): Promise<string> {
  const body = { provider, label, apiKey, weight, baseUrl: server.openaiUrl };
  return (await product.owner.expect(201, product.owner.post('/v1/provider-credentials', body))).id;
}

/** Every row of the ledger of a run, with its step. */
const ledgerOf = (runId: string) =>
  product.sql('SELECT * FROM usage_entry WHERE run_id = $1 ORDER BY started_at, id', [runId]);

describe('keys', () => {
  it('says how to store one where there is none', async () => {
    const agentId = await createAgent(product.owner, { model: 'openai/gpt-5.4' });
    const { runId, status, error } = await ask(product.owner, agentId, 'hello');
    expect(status).toBe('failed');
    expect(error).toMatchObject({
      code: 'no_credential',
      message: 'There is no key for OpenAI.',
      hint: expect.stringMatching(/provider-credentials.*OPENAI_API_KEY/),
    });
    expect(await stepsOf(product.owner, runId)).toEqual([]);

    await store('default', goodKey);
    await product.owner.post(`/v1/runs/${runId}/retry`);
    expect(await runEnd(product.owner, runId)).toMatchObject({
      status: 'succeeded',
      model: 'openai/gpt-5.4',
    });
  });

  it('answers with the second key when the first is dead', async () => {
    // Another one each time: a key that was refused is left alone for a while.
    const dead = await store('first', `${deadKey}-${randomUUID()}`);
    const good = await store('second', goodKey, 'openai', 0);
    const agentId = await createAgent(product.owner, { model: 'openai/gpt-5.4' });
    const { runId, reply } = await ask(product.owner, agentId, 'hello');
    expect(reply).toEqual({ text: 'hello' });
    const [step] = await stepsOf(product.owner, runId);
    expect(step.modelAttempts).toMatchObject([
      { credentialId: dead, outcome: 'auth' },
      { credentialId: good, outcome: 'ok', detail: null },
    ]);
    expect(JSON.stringify(step)).not.toMatch(/sk-(dead|good)/);
    const { data } = (await product.owner.get('/v1/provider-credentials')).body;
    expect(data.map(({ lastUsedAt }: { lastUsedAt: string | null }) => lastUsedAt)).not.toContain(null);
  });

  it('does without a key that was deleted in between', async () => {
    const key = await store('default', goodKey);
    const agentId = await createAgent(product.owner, { model: 'openai/gpt-5.4' });
    server.script([{ toolCalls: [{ name: 'time.now' }], delayMs: 400 }]);
    const { runId } = await say(product.owner, agentId, 'hello');
    await expect.poll(() => server.requests.length).toBe(1);
    await product.owner.expect(204, product.owner.delete(`/v1/provider-credentials/${key}`));
    expect(await runEnd(product.owner, runId)).toMatchObject({
      status: 'failed',
      error: { code: 'no_credential' },
      usage: { attempts: 1 },
    });
    expect(server.requests).toHaveLength(1);
  });

  it('uses a rotated key at once', async () => {
    const key = await store('default', deadKey);
    const agentId = await createAgent(product.owner, { model: 'openai/gpt-5.4' });
    expect(await ask(product.owner, agentId, 'hello')).toMatchObject({ error: { code: 'model_auth' } });
    await product.owner.expect(
      200,
      product.owner.patch(`/v1/provider-credentials/${key}`, { apiKey: goodKey }),
    );
    expect(await ask(product.owner, agentId, 'hello')).toMatchObject({ status: 'succeeded' });
  });

  it('never uses the key of another team', async () => {
    await store('default', goodKey);
    const other = await product.addTeam('other');
    const agentId = await createAgent(other.owner, { model: 'openai/gpt-5.4' });
    expect(await ask(other.owner, agentId, 'hello')).toMatchObject({ error: { code: 'no_credential' } });
    expect(server.requests).toEqual([]);
  });

  it('says when a stored key can no longer be read', async () => {
    await store('default', goodKey);
    await product.sql(`UPDATE provider_credential SET secret = jsonb_set(secret, '{kid}', '"another"')`);
    const agentId = await createAgent(product.owner, { model: 'openai/gpt-5.4' });
    expect(await ask(product.owner, agentId, 'hello')).toMatchObject({
      error: { code: 'credential_unreadable', message: expect.stringContaining('NIGHTSHIFT_SECRET_KEY') },
    });
  });
});

describe('auto', () => {
  it('takes the first vendor that there is a key for', async () => {
    await store('default', goodKey, 'mistral');
    const agentId = await createAgent(product.owner, { model: 'auto' });
    const { runId, ...answer } = await ask(product.owner, agentId, 'hello');
    expect(answer).toMatchObject({ status: 'succeeded', error: null });
    expect(server.requests[0]!.body.model).toBe('mistral-medium-latest');
    expect((await runEnd(product.owner, runId)).model).toMatch(/^mistral\//);
  });

  it.each(['openai-compatible', 'anthropic-compatible', 'ollama'])(
    'takes what an endpoint of the team lists, where there is no vendor with a default (%s)',
    async (provider) => {
      const isCustom = provider.endsWith('compatible');
      const baseUrl = provider === 'anthropic-compatible' ? server.url : server.openaiUrl;
      const body = { provider, baseUrl, apiKey: goodKey, ...(isCustom && { name: 'lab' }) };
      await product.owner.expect(201, product.owner.post('/v1/provider-credentials', body));
      const agentId = await createAgent(product.owner, { model: 'auto' });
      const { runId, status, reply } = await ask(product.owner, agentId, 'hello');
      expect([status, reply]).toEqual(['succeeded', { text: 'hello' }]);
      expect((await runEnd(product.owner, runId)).model).toBe(`${isCustom ? 'lab' : provider}/test-model`);

      // A vendor with a default model comes first all the same.
      await store('default', goodKey, 'mistral');
      const again = await ask(product.owner, agentId, 'hello');
      expect((await runEnd(product.owner, again.runId)).model).toMatch(/^mistral\//);
    },
  );

  it('says what is wrong with an endpoint that lists nothing, rather than let the demo answer', async () => {
    const off = await startModelServer();
    await connectModel(product.owner, off);
    await off.close();
    const agentId = await createAgent(product.owner, { model: 'auto' });
    const { runId, status, error } = await ask(product.owner, agentId, 'hello');
    expect(status).toBe('failed');
    expect(error).toMatchObject({
      code: 'no_model',
      message: expect.stringMatching(/"auto".*endpoint-\d+: /),
    });
    await product.sql('DELETE FROM provider_credential');
    const body = { provider: 'openai-compatible', name: 'lab', baseUrl: server.openaiUrl, apiKey: goodKey };
    await product.owner.expect(201, product.owner.post('/v1/provider-credentials', body));
    await product.owner.post(`/v1/runs/${runId}/retry`);
    expect(await runEnd(product.owner, runId)).toMatchObject({
      status: 'succeeded',
      model: 'lab/test-model',
    });
  });

  it('answers without any key, by the built-in demo, at no cost', async () => {
    const agentId = await createAgent(product.owner, { model: 'auto' });
    const { runId, reply } = await ask(product.owner, agentId, 'hello');
    expect(reply?.text.length).toBeGreaterThan(0);
    expect(await runEnd(product.owner, runId)).toMatchObject({
      model: 'demo/guide',
      usage: { costUsd: '0' },
    });
    expect(server.requests).toEqual([]);
  });
});

describe('usage', () => {
  it('is the sum of the ledger, attempt by attempt', async () => {
    await store('first', `${deadKey}-${randomUUID()}`);
    await store('second', goodKey, 'openai', 0);
    const agentId = await createAgent(product.owner, { model: 'openai/gpt-5.4' });
    server.script([
      { toolCalls: [{ name: 'time.now' }], usage: { input: 1234, output: 56, cached: 1000 } },
      { text: 'Noon.', usage: { input: 2345, output: 67, reasoning: 60 } },
    ]);
    const { runId } = await ask(product.owner, agentId, 'hello');
    const { usage } = await runEnd(product.owner, runId);
    const ledger = await ledgerOf(runId);
    expect(ledger.map(({ outcome }) => outcome)).toEqual(['auth', 'ok', 'ok']);
    expect(usage).toMatchObject({ inputTokens: 1234 + 2345, outputTokens: 56 + 67, attempts: 3 });
    // The refused attempt cost nothing, and the sum is known.
    expect(ledger.map(({ cost_usd: cost }) => Number(cost))).toEqual([
      0,
      expect.any(Number),
      expect.any(Number),
    ]);
    expect(Number(usage.costUsd)).toBeCloseTo(
      ledger.reduce((sum, { cost_usd: cost }) => sum + Number(cost), 0),
      9,
    );

    const steps = await stepsOf(product.owner, runId);
    const attempts = steps.flatMap(({ modelAttempts }: { modelAttempts: unknown[] }) => modelAttempts);
    expect(attempts).toMatchObject(
      ledger.map(({ provider, model, outcome, input_tokens: input, output_tokens: output }) => ({
        provider,
        model,
        outcome,
        usage: input === null ? null : { input, output },
      })),
    );
  });

  it('adds up to the last decimal', async () => {
    await store('default', goodKey);
    const agentId = await createAgent(product.owner, { model: 'openai/gpt-5.4' });
    server.script([
      { toolCalls: [{ name: 'time.now' }], usage: { input: 1, output: 1 } },
      { toolCalls: [{ name: 'time.now' }], usage: { input: 3, output: 1 } },
      { text: 'Noon.', usage: { input: 1_000_001, output: 7 } },
    ]);
    const { runId } = await ask(product.owner, agentId, 'hello');
    const { usage } = await runEnd(product.owner, runId);
    const [sum] = await product.sql(
      'SELECT trim_scale(sum(cost_usd))::text AS cost, count(cost_usd)::int AS priced FROM usage_entry WHERE run_id = $1',
      [runId],
    );
    expect(sum.priced).toBe(3);
    expect(Number(sum.cost)).toBeGreaterThan(0);
    expect(usage.costUsd).toBe(sum.cost);
  });

  it('is estimated where the vendor reports none, and of unknown cost where the price is not listed', async () => {
    await store('default', goodKey);
    const silent = await createAgent(product.owner, { model: 'openai/gpt-5.4' });
    server.script([{ text: 'hi', usage: null }]);
    const { runId } = await ask(product.owner, silent, 'hello');
    const { usage } = await runEnd(product.owner, runId);
    expect(usage).toMatchObject({ attempts: 1, estimated: 1, outputTokens: 1 });
    expect(usage.inputTokens).toBeGreaterThan(0);
    expect(Number(usage.costUsd)).toBeGreaterThan(0);

    const unlisted = await createAgent(product.owner, { model: 'openai/test-model' });
    server.script([{ text: 'hi', usage: { input: 10, output: 5 } }]);
    const second = await ask(product.owner, unlisted, 'hello');
    expect((await runEnd(product.owner, second.runId)).usage).toMatchObject({
      inputTokens: 10,
      costUsd: null,
      estimated: 0,
    });
  });
});

describe('notes', () => {
  const note = (name: string, args: object) => ({ toolCalls: [{ name, arguments: { ...args } }] });

  async function noteTaker() {
    const open = await startModelServer();
    const agentId = await createAgent(product.owner, { model: await connectModel(product.owner, open) });
    const use = async (...calls: ReturnType<typeof note>[]) => {
      open.script([...calls, { text: 'done' }]);
      await ask(product.owner, agentId, 'hello');
      return open.requests.at(-1)!.toolResults;
    };
    return { agentId, use, [Symbol.asyncDispose]: () => open.close() };
  }

  it("survive the conversation, and are each agent's own", async () => {
    await using first = await noteTaker();
    await using second = await noteTaker();
    await first.use(note('notes.write', { name: 'shopping', text: 'milk' }));
    expect(await first.use(note('notes.read', { name: 'shopping' }))).toEqual(['milk']);
    expect(await first.use(note('notes.list', {}))).toEqual([
      expect.stringContaining('shopping (4 characters'),
    ]);
    expect(await second.use(note('notes.list', {}))).toEqual(['There are no notes.']);
    expect(await first.use(note('notes.delete', { name: 'shopping' }))).toEqual(['"shopping" is deleted.']);
    expect(await first.use(note('notes.read', { name: 'shopping' }))).toEqual([
      expect.stringContaining('no note'),
    ]);
  });

  it('have their quotas, which the model is told of', async () => {
    await using taker = await noteTaker();
    await product.sql(
      `INSERT INTO note (agent_id, name, text, updated_at)
       SELECT $1, 'note ' || n, 'x', now() FROM generate_series(1, 200) AS n`,
      [taker.agentId],
    );
    const write = (name: string, text: string) => taker.use(note('notes.write', { name, text }));
    expect(await write('one more', 'x')).toEqual([expect.stringContaining('200 notes already')]);
    expect(await write('note 7', 'replaced')).toEqual(['Kept as "note 7".']);
    expect(await write('note 7', 'x'.repeat(20_001))).toEqual([expect.stringContaining('text: ')]);
    expect(await taker.use(note('notes.read', { name: 'note 7' }))).toEqual(['replaced']);
  });
});
