/** Everything at once: workers die while the model fails and people do not wait. `npm run soak` is the long form. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createAgent } from '../support/api/talk.ts';
import {
  assertNothingLost,
  converse,
  echoMarks,
  killWorkers,
  marksIn,
  sendUntilAccepted,
} from '../support/faults/index.ts';
import { describeQueues, startTestCluster, type TestCluster } from '../support/faults/test-cluster.ts';
import type { Step } from '../support/model-server/index.ts';

/** What vendors do before they have said a word, each of which is tried again. */
const failures: readonly Step[] = [
  { status: 429, headers: { 'retry-after': '1' } },
  { status: 500 },
  { truncate: { bytes: 0, how: 'cut' } },
  { status: 503 },
];

describeQueues('under load', (queue) => {
  let cluster: TestCluster;
  let agentIds: string[];

  beforeAll(async () => {
    cluster = await startTestCluster({ queue, workers: 3 });
    const { owner, model } = cluster;
    agentIds = [
      await createAgent(owner, { model }),
      await createAgent(owner, { model, queueMode: 'followup' }),
    ];
  });

  beforeEach(() => cluster.server.script(echoMarks({ delayMs: 20, toolEvery: 4 })));

  afterAll(() => cluster?.close());

  it('twelve messages at once to one conversation', async () => {
    for (const agentId of agentIds) {
      const first = await sendUntilAccepted(cluster.owner, agentId, '<c0-0>');
      const rest = await Promise.all(
        Array.from({ length: 12 }, (_, index) =>
          sendUntilAccepted(cluster.owner, agentId, `<c0-${index + 1}>`, first.conversationId),
        ),
      );
      await assertNothingLost(cluster, [first, ...rest]);
    }
  });

  it('workers are killed while the model fails in every way', async () => {
    const echo = echoMarks({ delayMs: 20, toolEvery: 4 });
    const failed = new Set<string>();
    let next = 0;
    cluster.server.script((request) => {
      const said = marksIn(JSON.stringify(request.body)).join();
      // Every other question fails once.
      const isDue = Number(said.at(-2)) % 2 === 1 && !failed.has(said);
      failed.add(said);
      return isDue ? failures[next++ % failures.length] : echo(request);
    });
    const killer = killWorkers(cluster, { everyMs: 1_500 });
    const sent = await converse(cluster.owner, { agentIds, conversations: 12, messages: 8, pauseMs: 700 });
    await sleep(1_000);
    const kills = await killer.stop();
    expect(kills.length).toBeGreaterThan(0);
    await assertNothingLost(cluster, sent);
    expect(next).toBeGreaterThan(10);
  });
});
