import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

/**
 * The key Prisma's schema engine passes to `pg_advisory_lock` while it migrates. Using the same one keeps this runner
 * and a `prisma migrate deploy` started by hand from working on one database at once.
 */
const ADVISORY_LOCK = 72_707_369;

/** How long one runner waits for another one to finish, in milliseconds. */
const LOCK_TIMEOUT_MS = 120_000;

/** Prisma's own definition of its journal, to the letter, so that its command line tool accepts the table. */
const CREATE_TABLE = `CREATE TABLE IF NOT EXISTS _prisma_migrations (
    id                      VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum                VARCHAR(64) NOT NULL,
    finished_at             TIMESTAMPTZ,
    migration_name          VARCHAR(255) NOT NULL,
    logs                    TEXT,
    rolled_back_at          TIMESTAMPTZ,
    started_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count     INTEGER NOT NULL DEFAULT 0
)`;

const READ_JOURNAL = `SELECT migration_name AS name, checksum, finished_at IS NOT NULL AS finished
  FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY started_at`;

const UNDEFINED_TABLE = '42P01';
const LOCK_NOT_AVAILABLE = '55P03';

export type MigrationErrorCode =
  /** The database holds a migration this version does not have: a newer Nightshift wrote the data. */
  | 'foreign_data_version'
  /** A migration file was edited after it had been applied. */
  | 'migration_changed'
  /** Another tool recorded a migration that began and never finished. */
  | 'migration_unfinished'
  /** A migration's SQL was refused; its transaction was rolled back and nothing of it remains. */
  | 'migration_failed'
  /** No connection: the server is down, the address or the password is wrong. */
  | 'database_unreachable'
  /** Another runner held the lock for longer than two minutes. */
  | 'migration_lock_timeout';

/** Why the database could not be brought to this version's schema. The message is one sentence for the operator. */
export class MigrationError extends Error {
  readonly code: MigrationErrorCode;
  readonly retryable: boolean;

  constructor(code: MigrationErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MigrationError';
    this.code = code;
    this.retryable = code === 'migration_lock_timeout' || code === 'database_unreachable';
  }
}

interface Migration {
  name: string;
  sql: string;
}

interface JournalEntry {
  name: string;
  checksum: string;
  finished: boolean;
}

export interface MigrationResult {
  /** Names of the migrations this call applied, in order; empty when there was nothing to do. */
  applied: string[];
}

/**
 * Brings a database to the schema that `directory` (Prisma's `migrations` folder) describes. When nothing is due this
 * is one query and takes no lock, so every process may call it on every start. Otherwise it takes an advisory lock,
 * and each migration commits in its own transaction together with its row in `_prisma_migrations`.
 *
 * A client that is passed in must be connected, outside a transaction, and on a session of its own (the lock belongs
 * to the session, so a pooler in transaction mode will not do); it is left connected.
 *
 * @throws {MigrationError} when the data does not fit this version, or a migration's SQL is refused.
 */
export async function applyMigrations(
  connection: string | pg.Client,
  options: { directory: string | URL },
): Promise<MigrationResult> {
  const migrations = await readMigrations(options.directory);
  if (typeof connection !== 'string') return migrate(connection, migrations);
  const client = new pg.Client({ connectionString: connection, application_name: 'nightshift-migrate' });
  // A connection that breaks rejects the pending query; without a listener its event would end the process as well.
  client.on('error', () => {});
  await client.connect().catch((cause: Error) => {
    throw new MigrationError('database_unreachable', unreachable(connection, cause), { cause });
  });
  try {
    return await migrate(client, migrations);
  } finally {
    await client.end();
  }
}

/** Names the server and never the password. A refused connection's own message may be empty (several addresses failed). */
function unreachable(connection: string, cause: Error & { code?: string }): string {
  const { hostname, port, pathname } = new URL(connection);
  const server = `${hostname}${port && `:${port}`}${pathname}`;
  return `The database ${server} (DATABASE_URL) cannot be used: ${cause.message || cause.code}.`;
}

