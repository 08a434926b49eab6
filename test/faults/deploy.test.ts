/** SIGTERM, as every deployment sends it, while there is work under way. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openEvents, type SseEvent } from '../support/api/sse.ts';
import { createAgent, runEnd, say, stepsOf } from '../support/api/talk.ts';
import { echoMarks, until } from '../support/faults/index.ts';
import { startTestCluster, type TestCluster } from '../support/faults/test-cluster.ts';

const drainSeconds = 2;

let cluster: TestCluster;
let agentId: string;

beforeAll(async () => {
  cluster = await startTestCluster({ env: { WORKER_DRAIN_SECONDS: String(drainSeconds) } });
  agentId = await createAgent(cluster.owner, { model: cluster.model });
});

afterAll(() => cluster?.close());

describe('a worker', () => {
  it('finishes what it can and hands over the rest, which nobody has to wait for', async () => {
    const echo = echoMarks();
    let long = 0;
    cluster.server.script((request) => {
      if (request.userText.includes('short')) return { ...echo(request), delayMs: 1_000 };
      long += 1;
      return long === 1 ? { fault: 'hang' } : echo(request);
    });
    const short = await say(cluster.owner, agentId, 'short <c0-0>');
    const rest = await say(cluster.owner, agentId, 'long <c1-0>');
    await until('both are under way', () => cluster.server.requests.length === 2);
    const [old] = cluster.workers;
    await cluster.startWorker();

    // By itself: one that does not stop within its time ends with 1.
    expect(await old!.end('SIGTERM')).toEqual({ code: 0, signal: null });
    const [done] = await cluster.sql('SELECT status FROM run WHERE id = $1', [short.runId]);
    expect(done.status).toBe('succeeded');
    expect((await stepsOf(cluster.owner, short.runId))[0]).toMatchObject({ attempts: 1 });
    // Not the lease's 10 s: it was given back.
    expect(await runEnd(cluster.owner, rest.runId)).toMatchObject({ status: 'succeeded', attempt: 1 });
    expect(long).toBe(2);
    // Begun twice, but a deployment is no crash, and does not count as one.
    expect((await stepsOf(cluster.owner, rest.runId))[0]).toMatchObject({ attempts: 1, status: 'succeeded' });
  });
});

describe('the api', () => {
  it('is not ready at once, answers what it was asked, and leaves nobody hanging', async () => {
    cluster.server.script(() => ({ delayMs: 60_000 }));
    const { runId } = await say(cluster.owner, agentId, 'slow <c2-0>');
    const events: SseEvent[] = [];
    const stream = await openEvents(cluster.owner, runId);
    const watching = (async () => {
      for await (const event of stream) events.push(event);
    })();
    const waiting = cluster.owner.post(`/v1/agents/${agentId}/messages?wait=60`, {
      text: 'wait for it <c3-0>',
    });
    await until(
      'somebody watches, and the model was asked',
      () => events.length > 0 && cluster.server.requests.length === 5,
    );

    const ended = cluster.api.end('SIGTERM');
    // From when the signal has reached it; a request that was sent before may still be told that all is well.
    await until('it is not ready', async () => {
      const { status } = await cluster.owner.get('/readyz').catch(() => ({ status: 'connection refused' }));
      return status === 503 || status === 'connection refused';
    });
    expect(await ended).toEqual({ code: 0, signal: null });
    // Stored, and its reply is still to come: what the caller was told is true after the restart, too.
    expect(await waiting).toMatchObject({ status: 202, body: { runId: expect.any(String) } });
    await watching;
  });
});
