import { acceptFirst } from '@nightshift/core/inbox';
import { claimRun, releaseLane, renewLanes } from '@nightshift/core/runs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAgent, type Product, startProduct } from '../support/api/index.ts';

let product: Product;

beforeAll(async () => {
  product = await startProduct();
});
afterAll(() => product.close());

async function claimed() {
  const agentId = await createAgent(product.owner);
  const { conversationId } = await acceptFirst(product.db, {
    teamId: product.id,
    agentId,
    source: 'api',
    content: [{ type: 'text', text: 'Hello' }],
    trigger: 'api',
  });
  return (await claimRun(product.db, conversationId, 'first'))!;
}

const claimAgain = (conversationId: string) => claimRun(product.db, conversationId, 'second');

it('keeps a lane from everybody else', async () => {
  const { lane, id } = await claimed();
  await product.sql(`UPDATE conversation SET lease_until = now() + interval '1 second' WHERE id = $1`, [
    lane.conversationId,
  ]);
  expect(await renewLanes(product.db, [{ lane, runId: id }])).toEqual([{ lane, cancelled: false }]);
  await product.sql(`SELECT pg_sleep(1.1)`);
  expect(await claimAgain(lane.conversationId)).toBeNull();
});

it('that comes late does not take back a lane that was given up', async () => {
  const { lane, id } = await claimed();
  await releaseLane(product.db, lane);
  expect(await renewLanes(product.db, [{ lane, runId: id }])).toEqual([]);
  expect(await claimAgain(lane.conversationId)).toMatchObject({ id, lane: { epoch: lane.epoch + 1 } });
});

it('does not take back a lane that another worker took', async () => {
  const { lane, id } = await claimed();
  await product.sql(`UPDATE conversation SET lease_until = now() - interval '1 second' WHERE id = $1`, [
    lane.conversationId,
  ]);
  const taken = await claimAgain(lane.conversationId);
  expect(await renewLanes(product.db, [{ lane, runId: id }])).toEqual([]);
  expect(taken).toMatchObject({ id, takenOver: true });
});
