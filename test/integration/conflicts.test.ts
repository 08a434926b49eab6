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

it.each(['deadlock_detected', 'serialization_failure'])(
  'that goes on and on is a 503, whichever way the write takes: %s',
  async (kind) => {
    const agentId = await createAgent(product.owner, { model });
    await product.sql(`
      CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '${kind}'; END $$`);
    for (const table of ['agent', 'message'])
      await product.sql(
        `CREATE TRIGGER refuse BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION refuse()`,
      );
    const answers = [
      await product.owner.post('/v1/agents', { name: `refused ${agentId}` }),
      await product.owner.post(`/v1/agents/${agentId}/messages`, { text: 'Hello' }),
    ];
    for (const table of ['agent', 'message']) await product.sql(`DROP TRIGGER refuse ON ${table}`);
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual([
      [503, 'unavailable'],
      [503, 'unavailable'],
    ]);
  },
);
