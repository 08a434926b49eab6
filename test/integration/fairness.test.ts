/** One agent's flood does not starve the others. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectModel, createAgent, type Product, runEnd, say, startProduct } from '../support/api/index.ts';
import { until } from '../support/faults/until.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';

let product: Product;
let server: ModelServer;

beforeAll(async () => {
  [product, server] = await Promise.all([startProduct(), startModelServer()]);
});
afterAll(() => Promise.all([product.close(), server.close()]));

it('answers a newcomer before the rest of a flood', async () => {
  const model = await connectModel(product.owner, server);
  const flooding = await createAgent(product.owner, { model });
  const newcomer = await createAgent(product.owner, { model });
  server.script(() => ({ text: 'Done.', delayMs: 50 }));
  const flood: string[] = [];
  for (let index = 0; index < 60; index += 1) flood.push((await say(product.owner, flooding, 'again')).runId);
  const { runId } = await say(product.owner, newcomer, 'my turn');
  await product.startWorker({}, { workerConcurrency: 1 });
  const mine = await runEnd(product.owner, runId);
  const before = await product.db.prisma.run.count({
    where: { id: { in: flood }, status: 'succeeded', endedAt: { lt: new Date(mine.endedAt) } },
  });
  expect(before).toBeLessThan(10);
});

it('answers a crowd that was not woken one by one, and two crowds in turns', async () => {
  const model = await connectModel(product.owner, server);
  const [first, second] = [
    await createAgent(product.owner, { model }),
    await createAgent(product.owner, { model }),
  ];
  server.script(() => ({ text: 'Done.', delayMs: 20 }));
  const flood = (agentId: string, count: number) =>
    Promise.all(Array.from({ length: count }, () => say(product.owner, agentId, 'hello')));
  await flood(first, 200);
  await flood(second, 100);
  await product.startWorker({}, { workerConcurrency: 4 });
  await until(
    'every message is answered',
    async () =>
      (await product.db.prisma.run.count({ where: { status: { in: ['queued', 'running'] } } })) === 0,
    30_000,
  );
  const last = await product.sql(
    `SELECT agent_id FROM run WHERE agent_id IN ($1, $2) ORDER BY started_at DESC LIMIT 50`,
    [first, second],
  );
  // Those that came second were not served last: the longer crowd is what is left at the end.
  expect(last.filter(({ agent_id }) => agent_id === second).length).toBeLessThan(10);
});
