import { randomUUID } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/postgres/index.ts';
import { type Migrations, readMigrations } from '../../../../test/support/releases/migrations.ts';
import { knownChanges, meaningOfReleased } from './known-migrations.ts';
import { applyMigrations, settleMigration } from './migrate.ts';
import { meaningOf } from './sql-meaning.ts';

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
      `SELECT count(*)::int AS n FROM pg_locks JOIN pg_database d ON d.oid = database
       WHERE locktype = 'advisory' AND d.datname = current_database()`,
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

  it.each([
    ['a comment', '-- What it is for.\nCREATE TABLE first (id int);\n'],
    ['a block comment inside', 'CREATE TABLE first (id /* of it */ int);'],
    ['white space and line endings', '\uFEFFCREATE   TABLE first\r\n  (\r\n  id int );\r\n'],
  ])('goes on after an edit of %s, and writes nothing', async (_, edited) => {
    await run();
    const before = await client.query('SELECT * FROM _prisma_migrations');
    write(FIRST, edited);
    write(SECOND, 'CREATE TABLE second (id int);');
    expect(await run()).toEqual({ applied: [SECOND] });
    expect(await run()).toEqual({ applied: [] });
    const after = await client.query('SELECT * FROM _prisma_migrations WHERE migration_name = $1', [FIRST]);
    expect(after.rows).toEqual(before.rows);
  });

  it.each([
    [
      'a comment that is code now',
      'CREATE TABLE first (id int);\n-- DROP TABLE first;',
      'CREATE TABLE first (id int);\nDROP TABLE first;',
    ],
    ['a string', "CREATE TABLE first (a text DEFAULT 'a  b');", "CREATE TABLE first (a text DEFAULT 'a b');"],
    [
      'the body of a function',
      'CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT 1::text $$;',
      'CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT  1::text $$;',
    ],
  ])('stops at an edit of %s, and says what to do', async (_, text, edited) => {
    write(FIRST, text);
    await run();
    write(FIRST, edited);
    const error = await run().catch((error: Error) => error);
    expect(error).toMatchObject({ code: 'migration_changed', retryable: false });
    for (const part of [
      `prisma/migrations/${FIRST}/migration.sql`,
      'git checkout',
      'backup',
      `--accept ${FIRST}`,
    ])
      expect((error as Error).message).toContain(part);

    await settleMigration(database.url, FIRST, { directory, as: 'accept' });
    expect(await run()).toEqual({ applied: [] });
    write(FIRST, `${readFileSync(join(directory, FIRST, 'migration.sql'), 'utf8')}-- More words.`);
    expect(await run()).toEqual({ applied: [] });
  });

  it('names the file of an applied migration that is missing here', async () => {
    write(SECOND, 'SELECT 1;');
    await run();
    rmSync(join(directory, FIRST), { recursive: true });
    await expect(run()).rejects.toMatchObject({
      code: 'migration_missing',
      message: expect.stringContaining(`git checkout -- prisma/migrations/${FIRST}/migration.sql`),
    });
  });

  it('goes on where another tool left off, once the operator has said how', async () => {
    write(SECOND, 'CREATE TABLE second (id int);');
    const begun = `INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ($1, 'y', $2)`;
    rmSync(join(directory, FIRST), { recursive: true });
    await run();
    write(FIRST, 'CREATE TABLE first (id int);');
    await client.query(begun, ['x', FIRST]);
    await expect(run()).rejects.toThrow(`npm run db:deploy -- --rolled-back ${FIRST}`);
    const settle = (name: string, as: 'accept' | 'rolled-back') =>
      settleMigration(database.url, name, { directory, as });
    await expect(settle(SECOND, 'rolled-back')).rejects.toThrow('no unfinished migration');
    await expect(settle('other', 'accept')).rejects.toThrow('no migration "other"');
    await settle(FIRST, 'rolled-back');
    expect(await run()).toEqual({ applied: [FIRST] });

    const third = '20260103000000_third';
    write(third, 'CREATE TABLE first (id int);');
    await client.query(begun, ['z', third]);
    await settle(third, 'accept');
    expect(await run()).toEqual({ applied: [] });
  });

  it('accepts a migration that was applied, taken back, and begun again by another tool', async () => {
    write(SECOND, 'CREATE TABLE second (id int);');
    await run();
    await client.query('UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = $1', [
      SECOND,
    ]);
    await client.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('x', 'y', $1)`,
      [SECOND],
    );
    await settleMigration(database.url, SECOND, { directory, as: 'accept' });
    expect(await run()).toEqual({ applied: [] });
  });

  it('settles nothing that there is no file of, and says which it is', async () => {
    write(SECOND, 'SELECT 1;');
    await run();
    rmSync(join(directory, FIRST), { recursive: true });
    await expect(settleMigration(database.url, FIRST, { directory, as: 'accept' })).rejects.toMatchObject({
      code: 'migration_missing',
    });
    rmSync(join(directory, SECOND), { recursive: true });
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

describe('the migrations of this checkout', () => {
  const ours = new URL('../../../../prisma/migrations', import.meta.url).pathname;
  const released: Migrations = JSON.parse(
    readFileSync(
      new URL('../../../../test/fixtures/releases/0.1.0/migrations.json', import.meta.url),
      'utf8',
    ),
  );
  const guests = '20261130160000_guests';

  beforeEach(() => {
    rmSync(directory, { recursive: true });
    cpSync(ours, directory, { recursive: true });
  });

  it('are known by what they mean, as far as they are released', () => {
    expect(Object.keys(released).length).toBeGreaterThan(0);
    for (const [name, checksum] of Object.entries(released))
      expect(meaningOfReleased(checksum), name).toBe(
        meaningOf(readFileSync(join(ours, name, 'migration.sql'), 'utf8')),
      );
    const checksums = readMigrations(ours);
    for (const { name, from, to } of knownChanges) {
      expect(to).toBe(meaningOf(readFileSync(join(ours, name, 'migration.sql'), 'utf8')));
      expect(from).not.toBe(checksums[name]);
    }
  });

  it('may be edited in comments where 0.1.0 recorded no more than a checksum', async () => {
    await run();
    await client.query('UPDATE _prisma_migrations SET id = gen_random_uuid()');
    for (const name of Object.keys(released))
      write(name, `-- Checked.\n${readFileSync(join(ours, name, 'migration.sql'), 'utf8')}`);
    expect(await run()).toEqual({ applied: [] });
    const [name] = Object.keys(released);
    write(name!, `${readFileSync(join(ours, name!, 'migration.sql'), 'utf8')}\nSELECT 1;`);
    await expect(run()).rejects.toMatchObject({ code: 'migration_changed' });
  });

  it('go on from the first text of the guests, where that made no difference', async () => {
    const { from } = knownChanges.find(({ name }) => name === guests)!;
    const asOfThen = `UPDATE _prisma_migrations SET id = gen_random_uuid(), checksum = '${from}' WHERE migration_name = '${guests}'`;
    await run();
    await client.query(asOfThen);
    expect(await run()).toEqual({
      applied: [],
      repaired: [expect.stringContaining('Nothing in this database is affected')],
    });
    expect(await run()).toEqual({ applied: [] });

    const [team, agent, channel, person, conversation] = Array.from({ length: 5 }, () => randomUUID());
    await client.query(`
      INSERT INTO team (id, name) VALUES ('${team}', 'ours');
      INSERT INTO agent (id, team_id, name, instructions, model, tools, limits, updated_at)
        VALUES ('${agent}', '${team}', 'assistant', '', '"auto"', '[]', '{}', now());
      INSERT INTO channel (id, team_id, agent_id, kind, name, settings, hook_key, updated_at)
        VALUES ('${channel}', '${team}', '${agent}', 'irc', 'IRC', '{}', 'key', now());
      INSERT INTO person (id, team_id, name) VALUES ('${person}', '${team}', 'ann');
      INSERT INTO identity (id, channel_id, person_id, external_id, vouched)
        VALUES (gen_random_uuid(), '${channel}', '${person}', 'ann', false);
      INSERT INTO conversation (id, team_id, agent_id, channel_id, thread_key, guest_id)
        VALUES ('${conversation}', '${team}', '${agent}', '${channel}', 'ann', '${person}')`);
    await client.query(asOfThen);
    await expect(run()).rejects.toMatchObject({
      code: 'migration_changed',
      message: expect.stringContaining('This database has rows that it concerns'),
    });
    await client.query('UPDATE conversation SET guest_id = id WHERE id = $1', [conversation]);
    expect(await run()).toMatchObject({ repaired: [expect.stringContaining(guests)] });
  });
});
