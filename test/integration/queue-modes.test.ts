/** What a message does that comes while its conversation is being answered. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  connectModel,
  createAgent,
  type Product,
  runEnd,
  saidIn,
  say,
  startProduct,
  stepsOf,
} from '../support/api/index.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';

let product: Product;
let server: ModelServer;
let model: string;

beforeAll(async () => {
  [product, server] = await Promise.all([startProduct(), startModelServer()]);
  await product.startWorker();
  model = await connectModel(product.owner, server);
});
beforeEach(() => server.reset());
afterAll(() => Promise.all([product.close(), server.close()]));

const asked = (times: number) => expect.poll(() => server.requests.length).toBe(times);

describe('steer', () => {
  it('joins the run at the next step', async () => {
    const agentId = await createAgent(product.owner, { model });
    server.script([
      { delayMs: 300, toolCalls: [{ name: 'time_now', arguments: '{}' }] },
      { text: 'Both done.' },
    ]);
    const first = await say(product.owner, agentId, 'Do one thing');
    await asked(1);
    const second = await say(product.owner, agentId, 'And another', first.conversationId);
    expect(second.runId).toBe(first.runId);
    expect(await runEnd(product.owner, first.runId)).toMatchObject({ status: 'succeeded' });
    expect(await saidIn(product.owner, first.conversationId)).toEqual([
      'user: Do one thing',
      'user: And another',
      'assistant: Both done.',
    ]);
    const last = JSON.stringify(server.requests.at(-1)?.body);
    expect(last.indexOf('And another')).toBeGreaterThan(last.indexOf('time_now'));
  });

  it('answers twice in one run when the first answer was already on its way', async () => {
    const agentId = await createAgent(product.owner, { model });
    server.script([{ delayMs: 300, text: 'One.' }, { text: 'Two.' }]);
    const first = await say(product.owner, agentId, 'Say one');
    await asked(1);
    const second = await say(product.owner, agentId, 'Say two', first.conversationId);
    expect(second.runId).toBe(first.runId);
    await runEnd(product.owner, first.runId);
    expect(await saidIn(product.owner, first.conversationId)).toEqual([
      'user: Say one',
      'user: Say two',
      'assistant: One.',
      'assistant: Two.',
    ]);
    expect((await stepsOf(product.owner, first.runId)).map((step: { kind: string }) => step.kind)).toEqual([
      'model',
      'model',
    ]);
  });

  it('loses none of many that come all the time', async () => {
    const agentId = await createAgent(product.owner, { model });
    const first = await say(product.owner, agentId, 'message 0');
    const runs = new Set([first.runId]);
    for (let index = 1; index <= 40; index += 1) {
      runs.add((await say(product.owner, agentId, `message ${index}`, first.conversationId)).runId);
    }
    for (const runId of runs)
      expect(await runEnd(product.owner, runId)).toMatchObject({ status: 'succeeded' });
    const answers = (await saidIn(product.owner, first.conversationId)).filter((line) =>
      line.startsWith('assistant'),
    );
    // The model server repeats what it was told, so every message stands in exactly one answer.
    const told = answers.join('\n').match(/message \d+/g);
    expect(told).toEqual(Array.from({ length: 41 }, (_, index) => `message ${index}`));
  });
});

it('followup: waits for a run of its own', async () => {
  const agentId = await createAgent(product.owner, { model, queueMode: 'followup' });
  server.script([{ delayMs: 300, text: 'One.' }, { text: 'Two.' }]);
  const first = await say(product.owner, agentId, 'Say one');
  await asked(1);
  const second = await say(product.owner, agentId, 'Say two', first.conversationId);
  expect(second.runId).not.toBe(first.runId);
  await runEnd(product.owner, second.runId);
  expect(await saidIn(product.owner, first.conversationId)).toEqual([
    'user: Say one',
    'user: Say two',
    'assistant: One.',
    'assistant: Two.',
  ]);
});

it('interrupt: cancels the run, then gets one of its own', async () => {
  const agentId = await createAgent(product.owner, { model, queueMode: 'interrupt' });
  server.script([{ delayMs: 60_000, text: 'Too late.' }, { text: 'Now this.' }]);
  const first = await say(product.owner, agentId, 'A long task');
  await asked(1);
  const second = await say(product.owner, agentId, 'Stop, do this', first.conversationId);
  expect(second.runId).not.toBe(first.runId);
  expect(await runEnd(product.owner, first.runId)).toMatchObject({ status: 'cancelled' });
  expect(await runEnd(product.owner, second.runId)).toMatchObject({ status: 'succeeded' });
  expect(await saidIn(product.owner, first.conversationId)).toEqual([
    'user: A long task',
    'user: Stop, do this',
    'assistant: Now this.',
  ]);
});

it('debounce: a burst is answered once', async () => {
  const agentId = await createAgent(product.owner, { model, debounceMs: 400 });
  const first = await say(product.owner, agentId, 'one');
  const second = await say(product.owner, agentId, 'two', first.conversationId);
  const third = await say(product.owner, agentId, 'three', first.conversationId);
  expect(new Set([first.runId, second.runId, third.runId]).size).toBe(1);
  await runEnd(product.owner, first.runId);
  expect(server.requests).toHaveLength(1);
});
