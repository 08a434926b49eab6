/** The queue's Redis goes away, forgets everything, or is full: that costs time, never a message. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAgent } from '../support/api/talk.ts';
import { assertNothingLost, type Conversations, converse, echoMarks } from '../support/faults/index.ts';
import { startTestCluster, type TestCluster } from '../support/faults/test-cluster.ts';
import { describeWith } from '../support/programs.ts';

describeWith('redis-server', 'Redis', () => {
  let cluster: TestCluster;
  let agentIds: string[];

  beforeAll(async () => {
    cluster = await startTestCluster({ queue: 'redis', workers: 2 });
    cluster.server.script(echoMarks({ delayMs: 100, toolEvery: 4 }));
    const { owner, model } = cluster;
    agentIds = [
      await createAgent(owner, { model }),
      await createAgent(owner, { model, queueMode: 'followup' }),
    ];
  });

  afterAll(() => cluster?.close());

  const talk = (more: Partial<Conversations> = {}) =>
    converse(cluster.owner, { agentIds, conversations: 10, messages: 10, pauseMs: 300, ...more });

  it('killed and started again, empty', async () => {
    const talking = talk();
    await sleep(1_500);
    await cluster.redis!.kill();
    await sleep(1_000);
    await cluster.redis!.start();
    await assertNothingLost(cluster, await talking);
  });

  it('flushed', async () => {
    const talking = talk();
    for (let times = 0; times < 3; times += 1) {
      await sleep(700);
      await cluster.redis!.call('FLUSHALL');
    }
    await assertNothingLost(cluster, await talking);
  });

  it('out of memory, and not there at all: what is accepted is answered all the same', async () => {
    await cluster.redis!.call('CONFIG', 'SET', 'maxmemory', '1');
    await assertNothingLost(cluster, await talk({ messages: 2 }));
    await cluster.redis!.kill();
    await assertNothingLost(cluster, await talk({ messages: 2 }));
    expect((await cluster.owner.get('/readyz')).status).toBe(503);

    await cluster.redis!.start();
    await assertNothingLost(cluster, await talk({ messages: 2 }));
    expect((await cluster.owner.get('/readyz')).status).toBe(200);
  });
});
