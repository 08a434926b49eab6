import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { findKnownChange, meaningOfReleased } from './known-migrations.ts';
import {
  changedMigration,
  MigrationError,
  unfinishedMigration,
  unknownMigration,
} from './migration-error.ts';
import { meaningOf } from './sql-meaning.ts';

export { MigrationError } from './migration-error.ts';

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

const READ_JOURNAL = `SELECT id, migration_name AS name, checksum, finished_at IS NOT NULL AS finished
  FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY started_at`;

const UNDEFINED_TABLE = '42P01';
const LOCK_NOT_AVAILABLE = '55P03';

interface Migration {
  name: string;
  sql: string;
}

interface JournalEntry {
  /** Of a migration that this runner applied since 0.2: what its text meant (`meaningOf`). */
  id: string;
  name: string;
  checksum: string;
  finished: boolean;
}

export interface MigrationResult {
  /** Names of the migrations this call applied, in order; empty when there was nothing to do. */
  applied: string[];
  /** Migrations whose files changed after they had been applied, without effect: a sentence for each. */
  repaired?: string[];
}

/**
 * Brings a database to the schema that `directory` (Prisma's `migrations` folder) describes. When nothing is due this
 * is one query and takes no lock, so every process may call it on every start. Otherwise it takes an advisory lock,
 * and each migration commits in its own transaction together with its row in `_prisma_migrations`.
 *
 * A file that changed after it had been applied stops this, unless the change had no effect: it is in comments, white
 * space or line endings, or it is a change we made ourselves that cannot have touched this database.
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
  return withClient(connection, (client) => migrate(client, migrations));
}

async function withClient<T>(connection: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: connection, application_name: 'nightshift-migrate' });
  // A connection that breaks rejects the pending query; without a listener its event would end the process as well.
  client.on('error', () => {});
  await client.connect().catch((cause: Error) => {
    throw new MigrationError('database_unreachable', unreachable(connection, cause), { cause });
  });
  try {
    return await work(client);
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
  if (journal !== undefined) {
    const { pending, changed } = review(migrations, journal);
    if (pending.length === 0 && changed.length === 0) return { applied: [] };
  }
  return withLock(client, async () => {
    await client.query(CREATE_TABLE);
    // Read again: another runner may have finished all of it while this one waited for the lock.
    const { pending, changed } = review(migrations, (await readJournal(client)) ?? []);
    const repaired: string[] = [];
    for (const change of changed) repaired.push(await repair(client, change));
    for (const migration of pending) await applyOne(client, migration);
    const applied = pending.map((migration) => migration.name);
    return repaired.length > 0 ? { applied, repaired } : { applied };
  });
}

/** An applied migration whose file has another text now, and another meaning. */
interface ChangedMigration {
  entry: JournalEntry;
  migration: Migration;
}

/**
 * @returns the migrations not yet applied, and those whose files have another meaning than what was applied
 * @throws {MigrationError} when the journal holds migrations that this version cannot go on from
 */
function review(
  migrations: Migration[],
  journal: JournalEntry[],
): { pending: Migration[]; changed: ChangedMigration[] } {
  const known = new Map(migrations.map((migration) => [migration.name, migration]));
  const changed: ChangedMigration[] = [];
  for (const entry of journal) {
    const migration = known.get(entry.name);
    if (migration === undefined) throw unknownMigration(entry.name, migrations.at(-1)?.name ?? '');
    if (!entry.finished) throw unfinishedMigration(entry.name);
    if (!hasSameEffect(entry, migration)) changed.push({ entry, migration });
  }
  const done = new Set(journal.map((entry) => entry.name));
  return { pending: migrations.filter((migration) => !done.has(migration.name)), changed };
}

/** Whether a file says what was applied: the same text, or one that differs in what PostgreSQL does not read. */
function hasSameEffect({ id, checksum }: JournalEntry, migration: Migration): boolean {
  if (checksumsOf(migration.sql).includes(checksum)) return true;
  return id === idOf(migration) || meaningOfReleased(checksum) === meaningOf(migration.sql);
}

