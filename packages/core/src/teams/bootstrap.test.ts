import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/postgres/index.ts';
import { resolveApiKey } from '../api-keys/index.ts';
import { type Database, openDatabase } from '../database/index.ts';
import { bootstrap } from './bootstrap.ts';

let testDatabase: TestDatabase;
let db: Database;
let directory: string;

beforeEach(async () => {
  testDatabase = await createTestDatabase();
  directory = mkdtempSync(join(tmpdir(), 'bootstrap-'));
  db = openDatabase({
    url: testDatabase.url,
    poolSize: 8,
    relaxedPoolSize: 1,
    applicationName: 'test',
    onConnectionError: () => {},
  });
});

afterEach(async () => {
  await db.close();
  await testDatabase.drop();
  rmSync(directory, { recursive: true });
});

const boot = (adminKey?: string) => bootstrap(db, { adminKey, dataDirectory: directory });
const counts = async () => [
  await db.prisma.team.count(),
  await db.prisma.apiKey.count(),
  await db.prisma.agent.count(),
];

it('makes a team, an owner key in a file of its owner alone, and an agent', async () => {
  const { newAdminKey, adminKeyPath } = await boot();
  expect(await resolveApiKey(db, newAdminKey!)).toMatchObject({ role: 'owner' });
  expect(readFileSync(adminKeyPath!, 'utf8')).toBe(`${newAdminKey}\n`);
  expect(statSync(adminKeyPath!).mode & 0o777).toBe(0o600);
  expect(await counts()).toEqual([1, 1, 1]);
});

it('shows the key on the first boot only, and makes nothing twice', async () => {
  await boot();
  expect(await boot()).toMatchObject({ newAdminKey: null });
  expect(await counts()).toEqual([1, 1, 1]);
});

it('makes one of each when several processes boot at once', async () => {
  const boots = await Promise.all([boot(), boot(), boot()]);
  expect(boots.filter(({ newAdminKey }) => newAdminKey !== null)).toHaveLength(1);
  expect(await counts()).toEqual([1, 1, 1]);
});

it('takes the key that a boot left in the file when it crashed before the row', async () => {
  const key = 'ns_left-by-a-boot-that-crashed-0123456789';
  writeFileSync(join(directory, 'admin-key'), `${key}\n`);
  expect((await boot()).newAdminKey).toBe(key);
  expect(await resolveApiKey(db, key)).toMatchObject({ role: 'owner' });
});

it('takes a preset key, also later, which is the way back in', async () => {
  const preset = 'ns_preset-0123456789012345678901';
  await boot();
  expect(await boot(preset)).toEqual({ adminKeyPath: null, newAdminKey: null });
  await boot(preset);
  expect(await resolveApiKey(db, preset)).toMatchObject({ role: 'owner' });
  expect(await counts()).toEqual([1, 2, 1]);
});
