/** A worker that the machine stops for longer than its lease (SIGSTOP), and that then goes on as if nothing was. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ask, createAgent } from '../support/api/talk.ts';
import { assertNothingLost, marksIn, type Sent, sendUntilAccepted, until } from '../support/faults/index.ts';
import { describeQueues, startTestCluster, type TestCluster } from '../support/faults/test-cluster.ts';

const recoveryMs = 20_000;
const conversations = 8;

describeQueues('a worker stopped past its lease', (queue) => {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await startTestCluster({ queue, workers: 2 });
  });

  afterAll(() => cluster?.close());

  /** Everything that a worker could write or send, but for what its calls have cost. */
  async function traces() {
    const [rows] = await cluster.sql(`
      SELECT (SELECT jsonb_agg(to_jsonb(m) ORDER BY id) FROM message m) AS messages,
        (SELECT jsonb_agg(to_jsonb(s) ORDER BY id) FROM step s) AS steps,
        (SELECT jsonb_agg(to_jsonb(r) ORDER BY id) FROM run r) AS runs,
        (SELECT jsonb_agg(to_jsonb(c) ORDER BY id) FROM conversation c) AS conversations,
        (SELECT jsonb_agg(to_jsonb(e) ORDER BY run_id, seq) FROM run_event e) AS events`);
    return { ...rows, requests: cluster.server.requests.length };
  }

  it('another one does its half of the work; when it goes on, it writes what its calls have cost, and nothing else', async () => {
    // Each answer is spoken for two seconds: its rest waits in the socket of the worker that is stopped meanwhile.
    cluster.server.script(({ userText }) => ({
      text: [marksIn(userText).join(), ...Array.from({ length: 50 }, () => ' and so on')],
      chunkMs: 40,
    }));
    const agentId = await createAgent(cluster.owner, { model: cluster.model });
    const sent: Sent[] = [];
    for (let number = 0; number < conversations; number += 1) {
      sent.push(await sendUntilAccepted(cluster.owner, agentId, `<c${number}-0>`));
    }
    await until('all are being answered', () => cluster.server.requests.length === conversations);
    const held = await cluster.sql(
      `SELECT split_part(lease_owner, '/', 2)::int AS pid, count(*) FROM conversation WHERE lease_owner IS NOT NULL
       GROUP BY 1 ORDER BY 2 DESC`,
    );
    const stopped = cluster.workers.find(({ pid }) => pid === held[0].pid)!;
    const other = cluster.workers.find((worker) => worker !== stopped)!;
    stopped.signal('SIGSTOP');
    await assertNothingLost(cluster, sent, recoveryMs);
    expect(cluster.server.requests.length).toBeGreaterThan(conversations);
    // The last events are written a moment after the end of their run.
    await until('the end of each run is told', async () => {
      const [{ untold }] = await cluster.sql(`SELECT count(*)::int AS untold FROM run r WHERE NOT EXISTS (
        SELECT FROM run_event e WHERE e.run_id = r.id AND e.type = 'run.finished')`);
      return untold === 0;
    });
    const before = await traces();

    stopped.signal('SIGCONT');
    await until('each call is in the ledger', async () => {
      const [{ paid }] = await cluster.sql(`SELECT count(*)::int AS paid FROM usage_entry`);
      return paid === cluster.server.requests.length;
    });
    await sleep(4_000);
    expect(await traces()).toEqual(before);
    expect(stopped.running).toBe(true);

    // It is a worker like any other again.
    await other.end();
    cluster.server.script();
    expect((await ask(cluster.owner, agentId, 'Are you back?')).reply?.text).toBe('Are you back?');
  });
});