/**
 * Takes the file's text for the applied one, where the difference is known and cannot have touched this database.
 * @throws {MigrationError} migration_changed
 */
async function repair(client: pg.Client, { entry, migration }: ChangedMigration): Promise<string> {
  const { name, sql } = migration;
  const checksums = { applied: entry.checksum, found: checksum(sql) };
  const change = findKnownChange(name, entry.checksum, sql);
  if (change === undefined) throw changedMigration(name, checksums);
  const { rows } = await client.query<{ affected: boolean }>(change.affected);
  if (rows[0]?.affected !== false)
    throw changedMigration(name, { ...checksums, difference: change.difference });
  await recordAsApplied(client, migration);
  return `The migration "${name}" was changed after it had been applied: ${change.difference}. Nothing in this database is affected, so it counts as applied.`;
}

/** The row of a migration, as if the file's text had been applied. */
async function recordAsApplied(client: pg.Client, migration: Migration): Promise<void> {
  // Of an earlier time, taken back since: its id is the one that this row gets.
  await client.query('DELETE FROM _prisma_migrations WHERE id = $1 AND rolled_back_at IS NOT NULL', [
    idOf(migration),
  ]);
  await client.query(
    `UPDATE _prisma_migrations SET id = $3, checksum = $2, finished_at = COALESCE(finished_at, now())
     WHERE migration_name = $1 AND rolled_back_at IS NULL`,
    [migration.name, checksum(migration.sql), idOf(migration)],
  );
}

async function applyOne(client: pg.Client, migration: Migration): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query(migration.sql);
    // The id is taken already where this migration was applied before and then marked as rolled back.
    await client.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       VALUES ($1, $2, $3, now(), clock_timestamp(), 1)
       ON CONFLICT (id) DO UPDATE SET checksum = EXCLUDED.checksum, started_at = EXCLUDED.started_at,
         finished_at = EXCLUDED.finished_at, applied_steps_count = 1, rolled_back_at = NULL`,
      [idOf(migration), checksum(migration.sql), migration.name],
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

/**
 * Settles by hand what the runner cannot: the operator has made the database what a migration's file says (`accept`),
 * or knows that nothing of it is there (`rolled-back`), so that it is applied at the next start.
 * @throws {MigrationError} also where there is no such migration to settle
 */
export async function settleMigration(
  connection: string,
  name: string,
  { directory, as }: { directory: string | URL; as: 'accept' | 'rolled-back' },
): Promise<void> {
  const migrations = await readMigrations(directory);
  const migration = migrations.find((each) => each.name === name);
  await withClient(connection, (client) =>
    withLock(client, async () => {
      const entry = (await readJournal(client))?.find((each) => each.name === name);
      if (entry === undefined || (as === 'rolled-back' && entry.finished))
        throw new MigrationError(
          'migration_unfinished',
          `There is no ${entry ? 'unfinished ' : ''}migration "${name}" in this database.`,
        );
      if (migration === undefined) throw unknownMigration(name, migrations.at(-1)?.name ?? '');
      if (as === 'accept') return recordAsApplied(client, migration);
      await client.query(
        'UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = $1 AND rolled_back_at IS NULL',
        [name],
      );
    }),
  );
}

async function withLock<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  await lock(client);
  try {
    return await work();
  } finally {
    // On a broken connection the server has released the lock already; the first error is the one to report.
    await client.query('SELECT pg_advisory_unlock($1)', [ADVISORY_LOCK]).catch(() => undefined);
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

/**
 * Prisma takes any text of up to 36 characters. Ours says what the migration meant, so that a later edit of its file can
 * be told from a change; the name is in it because two migrations may say the same.
 */
const idOf = ({ name, sql }: Migration) => meaningOf(`${sql}\n"${name}"`);

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
