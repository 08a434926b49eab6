/** Workers that come, go and share. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  ask,
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
let agentId: string;

beforeAll(async () => {
  [product, server] = await Promise.all([startProduct(), startModelServer()]);
  agentId = await createAgent(product.owner, { model: await connectModel(product.owner, server) });
});

beforeEach(() => server.reset());

afterAll(() => Promise.all([product.close(), server.close()]));

const asked = (times: number) => expect.poll(() => server.requests.length).toBe(times);

it('keeps what was said while no worker was there', async () => {
  const accepted = await Promise.all(
    ['one', 'two', 'three'].map((text) => say(product.owner, agentId, text)),
  );
  const worker = await product.startWorker();
  for (const { runId } of accepted) expect((await runEnd(product.owner, runId)).status).toBe('succeeded');
  await worker.close();
});

it('hands a run under way to the next worker when it stops', async () => {
  server.script([
    { toolCalls: [{ name: 'time.now' }] },
    { text: 'half a sent', fault: 'hang-after' },
    { text: 'A whole sentence.' },
  ]);
  const first = await product.startWorker();
  const { runId, conversationId } = await say(product.owner, agentId, 'hello');
  await asked(2);
  // Some of the answer has arrived and is on its way to watchers.
  await expect
    .poll(() => product.sql(`SELECT FROM run_event WHERE run_id = $1 AND type = 'text.delta'`, [runId]))
    .toHaveLength(1);
  await first.close();
  await server.requests[1]!.finished;
  expect(server.requests[1]!.closedEarly).toBe(true);
  expect((await product.owner.get(`/v1/runs/${runId}`)).body).toMatchObject({
    status: 'running',
    endedAt: null,
  });

  const second = await product.startWorker();
  expect(await runEnd(product.owner, runId)).toMatchObject({
    status: 'succeeded',
    attempt: 1,
    usage: { attempts: 3 },
  });
  expect(server.requests).toHaveLength(3);
  expect(await saidIn(product.owner, conversationId)).toEqual([
    'user: hello',
    'assistant: A whole sentence.',
  ]);
  // The attempt that was broken off was paid for, so the ledger has it.
  const steps = await stepsOf(product.owner, runId);
  const outcomes = steps.at(-1).modelAttempts.map(({ outcome }: { outcome: string }) => outcome);
  expect(outcomes).toEqual(['aborted', 'ok']);
  await second.close();
});

it('lets a run finish within the drain time', async () => {
  server.script([{ text: 'just in time', delayMs: 500 }]);
  const worker = await product.startWorker({}, { workerDrainSeconds: 10 });
  const { runId } = await say(product.owner, agentId, 'hello');
  await asked(1);
  await worker.close();
  expect((await product.owner.get(`/v1/runs/${runId}`)).body).toMatchObject({ status: 'succeeded' });
  expect(server.requests).toHaveLength(1);
});

it('takes no new run while it stops', async () => {
  server.script([{ text: 'last', delayMs: 500 }]);
  const worker = await product.startWorker({}, { workerDrainSeconds: 10 });
  const running = await say(product.owner, agentId, 'hello');
  await asked(1);
  const closing = worker.close();
  const late = await say(product.owner, agentId, 'too late');
  await closing;
  expect((await product.owner.get(`/v1/runs/${running.runId}`)).body.status).toBe('succeeded');
  expect((await product.owner.get(`/v1/runs/${late.runId}`)).body.status).toBe('queued');
  const next = await product.startWorker();
  expect((await runEnd(product.owner, late.runId)).status).toBe('succeeded');
  await next.close();
});

it('hears of a cancellation although its event connection was just cut', async () => {
  const worker = await product.startWorker();
  server.script([{ text: 'never', fault: 'hang-after' }]);
  const { runId } = await say(product.owner, agentId, 'hello');
  await asked(1);
  const cut = await product.sql(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'nightshift events'`,
  );
  expect(cut.length).toBeGreaterThanOrEqual(2);
  await product.owner.post(`/v1/runs/${runId}/cancel`);
  expect(await runEnd(product.owner, runId)).toMatchObject({ status: 'cancelled' });
  await server.requests[0]!.finished;
  expect(server.requests[0]!.closedEarly).toBe(true);
  // And whoever waits over the api's own connection, which was cut too, is answered.
  expect(await ask(product.owner, agentId, 'still there?')).toMatchObject({
    reply: { text: 'still there?' },
  });
  await worker.close();
});

it('shares conversations with another, and neither answers twice', async () => {
  const workers = await Promise.all([product.startWorker(), product.startWorker()]);
  server.script((request) => ({ text: request.userText, delayMs: 30 }));
  const texts = Array.from({ length: 30 }, (_, index) => `conversation ${index}`);
  const accepted = await Promise.all(texts.map((text) => say(product.owner, agentId, text)));
  for (const [index, { runId, conversationId }] of accepted.entries()) {
    await runEnd(product.owner, runId);
    expect(await saidIn(product.owner, conversationId)).toEqual([
      `user: ${texts[index]}`,
      `assistant: ${texts[index]}`,
    ]);
  }
  await delay(200);
  expect(server.requests).toHaveLength(30);
  const owners = await product.sql('SELECT epoch FROM conversation WHERE id = ANY ($1)', [
    accepted.map(({ conversationId }) => conversationId),
  ]);
  // One claim each: nobody took a lane from the other.
  expect(owners.map(({ epoch }) => epoch)).toEqual(Array(30).fill(1));
  await Promise.all(workers.map((worker) => worker.close()));
});
