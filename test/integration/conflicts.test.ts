/** The database ends a statement since others held what it needed: the same work is done again, and nobody notices. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ask, connectModel, createAgent, type Product, startProduct, stepsOf } from '../support/api/index.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';

let product: Product;
let server: ModelServer;
let model: string;

beforeAll(async () => {
  [product, server] = await Promise.all([startProduct(), startModelServer()]);
  model = await connectModel(product.owner, server);
  await product.startWorker();
});
afterAll(() => Promise.all([product.close(), server.close()]));

/** The first three writes to the table end as the victims of a deadlock. @returns how many have */
async function holdUp(table: string): Promise<() => Promise<number>> {
  const { prisma } = product.db;
  for (const sql of [
    // A sequence counts on when a transaction is undone.
    `CREATE SEQUENCE IF NOT EXISTS held_up_${table}`,
    `CREATE OR REPLACE FUNCTION hold_up_${table}() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN
       IF nextval('held_up_${table}') <= 3 THEN
         RAISE EXCEPTION 'deadlock detected' USING ERRCODE = 'deadlock_detected';
       END IF;
       RETURN NEW;
     END $$`,
    `CREATE OR REPLACE TRIGGER hold_up BEFORE INSERT OR UPDATE ON ${table}
     FOR EACH ROW EXECUTE FUNCTION hold_up_${table}()`,
  ])
    await prisma.$executeRawUnsafe(sql);
  return async () => {
    const [row] = await prisma.$queryRawUnsafe<{ n: bigint }[]>(
      `SELECT last_value AS n FROM held_up_${table}`,
    );
    return Number(row!.n);
  };
}

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
  const heldUp = await holdUp(table);
  const { runId } = await ask(product.owner, agentId, 'Hello');
  expect((await product.owner.get(`/v1/runs/${runId}`)).body).toMatchObject({
    status: 'succeeded',
    error: null,
  });
  expect(await stepsOf(product.owner, runId)).toMatchObject([
    { kind: 'model', status: 'succeeded', attempts: 1 },
  ]);
  expect(await heldUp()).toBeGreaterThan(3);
});
