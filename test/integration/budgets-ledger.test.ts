/** The figures of budgets are the ledger's, whoever is killed and whatever budgets are made meanwhile. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAgent } from '../support/api/talk.ts';
import { converse, echoMarks, killWorkers } from '../support/faults/index.ts';
import { startTestCluster, type TestCluster } from '../support/faults/test-cluster.ts';

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await startTestCluster({ workers: 2 });
});

afterAll(() => cluster.close());

/** Accounts whose slots say something else than the ledger. */
const differences = () =>
  cluster.sql(`
    WITH ledger AS (
      SELECT b.id AS budget_id, a.id AS account_id, coalesce(sum(m.amount), 0) AS used, count(*) - count(m.amount) AS unpriced
      FROM budget b JOIN usage_entry e ON e.team_id = b.team_id AND e.created_at >= budget_window_start(b, now()),
        LATERAL (SELECT budget_account(b, e.agent_id, e.channel_id, e.schedule_id, e.api_key_id) AS id) AS a,
        LATERAL (SELECT budget_amount(b, e.cost_usd, e.input_tokens, e.output_tokens, e.runs, e.outcome) AS amount) AS m
      WHERE b.enabled AND a.id IS NOT NULL GROUP BY 1, 2
    ), slots AS (
      SELECT s.budget_id, s.account_id, sum(s.used) AS used, sum(s.unpriced) AS unpriced FROM budget b
      JOIN budget_slot s ON s.budget_id = b.id AND s.starts_at >= budget_window_start(b, now())
      WHERE b.enabled GROUP BY 1, 2
    )
    SELECT * FROM ledger l FULL JOIN slots s USING (budget_id, account_id)
    WHERE (l.used, l.unpriced) IS DISTINCT FROM (s.used, s.unpriced)`);

it('add up while workers are killed, and budgets are made, changed and deleted', async () => {
  const { owner, server, model } = cluster;
  server.script(echoMarks({ delayMs: 20, toolEvery: 3 }));
  const agentIds = await Promise.all([1, 2, 3].map(() => createAgent(owner, { model })));
  const budgets = (body: object) =>
    owner.expect(
      201,
      owner.post('/v1/budgets', {
        name: randomUUID(),
        scope: 'team',
        window: 'day',
        max: '999999999',
        ...body,
      }),
    );
  await budgets({ unit: 'tokens' });
  await budgets({ unit: 'tokens', scope: 'agent', window: '5h' });
  await budgets({ unit: 'usd', scope: 'member', window: 'month', allowUnpriced: true });
  await budgets({ unit: 'runs', scope: 'agent', scopeId: agentIds[0], window: 'week', rolling: true });

  const killer = killWorkers(cluster, { everyMs: 800 });
  let talking = true;
  const talk = converse(owner, { agentIds, conversations: 24, messages: 5, pauseMs: 500 }).finally(() => {
    talking = false;
  });
  let made = 0;
  // On a slow machine the talk may be over before enough of them were.
  while (talking || made <= 5) {
    const { id } = await budgets({
      unit: made % 2 ? 'runs' : 'tokens',
      scope: made % 3 ? 'team' : 'agent',
      window: '5h',
    });
    made += 1;
    await sleep(100);
    await owner.expect(200, owner.patch(`/v1/budgets/${id}`, { window: 'day', unit: 'tokens' }));
    if (made % 2) await owner.expect(204, owner.delete(`/v1/budgets/${id}`));
    expect(await differences()).toEqual([]);
  }
  const sent = await talk;
  const kills = await killer.stop();
  await expect
    .poll(() => cluster.sql(`SELECT id FROM run WHERE status IN ('queued', 'running')`))
    .toEqual([]);

  expect(kills.length).toBeGreaterThan(0);
  expect(await differences()).toEqual([]);
  expect(await cluster.sql('SELECT FROM budget_reservation')).toEqual([]);
  const [{ runs, counted }] = await cluster.sql(`
    SELECT (SELECT count(DISTINCT run_id)::int FROM usage_entry) AS runs, (SELECT sum(runs)::int FROM usage_entry) AS counted`);
  expect(counted).toBe(runs);
  expect(runs).toBeGreaterThan(0);
  expect(sent).toHaveLength(120);
}, 180_000);
