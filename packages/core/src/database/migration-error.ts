/** Why a database cannot be brought to this version's schema, and what the operator does about it. */

export type MigrationErrorCode =
  /** The database holds a migration this version does not have: a newer Nightshift wrote the data. */
  | 'foreign_data_version'
  /** The database holds a migration whose file is gone from between those that are there. */
  | 'migration_missing'
  /** A migration file was edited after it had been applied, and the edit may matter. */
  | 'migration_changed'
  /** Another tool recorded a migration that began and never finished. */
  | 'migration_unfinished'
  /** A migration's SQL was refused; its transaction was rolled back and nothing of it remains. */
  | 'migration_failed'
  /** No connection: the server is down, the address or the password is wrong. */
  | 'database_unreachable'
  /** Another runner held the lock for longer than two minutes. */
  | 'migration_lock_timeout';

/** Why the database could not be brought to this version's schema. The message tells the operator what to do. */
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

/** @param newest name of the newest migration that there is a file of; empty when there is none */
export function unknownMigration(name: string, newest: string): MigrationError {
  if (name > newest)
    return new MigrationError(
      'foreign_data_version',
      `The database was written by a newer Nightshift: it holds the migration "${name}", which this version does not know (its newest is "${newest}"). Nothing was changed. Run that version again, or restore a backup from before the upgrade.`,
    );
  return new MigrationError(
    'migration_missing',
    `The database holds the migration "${name}", and its file is missing here: ${fileOf(name)}. Nothing was changed. If this is a git checkout, bring it back: git checkout -- ${fileOf(name)}. Otherwise install this version again. If no version has this file, the database was written by an unreleased one: run that, or restore a backup.`,
  );
}

export const unfinishedMigration = (name: string) =>
  new MigrationError(
    'migration_unfinished',
    `The migration "${name}" is recorded as begun and never finished; another tool did that, since Nightshift applies a migration whole or not at all. Nothing was changed. Make a backup, and compare the database with ${fileOf(name)}. If nothing of it is there: npm run db:deploy -- --rolled-back ${name}. If all of it is there: npm run db:deploy -- --accept ${name}. If some of it is there: restore a backup from before.`,
  );

/**
 * @param applied SHA-256 of the text that was applied
 * @param found SHA-256 of the file
 * @param difference a known one, which concerns rows of this database
 */
export function changedMigration(
  name: string,
  { applied, found, difference = '' }: { applied: string; found: string; difference?: string },
): MigrationError {
  const file = fileOf(name);
  const why = difference && ` The change: ${difference}. This database has rows that it concerns.`;
  return new MigrationError(
    'migration_changed',
    `The migration "${name}" was changed after it had been applied to this database (SHA-256 ${applied.slice(0, 12)}…, and ${file} has ${found.slice(0, 12)}…), and not in comments or white space alone.${why} Nothing was changed. If the file was edited here, bring it back (git checkout -- ${file}) and put the edit into a new migration. If an unreleased version wrote this database, make a backup, change the database to what the file says where it differs, and then: npm run db:deploy -- --accept ${name}.`,
  );
}

const fileOf = (name: string) => `prisma/migrations/${name}/migration.sql`;
