import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type EmbeddedPostgres,
  findRunningPostgres,
  retireOrphans,
  startEmbeddedPostgres,
} from './embedded-postgres.ts';
import { findPostmaster } from './postgres-orphans.ts';

let root: string;
let directory: string;
let postgres: EmbeddedPostgres | undefined;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'embedded-'));
  directory = join(root, 'postgres');
  postgres = undefined;
});

afterEach(async () => {
  await postgres?.stop();
  await retireOrphans(directory);
  rmSync(root, { recursive: true, force: true });
});

async function start({ durable = false } = {}): Promise<EmbeddedPostgres> {
  postgres = await startEmbeddedPostgres({ directory, durable });
  return postgres;
}

async function query(url: string, sql: string) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** A process that starts the cluster and stays, to be killed. */
async function startHolder(): Promise<ChildProcess> {
  const module = fileURLToPath(new URL('./embedded-postgres.ts', import.meta.url));
  const code = `import { startEmbeddedPostgres } from ${JSON.stringify(module)};
    await startEmbeddedPostgres({ directory: ${JSON.stringify(directory)}, durable: false });
    console.log('started'); setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(holder.stdout!, 'data');
  return holder;
}

describe('startEmbeddedPostgres', () => {
  it('makes a UTF-8 database that belongs to a role without special rights, for this user alone', async () => {
    const { url } = await start();
    const [row] = await query(
      url,
      `SELECT current_database() AS database, rolsuper AS super, current_setting('server_encoding') AS encoding,
              current_setting('data_checksums') AS checksums, lower('ÄÉ') AS lower
         FROM pg_roles WHERE rolname = current_user`,
    );
    expect(row).toEqual({
      database: 'nightshift',
      super: false,
      encoding: 'UTF8',
      checksums: 'on',
      lower: 'äé',
    });
    expect(statSync(join(root, 'run')).mode & 0o077).toBe(0);
    expect(findRunningPostgres(directory)).toBe(url);
  });

  it('keeps what was committed over a stop and over a kill', async () => {
    const first = await start({ durable: true });
    await query(first.url, 'CREATE TABLE kept AS SELECT 1 AS n');
    await first.stop();
    expect(findRunningPostgres(directory)).toBeUndefined();
    const second = await start({ durable: true });
    await query(second.url, 'INSERT INTO kept VALUES (2)');
    second.kill();
    await second.exited;
    const third = await start({ durable: true });
    expect(await query(third.url, 'SELECT n FROM kept ORDER BY n')).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it('ends with the process that started it', async () => {
    const holder = await startHolder();
    expect(findPostmaster(directory)).toBeDefined();
    holder.kill('SIGKILL');
    await vi.waitFor(() => expect(findPostmaster(directory)).toBeUndefined(), 60_000);
  });

  it('ends a server of an earlier run that still works on the cluster', async () => {
    const first = await start();
    const second = await start();
    expect((await first.exited).code).not.toBeNull();
    expect(await query(second.url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });

  it('is not stopped by the pid file of a killed server whose number another program has by now', async () => {
    await (await start()).stop();
    const stale = `${process.pid}\n${directory}\n1700000000\n5432\n${root}/run\n\n  1 1\nready\n`;
    writeFileSync(join(directory, 'postmaster.pid'), stale);
    writeFileSync(join(root, 'run', '.s.PGSQL.5432.lock'), stale);
    const { url } = await start();
    expect(await query(url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });

  it('makes the cluster anew when an earlier attempt was killed half-way', async () => {
    const leftover = join(root, '.postgres.making-4711');
    mkdirSync(leftover);
    writeFileSync(join(leftover, 'PG_VERSION'), '18\n');
    await start();
    expect(existsSync(leftover)).toBe(false);
  });

  it('puts the socket elsewhere when its path would be too long', async () => {
    directory = join(root, 'x'.repeat(60), 'y'.repeat(60), 'postgres');
    const { url } = await start();
    expect(await query(url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
    const sockets = new URL(url).searchParams.get('host')!;
    expect(sockets.startsWith(directory)).toBe(false);
    await postgres?.stop();
    rmSync(sockets, { recursive: true });
  });

  it('leaves data of another PostgreSQL, and what is no data at all, as they are', async () => {
    mkdirSync(directory);
    writeFileSync(join(directory, 'notes.txt'), 'mine');
    await expect(start()).rejects.toMatchObject({ code: 'not_a_cluster' });
    writeFileSync(join(directory, 'PG_VERSION'), '16\n');
    await expect(start()).rejects.toMatchObject({ code: 'foreign_data_version' });
    expect(readdirSync(directory).sort()).toEqual(['PG_VERSION', 'notes.txt']);
    expect(readFileSync(join(directory, 'notes.txt'), 'utf8')).toBe('mine');
  });
});
