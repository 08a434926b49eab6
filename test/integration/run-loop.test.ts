/** What a run makes of a model's answers, good and bad, on each wire. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  connectModel,
  createAgent,
  type Product,
  saidIn,
  startProduct,
  stepsOf,
} from '../support/api/index.ts';
import { type ModelServer, type Script, startModelServer } from '../support/model-server/index.ts';

let product: Product;
let server: ModelServer;

beforeAll(async () => {
  [product, server] = await Promise.all([startProduct(), startModelServer()]);
  await product.startWorker();
});

beforeEach(() => server.reset());

afterAll(() => Promise.all([product.close(), server.close()]));

describe.each(['openai-chat', 'anthropic-messages'] as const)('on %s', (wire) => {
  /** Asks a new agent, on a new key, and returns everything there is to know of the run. */
  async function run(script: Script, agent: object = {}, limits: object = {}) {
    server.script(script);
    const model = await connectModel(product.owner, server, wire);
    const policy = { targets: [{ model }], ...limits };
    const agentId = await createAgent(product.owner, { model: policy, ...agent });
    const reply = await ask(product.owner, agentId, 'What time is it?');
    expect(server.requests.map(({ refused }) => refused)).toEqual(server.requests.map(() => null));
    const steps = await stepsOf(product.owner, reply.runId);
    const { body } = await product.owner.get(`/v1/runs/${reply.runId}`);
    return { ...reply, run: body, steps, model };
  }

  /** What the model was told of its tool calls. */
  const told = () => server.requests.at(-1)!.toolResults;

  const attemptsOf = (steps: { modelAttempts: { outcome: string }[] }[]) =>
    steps.flatMap(({ modelAttempts }) => modelAttempts.map(({ outcome }) => outcome));

  it('calls a tool, and answers with its result', async () => {
    const {
      reply,
      steps,
      run: ended,
      model,
    } = await run([
      { text: 'Let me look.', toolCalls: [{ name: 'time.now', arguments: { timezone: 'Asia/Tokyo' } }] },
      { text: 'It is noon.' },
    ]);
    expect(reply).toEqual({ text: 'It is noon.' });
    expect(ended).toMatchObject({ status: 'succeeded', model, warnings: [] });
    expect(told()).toEqual([expect.stringContaining('(Asia/Tokyo)')]);
    expect(steps).toMatchObject([
      { index: 0, kind: 'model', name: model, status: 'succeeded', attempts: 1 },
      {
        index: 1,
        kind: 'tool',
        name: 'time.now',
        status: 'succeeded',
        input: { arguments: { timezone: 'Asia/Tokyo' } },
        output: { isError: false },
      },
      { index: 2, kind: 'model', name: model, status: 'succeeded' },
    ]);
  });

  it('runs the tools of one answer together, and tells their results in the order of the calls', async () => {
    const write = (name: string) => ({ name: 'notes.write', arguments: { name, text: name } });
    const { steps } = await run([
      { toolCalls: [write('b'), { name: 'time.now' }, write('a')] },
      { text: 'Done.' },
    ]);
    expect(told()).toEqual(['Kept as "b".', expect.stringContaining('(UTC)'), 'Kept as "a".']);
    expect(steps.map(({ index, name }: { index: number; name: string }) => `${index} ${name}`)).toEqual([
      expect.stringMatching(/^0 /),
      '1 notes.write',
      '2 time.now',
      '3 notes.write',
      expect.stringMatching(/^4 /),
    ]);
  });

  it.each([
    [
      'a tool that there is not',
      { name: 'rocket_launch' },
      'There is no tool "rocket_launch". The tools are: time.now',
    ],
    ['arguments that are no JSON', { name: 'time.now', arguments: '{"timezone": ' }, 'no valid JSON object'],
    ['arguments that do not fit', { name: 'time.now', arguments: { timezone: 7 } }, 'timezone: '],
    ['an argument that is unknown', { name: 'time.now', arguments: { zone: 'UTC' } }, 'zone'],
    [
      'what the tool refuses',
      { name: 'time.now', arguments: { timezone: 'Mars' } },
      '"Mars" is no IANA timezone',
    ],
  ])('lets the model mend %s', async (_what, call, message) => {
    const { reply, steps } = await run([{ toolCalls: [call] }, { text: 'Sorry.' }]);
    expect(reply).toEqual({ text: 'Sorry.' });
    expect(told()).toEqual([expect.stringContaining(message)]);
    expect(steps[1]).toMatchObject({ kind: 'tool', status: 'failed', output: { isError: true } });
  });

  it('ends a model that calls tools for ever', async () => {
    const forever: Script = () => ({ toolCalls: [{ name: 'time.now' }] });
    const { status, error, steps } = await run(forever, { limits: { maxSteps: 6 } });
    expect(status).toBe('failed');
    expect(error).toMatchObject({ code: 'limit_steps', hint: expect.stringContaining('limits.maxSteps') });
    expect(steps).toHaveLength(6);
    expect(server.requests).toHaveLength(3);
  });

  it('ends a run that used up its tokens', async () => {
    const usage = { input: 600, output: 500 };
    const { error, run: ended } = await run([{ toolCalls: [{ name: 'time.now' }], usage }], {
      limits: { maxTokens: 1000 },
    });
    expect(error).toMatchObject({ code: 'limit_tokens', message: expect.stringContaining('used 1100') });
    expect(ended.usage).toMatchObject({ attempts: 1, inputTokens: 600, outputTokens: 500 });
    expect(server.requests).toHaveLength(1);
  });

  it('ends a run whose time is up, in the middle of an answer', async () => {
    const words = Array.from({ length: 150 }, (_, index) => `word${index} `);
    const { status, error } = await run([{ text: words, chunkMs: 100 }], { limits: { maxSeconds: 2 } });
    expect({ status, error }).toMatchObject({ status: 'failed', error: { code: 'limit_seconds' } });
    await server.requests[0]!.finished;
    expect(server.requests[0]!.closedEarly).toBe(true);
  });

  it('says what to do about a refused key, and never shows it', async () => {
    const refusal = { status: 401, message: 'Incorrect API key provided: sk-test-0123456789abcdef-1' };
    const { status, error, steps } = await run([refusal]);
    expect(status).toBe('failed');
    expect(error).toMatchObject({
      code: 'model_auth',
      hint: expect.stringContaining('provider-credentials'),
    });
    expect(steps).toMatchObject([{ status: 'failed', error: { code: 'model_auth' } }]);
    expect(attemptsOf(steps)).toEqual(['auth']);
    expect(server.requests).toHaveLength(1);
  });

  it('waits as long as the vendor asks, then succeeds', async () => {
    const { reply, steps } = await run([
      { status: 429, headers: { 'retry-after': '1' } },
      { text: 'At last.' },
    ]);
    expect(reply).toEqual({ text: 'At last.' });
    expect(attemptsOf(steps)).toEqual(['rate', 'ok']);
    const [first, second] = steps[0].modelAttempts;
    expect(Date.parse(second.startedAt) - Date.parse(first.startedAt)).toBeGreaterThanOrEqual(1000);
  });

  it('tries once more after a fault of the vendor', async () => {
    const { reply, steps } = await run([{ status: 500 }, { text: 'Back again.' }]);
    expect(reply).toEqual({ text: 'Back again.' });
    expect(attemptsOf(steps)).toEqual(['server', 'ok']);
  });

  it('gives up on a model that does not answer', async () => {
    const { error, steps } = await run(
      () => ({ fault: 'hang' }),
      {},
      { firstTokenSeconds: 1, maxAttempts: 2 },
    );
    expect(error).toMatchObject({ code: 'model_timeout' });
    expect(attemptsOf(steps)).toEqual(['timeout', 'timeout']);
    for (const request of server.requests) await request.finished;
    expect(server.requests.map(({ closedEarly }) => closedEarly)).toEqual([true, true]);
  });

  it.each([
    ['falls silent', { text: 'Half an answer', fault: 'hang-after' }, 'model_timeout'],
    ['is cut', { text: 'Half an answer', fault: 'cut' }, /^model_(truncated|network)$/],
    ['ends without its finish marker', { text: 'Half an answer', fault: 'no-finish' }, 'model_truncated'],
    ['turns into nonsense', { text: 'Half an answer', fault: 'invalid-json' }, /^model_(truncated|server)$/],
    ['breaks off with an error', { text: 'Half an answer', fault: 'error' }, /^model_(overload|server)$/],
  ] as const)('fails when the stream %s, and says nothing half', async (_what, step, code) => {
    const { error, conversationId, steps } = await run([step], {}, { idleSeconds: 1 });
    expect(error?.code).toMatch(code);
    expect(error?.hint).toEqual(expect.any(String));
    expect(await saidIn(product.owner, conversationId)).toEqual(['user: What time is it?']);
    expect(steps).toHaveLength(1);
    expect(server.requests).toHaveLength(1);
  });

  it('fails when the model says nothing', async () => {
    for (const step of [{}, { text: '  \n' }, { thinking: 'Hm.', signature: 'sig1' }]) {
      const { error, steps } = await run(() => step, {}, { maxAttempts: 2 });
      expect(error).toMatchObject({ code: 'model_empty', hint: expect.any(String) });
      expect(attemptsOf(steps)).toEqual(['empty', 'empty']);
    }
  });

  it('tries once more when the model says nothing, or only thinks', async () => {
    const { reply, steps } = await run([{}, { text: 'Here.' }]);
    expect(reply).toEqual({ text: 'Here.' });
    expect(attemptsOf(steps)).toEqual(['empty', 'ok']);
  });

  it('says that a filter stopped an answer of which a part was shown', async () => {
    const finish = wire === 'openai-chat' ? 'content_filter' : 'refusal';
    const { error, run: ended, conversationId } = await run(() => ({ text: 'Half an answer', finish }));
    expect(error).toMatchObject({ code: 'model_content' });
    expect(ended.warnings).toEqual([expect.stringContaining('is not all of it')]);
    expect(await saidIn(product.owner, conversationId)).toEqual(['user: What time is it?']);
  });

  it('fails when the vendor does not know the model', async () => {
    const unknown = {
      status: 404,
      message: 'The model does not exist',
      code: 'model_not_found',
      errorType: 'not_found_error',
    };
    expect((await run([unknown])).error).toMatchObject({ code: 'model_model' });
  });

  it('warns when the answer was cut at the output limit', async () => {
    const finish = wire === 'openai-chat' ? 'length' : 'max_tokens';
    const { status, run: ended } = await run([{ text: 'A long', finish }]);
    expect(status).toBe('succeeded');
    expect(ended.warnings).toEqual(["The answer was cut at the model's output limit."]);
  });

  it('does not offer a blocked tool, and does not run it either', async () => {
    const { steps } = await run(
      [{ toolCalls: [{ name: 'notes_write', arguments: { name: 'a', text: 'b' } }] }, { text: 'No.' }],
      {
        tools: { 'notes.write': 'block' },
      },
    );
    expect(JSON.stringify(server.requests[0]!.body.tools)).toMatch(/notes.read/);
    expect(JSON.stringify(server.requests[0]!.body.tools)).not.toMatch(/notes.write/);
    expect(steps[1]).toMatchObject({ kind: 'tool', status: 'failed' });
    expect(told()[0]).toContain('There is no tool');
  });
});
