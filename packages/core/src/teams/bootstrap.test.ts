import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/postgres/index.ts';
import { createApiKey, resolveApiKey } from '../api-keys/index.ts';
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
  expect(await boot(preset)).toEqual({ adminKeyPath: null, newAdminKey: null, warnings: [] });
  await boot(preset);
  expect(await resolveApiKey(db, preset)).toMatchObject({ role: 'owner' });
  expect(await counts()).toEqual([1, 2, 1]);
});

describe('a key of the installation that another one replaces', () => {
  const first = 'ns_first-01234567890123456789012';
  const second = 'ns_second-0123456789012345678901';

  it('ends, whether the environment presets it or the file holds it', async () => {
    await boot(first);
    await boot(second);
    expect(await resolveApiKey(db, first)).toBeNull();
    expect(await resolveApiKey(db, second)).toMatchObject({ role: 'owner' });
  });

  it('ends when the file has another one, and the rest stays', async () => {
    const { newAdminKey, adminKeyPath } = await boot();
    const { id: teamId } = await db.prisma.team.findFirstOrThrow();
    const { key: made } = await createApiKey(db, { teamId, role: 'owner' }, { name: 'ci', role: 'owner' });
    writeFileSync(adminKeyPath!, `${second}\n`);
    await boot();
    expect(await resolveApiKey(db, newAdminKey!)).toBeNull();
    expect(await resolveApiKey(db, second)).toMatchObject({ role: 'owner' });
    expect(await resolveApiKey(db, made)).toMatchObject({ role: 'owner' });
  });

  it('does not come back with a process that still has it, which also ends no other', async () => {
    await boot(first);
    await boot(second);
    const { warnings } = await boot(first);
    expect(warnings).toEqual([expect.stringContaining('was revoked, and stays so')]);
    expect(await resolveApiKey(db, first)).toBeNull();
    expect(await resolveApiKey(db, second)).toMatchObject({ role: 'owner' });
  });

  it('leaves the key of the file when the environment begins to preset one', async () => {
    const { newAdminKey } = await boot();
    await boot(first);
    expect(await resolveApiKey(db, newAdminKey!)).toMatchObject({ role: 'owner' });
  });

  it('is warned of when the environment presets none any more', async () => {
    await boot(first);
    const { warnings } = await boot();
    expect(warnings).toEqual([expect.stringMatching(/…9012\) came from .*nightshift keys revoke/)]);
    await db.prisma.apiKey.updateMany({ data: { revokedAt: new Date() } });
    expect((await boot()).warnings).toEqual([]);
  });

  it('is warned of where an earlier version did not mark it', async () => {
    await boot(first);
    await db.prisma.apiKey.updateMany({ data: { origin: null } });
    const { warnings } = await boot(second);
    expect(warnings).toEqual([expect.stringMatching(/…9012\) .*nightshift keys revoke/)]);
    // What is the same as before is marked from now on.
    await db.prisma.apiKey.updateMany({ where: { last4: '8901' }, data: { origin: null } });
    expect((await boot(second)).warnings).toHaveLength(1);
    await boot(`${second}-again`);
    expect(await resolveApiKey(db, second)).toBeNull();
  });

  it('is none that the file only seems to hold', async () => {
    const { newAdminKey, adminKeyPath } = await boot();
    writeFileSync(adminKeyPath!, 'password\n');
    expect((await boot()).warnings).toEqual([expect.stringContaining('holds no key')]);
    expect(await resolveApiKey(db, newAdminKey!)).toMatchObject({ role: 'owner' });
    expect(await resolveApiKey(db, 'password')).toBeNull();
  });
});
