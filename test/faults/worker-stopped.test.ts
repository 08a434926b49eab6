/** A worker that the machine stops for longer than its lease (SIGSTOP), and that then goes on as if nothing was. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ask, createAgent, runEnd, saidIn, say } from '../support/api/talk.ts';
import { echoMarks, type ServerProcess, until } from '../support/faults/index.ts';
import { describeQueues, startTestCluster, type TestCluster } from '../support/faults/test-cluster.ts';

const recoveryMs = 20_000;

describeQueues('a worker stopped past its lease', (queue) => {
  let cluster: TestCluster;
  let agentId: string;
  let stopped: ServerProcess;

  beforeAll(async () => {
    cluster = await startTestCluster({ queue });
    agentId = await createAgent(cluster.owner, { model: cluster.model });
    stopped = cluster.workers[0]!;
  });

  afterAll(() => cluster?.close());

  /** Everything that a worker could write or send. */
  async function traces() {
    const [rows] = await cluster.sql(`
      SELECT (SELECT jsonb_agg(to_jsonb(m) ORDER BY id) FROM message m) AS messages,
        (SELECT jsonb_agg(to_jsonb(s) ORDER BY id) FROM step s) AS steps,
        (SELECT jsonb_agg(to_jsonb(r) ORDER BY id) FROM run r) AS runs,
        (SELECT jsonb_agg(to_jsonb(c) ORDER BY id) FROM conversation c) AS conversations,
        (SELECT jsonb_agg(to_jsonb(u) ORDER BY id) FROM usage_entry u) AS usage,
        (SELECT jsonb_agg(to_jsonb(e) ORDER BY run_id, seq) FROM run_event e) AS events`);
    return { ...rows, requests: cluster.server.requests.length };
  }

  it('writes nothing and sends nothing when it goes on; another one answers, once', async () => {
    const echo = echoMarks();
    let asked = 0;
    cluster.server.script((request) => {
      asked += 1;
      // The first answer arrives while its worker is stopped, and waits for it in the socket.
      if (asked === 1) return { text: 'Too late.', delayMs: 2_000 };
      // This one breaks off in the middle.
      if (asked === 2) return { text: 'Too la', fault: 'hang-after' };
      return echo(request);
    });
    const said = await Promise.all([
      say(cluster.owner, agentId, '<c0-0>'),
      say(cluster.owner, agentId, '<c1-0>'),
    ]);
    await until('the model is asked by both runs', () => asked === 2);
    stopped.signal('SIGSTOP');
    const other = await cluster.startWorker();
    for (const { runId } of said) await runEnd(cluster.owner, runId, recoveryMs);
    const before = await traces();

    stopped.signal('SIGCONT');
    await sleep(4_000);
    expect(await traces()).toEqual(before);
    expect(stopped.running).toBe(true);
    for (const [number, { conversationId }] of said.entries()) {
      const mark = `<c${number}-0>`;
      expect(await saidIn(cluster.owner, conversationId)).toEqual([`user: ${mark}`, `assistant: ${mark}`]);
    }

    // It is a worker like any other again.
    await other.end();
    expect((await ask(cluster.owner, agentId, '<c2-0>')).reply?.text).toBe('<c2-0>');
  }, 60_000);
});
