/** The database ends a statement since others held what it needed: the same work is done again, and nobody notices. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ask, connectModel, createAgent, type Product, startProduct, stepsOf } from '../support/api/index.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';
import { holdUp } from '../support/postgres/conflicts.ts';

let product: Product;
let server: ModelServer;
let model: string;

beforeAll(async () => {
  [product, server] = await Promise.all([startProduct(), startModelServer()]);
  model = await connectModel(product.owner, server);
  await product.startWorker();
});
afterAll(() => Promise.all([product.close(), server.close()]));

it.each([
  'conversation',
  'message',
  'run',
  'step',
  'usage_entry',
  'run_event',
  'budget_slot',
  'budget_reservation',
])('is repeated where it writes to %s', async (table) => {
  const agentId = await createAgent(product.owner, { model });
  const budget = {
    name: `Limit ${agentId}`,
    scope: 'agent',
    scopeId: agentId,
    window: 'day',
    unit: 'tokens',
    max: '1000000',
  };
  await product.owner.expect(201, product.owner.post('/v1/budgets', budget));
  server.script([{ text: 'As if nothing had been.', usage: { input: 10, output: 10 } }]);
  const writes = await holdUp(product.sql, table);
  const { runId } = await ask(product.owner, agentId, 'Hello');
  expect((await product.owner.get(`/v1/runs/${runId}`)).body).toMatchObject({
    status: 'succeeded',
    error: null,
  });
  expect(await stepsOf(product.owner, runId)).toMatchObject([
    { kind: 'model', status: 'succeeded', attempts: 1 },
  ]);
  expect(await writes()).toBeGreaterThan(3);
});
