import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/postgres/index.ts';
import { type Database, newId, openDatabase } from '../database/index.ts';
import { createLog } from '../log/index.ts';
import { openEventBus } from './bus.ts';
import { appendRunEvents, createRunEventWriter, pruneRunEvents, readRunEvents } from './run-events.ts';

const log = createLog('test', 'silent');

let testDatabase: TestDatabase;
let db: Database;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  db = openDatabase({
    url: testDatabase.url,
    poolSize: 1,
    relaxedPoolSize: 4,
    applicationName: 'test',
    onConnectionError: () => {},
  });
});

afterAll(async () => {
  await db.close();
  await testDatabase.drop();
});

const delta = (text: string, index = 0) => ({ type: 'text.delta', index, text }) as const;

it('joins the deltas of one step, and keeps everything in order', async () => {
  const runId = newId();
  const writer = createRunEventWriter(db, runId, log);
  for (const event of [
    delta('a'),
    delta('b'),
    delta('c', 2),
    { ...delta('d', 2), type: 'thinking.delta' as const },
  ]) {
    writer.publish(event);
  }
  await writer.flush();
  writer.publish(delta('e', 2));
  await writer.flush();
  expect((await readRunEvents(db, runId, 0)).map(({ seq, event }) => ({ seq, ...event }))).toEqual([
    { seq: 1, type: 'text.delta', index: 0, text: 'ab' },
    { seq: 2, type: 'text.delta', index: 2, text: 'c' },
    { seq: 3, type: 'thinking.delta', index: 2, text: 'd' },
    { seq: 4, type: 'text.delta', index: 2, text: 'e' },
  ]);
  expect((await readRunEvents(db, runId, 3)).map(({ seq }) => seq)).toEqual([4]);
});

it('never changes what it was given', async () => {
  const writer = createRunEventWriter(db, newId(), log);
  const event = delta('a');
  writer.publish(event);
  writer.publish(delta('b'));
  await writer.flush();
  expect(event.text).toBe('a');
});

it('does not disturb a run whose events cannot be written', async () => {
  const writer = createRunEventWriter(db, 'no uuid', log);
  writer.publish(delta('a'));
  await expect(writer.flush()).resolves.toBeUndefined();
});

it('forgets after an hour', async () => {
  const runId = newId();
  await appendRunEvents(db, runId, [delta('old')]);
  await db.pool.query(`UPDATE run_event SET created_at = now() - interval '61 minutes' WHERE run_id = $1`, [
    runId,
  ]);
  await appendRunEvents(db, runId, [delta('new')]);
  await pruneRunEvents(db);
  expect((await readRunEvents(db, runId, 0)).map(({ seq }) => seq)).toEqual([2]);
});

it('tells those who listen for a run, those of no other, and everybody after its connection was cut', async () => {
  const bus = await openEventBus(testDatabase.url, log);
  const [runId, other] = [newId(), newId()];
  const heard = { mine: 0, other: 0 };
  const leave = bus.subscribe('run', runId, () => {
    heard.mine += 1;
  });
  bus.subscribe('run', other, () => {
    heard.other += 1;
  });
  await appendRunEvents(db, runId, [delta('a')]);
  await expect.poll(() => heard).toEqual({ mine: 1, other: 0 });

  await db.pool.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'nightshift events'`);
  await expect.poll(() => heard).toEqual({ mine: 2, other: 1 });
  expect(bus.connected).toBe(true);
  leave();
  await appendRunEvents(db, runId, [delta('b')]);
  await appendRunEvents(db, other, [delta('b')]);
  await expect.poll(() => heard).toEqual({ mine: 2, other: 2 });
  await bus.close();
});