async function migrate(client: pg.Client, migrations: Migration[]): Promise<MigrationResult> {
  const journal = await readJournal(client);
  if (journal !== undefined && pendingOf(migrations, journal).length === 0) return { applied: [] };

  await lock(client);
  try {
    await client.query(CREATE_TABLE);
    // Read again: another runner may have finished all of it while this one waited for the lock.
    const pending = pendingOf(migrations, (await readJournal(client)) ?? []);
    for (const migration of pending) await applyOne(client, migration);
    return { applied: pending.map((migration) => migration.name) };
  } finally {
    // On a broken connection the server has released the lock already; the first error is the one to report.
    await client.query('SELECT pg_advisory_unlock($1)', [ADVISORY_LOCK]).catch(() => undefined);
  }
}

/** @returns the migrations not yet applied, after checking that the applied ones are the ones we know. */
function pendingOf(migrations: Migration[], journal: JournalEntry[]): Migration[] {
  const known = new Map(migrations.map((migration) => [migration.name, migration]));
  for (const entry of journal) {
    const migration = known.get(entry.name);
    if (migration === undefined) {
      throw new MigrationError(
        'foreign_data_version',
        `The database was written by a newer Nightshift: it holds the migration "${entry.name}", which this version does not know. Run that version or restore a backup.`,
      );
    }
    if (!entry.finished) {
      throw new MigrationError(
        'migration_unfinished',
        `The migration "${entry.name}" is recorded as begun and never finished. Repair the database, then mark it with \`prisma migrate resolve\`.`,
      );
    }
    if (!checksumsOf(migration.sql).includes(entry.checksum)) {
      throw new MigrationError(
        'migration_changed',
        `The migration "${entry.name}" was changed after it had been applied to this database. Restore the original file and put the change into a new migration.`,
      );
    }
  }
  const done = new Set(journal.map((entry) => entry.name));
  return migrations.filter((migration) => !done.has(migration.name));
}

async function applyOne(client: pg.Client, migration: Migration): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query(migration.sql);
    await client.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       VALUES ($1, $2, $3, now(), clock_timestamp(), 1)`,
      [randomUUID(), checksum(migration.sql), migration.name],
    );
    await client.query('COMMIT');
  } catch (cause) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw new MigrationError(
      'migration_failed',
      `The migration "${migration.name}" failed and was rolled back: ${describe(cause)}.`,
      { cause },
    );
  }
}

async function lock(client: pg.Client): Promise<void> {
  await client.query(`SET lock_timeout = ${LOCK_TIMEOUT_MS}`);
  try {
    await client.query('SELECT pg_advisory_lock($1)', [ADVISORY_LOCK]);
  } catch (cause) {
    if (!hasCode(cause, LOCK_NOT_AVAILABLE)) throw cause;
    throw new MigrationError(
      'migration_lock_timeout',
      `Another process has been migrating this database for more than ${LOCK_TIMEOUT_MS / 1000} seconds.`,
      { cause },
    );
  } finally {
    await client.query('RESET lock_timeout').catch(() => undefined);
  }
}

async function readJournal(client: pg.Client): Promise<JournalEntry[] | undefined> {
  try {
    return (await client.query<JournalEntry>(READ_JOURNAL)).rows;
  } catch (error) {
    if (hasCode(error, UNDEFINED_TABLE)) return undefined;
    throw error;
  }
}

/** Reads `<directory>/<timestamp>_<name>/migration.sql` of every migration, in the order of the names. */
async function readMigrations(directory: string | URL): Promise<Migration[]> {
  const root = directory instanceof URL ? fileURLToPath(directory) : directory;
  const entries = await readdir(root, { withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
  return Promise.all(
    names.map(async (name) => ({ name, sql: await readFile(join(root, name, 'migration.sql'), 'utf8') })),
  );
}

function checksum(sql: string): string {
  return createHash('sha256').update(sql).digest('hex');
}

/** Like Prisma, accepts the file with either line ending: a checkout on another system may have rewritten them. */
function checksumsOf(sql: string): string[] {
  const unix = sql.replaceAll('\r\n', '\n');
  return [checksum(sql), checksum(unix), checksum(unix.replaceAll('\n', '\r\n'))];
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
