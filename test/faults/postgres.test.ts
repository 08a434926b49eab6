/** Postgres goes away while people talk: what was accepted is answered, what could not be stored is refused. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@nightshift/standalone/embedded-postgres';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openEvents } from '../support/api/sse.ts';
import { createAgent, runEnd, say } from '../support/api/talk.ts';
import {
  assertNothingLost,
  type Conversations,
  converse,
  echoMarks,
  until,
} from '../support/faults/index.ts';
import { startTestCluster, type TestCluster } from '../support/faults/test-cluster.ts';

const directory = mkdtempSync(join(tmpdir(), 'nightshift-postgres-'));
let postgres: EmbeddedPostgres;
let cluster: TestCluster;
let agentIds: string[];

/** The same directory is the same address. Durable, since that is what is tested. */
const start = async () => {
  postgres = await startEmbeddedPostgres({ directory: join(directory, 'postgres') });
};

beforeAll(async () => {
  await start();
  cluster = await startTestCluster({ databaseUrl: postgres.url, workers: 2 });
  const { owner, model } = cluster;
  agentIds = [
    await createAgent(owner, { model }),
    await createAgent(owner, { model, queueMode: 'followup' }),
  ];
});

afterAll(async () => {
  await cluster?.close();
  await postgres?.stop();
  rmSync(directory, { recursive: true });
});

/** The api and both workers. */
const stillRunning = () => [cluster.api, ...cluster.workers].map(({ running }) => running);

const talk = (more: Partial<Conversations>) =>
  converse(cluster.owner, { agentIds, conversations: 10, messages: 10, pauseMs: 300, ...more });

it('restarted at once, after a crash', async () => {
  cluster.server.script(echoMarks({ delayMs: 100, toolEvery: 4 }));
  const talking = talk({});
  await sleep(1_500);
  postgres.kill();
  await postgres.exited;
  await start();
  await assertNothingLost(cluster, await talking);
  expect(stillRunning()).toEqual([true, true, true]);
});

it('stopped for ten seconds: 503 and never a 202 without a row', async () => {
  cluster.server.script(echoMarks({ delayMs: 100, toolEvery: 4 }));
  const talking = talk({ messages: 5, pauseMs: 600 });
  await sleep(1_500);
  await postgres.stop();
  const stoppedAt = Date.now();
  const refused = await cluster.owner.post(`/v1/agents/${agentIds[0]}/messages`, { text: 'Anybody?' });
  expect(refused).toMatchObject({ status: 503, body: { code: 'unavailable' } });
  expect((await cluster.owner.get('/readyz')).status).toBe(503);
  expect((await cluster.owner.get('/healthz')).status).toBe(200);
  await sleep(stoppedAt + 10_000 - Date.now());
  await start();
  await until('it is ready again', async () => (await cluster.owner.get('/readyz')).status === 200);
  await assertNothingLost(cluster, await talking);
});

it('every connection cut, again and again: no process ends of it', async () => {
  cluster.server.script(echoMarks({ delayMs: 100, toolEvery: 4 }));
  const talking = talk({});
  for (let times = 0; times < 10; times += 1) {
    await sleep(250);
    await cluster.sql(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    );
  }
  await assertNothingLost(cluster, await talking);
  expect(stillRunning()).toEqual([true, true, true]);
});

it('every listening connection cut: nobody notices for long', async () => {
  cluster.server.script(({ userText }) =>
    userText.includes('endless') ? { fault: 'hang-after', text: 'An' } : undefined,
  );
  const endless = await say(cluster.owner, agentIds[0]!, 'endless');
  const watched: string[] = [];
  const stream = await openEvents(cluster.owner, endless.runId);
  const watching = (async () => {
    for await (const { event } of stream) watched.push(event);
  })();
  await until('it is watched', () => watched.includes('text.delta'));

  const listening = `FROM pg_stat_activity WHERE query ~* '(^|\\n)LISTEN ' AND pid <> pg_backend_pid()`;
  // Each process listens for signals, and each worker for jobs. One may be about to connect, after the test before.
  const signalled = `${listening} AND application_name = 'nightshift events'`;
  await until('everybody listens', async () => (await cluster.sql(`SELECT ${signalled}`)).length === 3);
  const cut = await cluster.sql(`SELECT pg_terminate_backend(pid) ${listening}`);
  expect(cut.length).toBeGreaterThan(3);
  const [waited] = await Promise.all([
    cluster.owner.post(`/v1/agents/${agentIds[0]}/messages?wait=60`, { text: 'picked up' }),
    cluster.owner.expect(202, cluster.owner.post(`/v1/runs/${endless.runId}/cancel`)),
  ]);
  expect(waited).toMatchObject({ status: 200, body: { reply: { text: 'picked up' } } });
  expect(await runEnd(cluster.owner, endless.runId)).toMatchObject({ status: 'cancelled' });
  await watching;
  expect(watched.at(-1)).toBe('run.finished');
});
