import { afterEach, expect, it } from 'vitest';
import { ask, createAgent, runEnd, say } from '../support/api/talk.ts';
import { allRunsEnded, assertNothingLost, converse, echoMarks, until } from '../support/faults/index.ts';
import { startTestCluster, type TestCluster } from '../support/faults/test-cluster.ts';
import { createTestDatabase } from '../support/postgres/index.ts';
import { describeWith } from '../support/programs.ts';

let cluster: TestCluster;

afterEach(() => cluster?.close());

it('six workers and the api start at once on an empty database', async () => {
  const database = await createTestDatabase({ empty: true });
  cluster = await startTestCluster({ databaseUrl: database.url, workers: 6 });
  const agentId = await createAgent(cluster.owner, { model: cluster.model });
  expect((await ask(cluster.owner, agentId, 'Is anybody <c0-0>')).reply?.text).toBe('<c0-0>');
  expect(cluster.workers).toHaveLength(6);
  const [made] = await cluster.sql(`
    SELECT (SELECT count(*)::int FROM team) AS teams,
      (SELECT count(*)::int FROM agent WHERE name = 'assistant') AS assistants,
      (SELECT count(*)::int FROM api_key) AS keys,
      (SELECT count(*) = count(DISTINCT migration_name) AND bool_and(finished_at IS NOT NULL) FROM _prisma_migrations) AS once`);
  expect(made).toEqual({ teams: 1, assistants: 1, keys: 1, once: true });

  // Each of the six looks for what is due.
  const schedule = { agentId, name: 'tick', prompt: 'Tick <c1-0>', everySeconds: 1, overlap: 'queue' };
  await cluster.owner.expect(201, cluster.owner.post('/v1/schedules', schedule));
  const counts = async () =>
    (
      await cluster.sql(`
        SELECT (SELECT count(*)::int FROM schedule_fire) AS slots, count(*)::int AS runs,
          count(*) FILTER (WHERE status = 'succeeded')::int AS succeeded FROM run WHERE trigger = 'schedule'`)
    )[0];
  await until('five slots are over', async () => (await counts()).succeeded >= 5);
  await cluster.sql(`UPDATE schedule SET status = 'paused', paused_reason = 'enough'`);
  await allRunsEnded(cluster.sql);
  const { slots, runs, succeeded } = await counts();
  expect({ runs, succeeded }).toEqual({ runs: slots, succeeded: slots });
  await cluster.close();
  await database.drop();
});

describeWith('faketime', 'clocks that are five minutes off', () => {
  it('take nothing from anybody', async () => {
    cluster = await startTestCluster();
    await Promise.all(
      ['+5m', '-5m'].map((offset) => cluster.startWorker(['faketime', '--exclude-monotonic', '-f', offset])),
    );
    const { owner, model } = cluster;
    const agentIds = [
      await createAgent(owner, { model }),
      await createAgent(owner, { model, debounceMs: 300 }),
    ];
    // Longer than a lease: whoever mistook the time would take it over, or give it up.
    cluster.server.script((request) =>
      request.userText.includes('slow')
        ? { delayMs: 12_000, text: 'Slow.' }
        : echoMarks({ delayMs: 20 })(request),
    );
    const slow = await Promise.all(Array.from({ length: 9 }, () => say(owner, agentIds[0]!, 'slow')));
    const sent = await converse(owner, { agentIds, conversations: 10, messages: 5, pauseMs: 200 });
    for (const { runId } of slow) await runEnd(owner, runId);
    await assertNothingLost(cluster, sent);
    expect(await cluster.sql('SELECT FROM step WHERE attempts > 1')).toEqual([]);
    const odd = `status <> 'succeeded' OR started_at > now() OR ended_at < started_at`;
    expect(await cluster.sql(`SELECT FROM run WHERE ${odd}`)).toEqual([]);
  });
});
