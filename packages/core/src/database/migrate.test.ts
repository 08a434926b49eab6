import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/postgres/index.ts';
import { applyMigrations } from './migrate.ts';

const FIRST = '20260101000000_first';
const SECOND = '20260102000000_second';

let database: TestDatabase;
let directory: string;
let client: pg.Client;

beforeEach(async () => {
  database = await createTestDatabase({ empty: true });
  directory = mkdtempSync(join(tmpdir(), 'migrations-'));
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  write(FIRST, 'CREATE TABLE first (id int);\n');
  // What Prisma puts beside the migrations is not one of them.
  writeFileSync(join(directory, 'migration_lock.toml'), 'provider = "postgresql"\n');
});

afterEach(async () => {
  await client.end();
  await database.drop();
  rmSync(directory, { recursive: true });
});

function write(name: string, sql: string): void {
  mkdirSync(join(directory, name), { recursive: true });
  writeFileSync(join(directory, name, 'migration.sql'), sql);
}

const run = () => applyMigrations(database.url, { directory });

describe('applyMigrations', () => {
  it('applies what is missing, in order, and keeps the journal as Prisma does', async () => {
    write(SECOND, 'ALTER TABLE first ADD COLUMN name text;\nCREATE INDEX ON first (name);\n');
    expect(await run()).toEqual({ applied: [FIRST, SECOND] });

    const { rows } = await client.query('SELECT * FROM _prisma_migrations ORDER BY migration_name');
    expect(rows[0]).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      checksum: '5dda2ccc07b9fc87887614da6184744bdcbf2b88c9587752201564584dafec19',
      migration_name: FIRST,
      started_at: expect.any(Date),
      finished_at: expect.any(Date),
      applied_steps_count: 1,
      logs: null,
      rolled_back_at: null,
    });
    expect(rows[1]).toMatchObject({ migration_name: SECOND });
    await client.query('SELECT id, name FROM first');
  });

  it('does one query and takes no lock when nothing is due', async () => {
    await run();
    const queries: unknown[] = [];
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    client.query = ((...args: unknown[]) => {
      queries.push(args[0]);
      return query(...args);
    }) as typeof client.query;

    expect(await applyMigrations(client, { directory })).toEqual({ applied: [] });
    expect(queries).toHaveLength(1);
  });

  it('applies each migration once when several runners start together', async () => {
    write(SECOND, 'SELECT pg_sleep(0.1); CREATE TABLE second (id int);');
    const results = await Promise.all([run(), run(), run(), run()]);
    expect(results.flatMap((result) => result.applied).sort()).toEqual([FIRST, SECOND]);
    const { rows } = await client.query('SELECT count(*)::int AS n FROM _prisma_migrations');
    expect(rows).toEqual([{ n: 2 }]);
  });

  it('rolls a migration back whole when its SQL is refused, and keeps those before it', async () => {
    write(SECOND, 'CREATE TABLE half (id int); CREATE TABLE first (id int);');
    await expect(run()).rejects.toMatchObject({
      code: 'migration_failed',
      message: `The migration "${SECOND}" failed and was rolled back: relation "first" already exists.`,
    });
    const { rows } = await client.query("SELECT to_regclass('first') AS first, to_regclass('half') AS half");
    expect(rows).toEqual([{ first: 'first', half: null }]);

    write(SECOND, 'CREATE TABLE half (id int);');
    expect(await run()).toEqual({ applied: [SECOND] });
  });

  it('leaves the lock free after a failure', async () => {
    write(SECOND, 'nonsense');
    await expect(applyMigrations(client, { directory })).rejects.toMatchObject({ code: 'migration_failed' });
    const { rows } = await client.query(
      "SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory'",
    );
    expect(rows).toEqual([{ n: 0 }]);
  });

  it('refuses data of a newer version', async () => {
    write(SECOND, 'SELECT 1;');
    await run();
    rmSync(join(directory, SECOND), { recursive: true });
    await expect(run()).rejects.toMatchObject({ code: 'foreign_data_version' });
    await expect(run()).rejects.toThrow('written by a newer Nightshift');
  });

  it('refuses a migration edited after it was applied, but not other line endings', async () => {
    await run();
    write(FIRST, 'CREATE TABLE first (id int);\r\n');
    expect(await run()).toEqual({ applied: [] });
    write(FIRST, 'CREATE TABLE first (id bigint);\n');
    await expect(run()).rejects.toMatchObject({ code: 'migration_changed' });
  });

  it('refuses to go on after a migration another tool left unfinished, until that is marked rolled back', async () => {
    await run();
    write(SECOND, 'CREATE TABLE second (id int);');
    await client.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, logs) VALUES ('x', 'y', $1, 'boom')`,
      [SECOND],
    );
    await expect(run()).rejects.toMatchObject({ code: 'migration_unfinished' });
    await client.query(`UPDATE _prisma_migrations SET rolled_back_at = now() WHERE id = 'x'`);
    expect(await run()).toEqual({ applied: [SECOND] });
  });
});
