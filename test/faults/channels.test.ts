/** SIGKILL of workers that hold connections to platforms, and that show an answer under way. */

import { setTimeout as sleep } from 'node:timers/promises';
import { createChannel } from '@nightshift/core/channels';
import { openDatabase } from '@nightshift/core/database';
import { loadKeyEncryptionKey } from '@nightshift/core/secrets';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAgent } from '../support/api/talk.ts';
import {
  type PollPlatform,
  type Program,
  type Receiver,
  startPollPlatform,
  startProgram,
  startReceiver,
} from '../support/channel/index.ts';
import { startTestCluster, type TestCluster } from '../support/faults/test-cluster.ts';

const secretKey = 'a key of the tests, and of nobody else';

let cluster: TestCluster;
let agentId: string;

beforeAll(async () => {
  cluster = await startTestCluster({
    workers: 2,
    workerProgram: 'worker-with-channels',
    env: { NIGHTSHIFT_SECRET_KEY: secretKey, OUTBOUND_ALLOW: '127.0.0.1' },
  });
  agentId = await createAgent(cluster.owner, { model: cluster.model, queueMode: 'followup' });
});
afterAll(() => cluster.close());

it('the connection of a killed worker is another’s within 15 s, with nothing lost and nothing twice', async () => {
  const platform: PollPlatform = await startPollPlatform();
  const receiver: Receiver = await startReceiver();
  const { id: teamId } = (await cluster.owner.get('/v1/team')).body;
  const db = openDatabase({
    url: cluster.databaseUrl,
    poolSize: 2,
    relaxedPoolSize: 2,
    applicationName: 'test',
    onConnectionError: () => {},
  });
  const channelId = await createChannel(db, loadKeyEncryptionKey(secretKey, ''), teamId, {
    kind: 'test-poll',
    name: 'Polled',
    agentId,
    credentials: { token: 'token-of-the-test' },
    settings: { url: receiver.url, pollUrl: platform.url },
    access: {
      strangers: 'answer',
      people: [],
      groups: { answer: 'addressed', open: [] },
      programs: 'ignore',
      limits: { programTurns: 3, messagesPerMinute: 10_000 },
    },
    connects: true,
  });
  await db.close();
  const said = async (): Promise<string[]> =>
    (
      await cluster.sql(
        `SELECT m.content->0->>'text' AS text FROM message m JOIN conversation c ON c.id = m.conversation_id
         WHERE c.channel_id = $1 AND m.role = 'user' ORDER BY m.seq`,
        [channelId],
      )
    ).map(({ text }) => text);
  const owner = async (): Promise<string> =>
    (await cluster.sql('SELECT lease_owner FROM channel WHERE id = $1', [channelId]))[0].lease_owner;

  const all: string[] = [];
  const saying = (async () => {
    for (let at = 0; at < 60; at += 1) {
      all.push(`message ${at} <c0-${at}>`);
      platform.say(all.at(-1)!);
      await sleep(150);
    }
  })();
  await expect.poll(async () => (await said()).length).toBeGreaterThan(5);
  const killed = await owner();
  const pid = Number(killed.split('/')[1]);
  const before = (await said()).length;
  process.kill(pid, 'SIGKILL');
  await expect.poll(async () => (await said()).length).toBeGreaterThan(before + 1);
  expect(await owner()).not.toBe(killed);
  await saying;
  await expect.poll(async () => (await said()).length).toBe(all.length);
  expect(await said()).toEqual(all);
  await platform.close();
  await receiver.close();
});

it('a worker killed between the first words and the answer leaves its message to the next one', async () => {
  const program: Program = await startProgram();
  const channel = await cluster.owner.expect(
    201,
    cluster.owner.post('/v1/channels', { ...program.channel, agentId, live: true }),
  );
  const hookUrl = cluster.url + new URL(channel.webhookUrl).pathname;
  let asked = 0;
  cluster.server.script((request) => {
    // What the test before left to be taken over must not hear what is meant for this one.
    if (!JSON.stringify(request.body).includes('Tell me')) return { text: 'Late.' };
    return asked++ === 0
      ? { text: ['Half an ', 'answer that ', 'never ends '], chunkMs: 1_500, fault: 'hang-after' }
      : { text: ['The whole ', 'answer.'] };
  });
  await program.say(hookUrl, 'Tell me');
  await expect.poll(() => program.shown().length).toBe(1);
  await expect
    .poll(
      async () =>
        (
          await cluster.sql(
            'SELECT count(*)::int AS n FROM live_reply WHERE channel_id = $1 AND receipt IS NOT NULL',
            [channel.id],
          )
        )[0].n,
      { timeout: 60_000 },
    )
    .toBe(1);
  for (const worker of cluster.workers) process.kill(worker.pid!, 'SIGKILL');
  await cluster.startWorker();
  await expect.poll(() => program.shown()[0]?.text).toBe('The whole answer.');
  expect(program.shown()).toHaveLength(1);
  await program.close();
});
