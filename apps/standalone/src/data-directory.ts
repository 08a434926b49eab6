import { accessSync, constants, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { lockFile, removeAddress } from '@nightshift/contracts/running-server';
import { type Notice, tighten } from './tighten.ts';

/** Layout of the directory as a whole; PostgreSQL's version is kept, and checked, in the cluster itself. */
const LAYOUT = '1';

export type DataDirectoryErrorCode =
  | 'not_a_directory'
  | 'not_writable'
  /** Another Nightshift wrote it, with a layout this one does not know. */
  | 'foreign_data_version'
  /** Another process works on it. */
  | 'in_use';

/** Why a directory cannot be used. The message is one or two sentences for the operator; nothing was changed. */
export class DataDirectoryError extends Error {
  readonly code: DataDirectoryErrorCode;
  readonly retryable = false;

  constructor(code: DataDirectoryErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DataDirectoryError';
    this.code = code;
  }
}

export interface DataDirectory {
  /** Absolute path. */
  readonly path: string;
  /** True when the process that used it before did not get to release it: what it started may still be ending. */
  readonly wasKilled: boolean;
  /** What the operator is to know of who can read it. */
  readonly notices: readonly Notice[];
  release(): void;
}

/**
 * Takes a data directory for this process alone, making it (mode 0700) when it is missing, and closing it to other
 * users when it is open to them.
 *
 * The lock is a POSIX record lock, taken through SQLite on an empty file, for Node has no call of its own for it. The
 * kernel drops it with the process, so neither a SIGKILL nor a power cut leaves one behind, a reused process number
 * proves nothing, and two starts at once cannot both get it; containers that share the directory see it as well.
 * Child processes do not inherit it.
 *
 * @throws {DataDirectoryError}
 */
export function takeDataDirectory(directory: string): DataDirectory {
  const path = resolve(directory);
  prepare(path);
  checkLayout(path);
  // Before anything of ours is in it, so that it still shows whose it is.
  const notices = tighten(path);
  const lock = takeLock(path);

  const pidFile = join(path, 'nightshift.pid');
  const wasKilled = statSync(pidFile, { throwIfNoEntry: false }) !== undefined;
  // Of a run that was killed.
  removeAddress(path);
  writeFileSync(pidFile, `${process.pid}\n`);
  writeFileSync(join(path, 'VERSION'), `${LAYOUT}\n`);
  return {
    path,
    wasKilled,
    notices,
    release() {
      removeAddress(path);
      rmSync(pidFile, { force: true });
      lock.close();
    },
  };
}

function prepare(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    if (!statSync(path).isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' });
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EEXIST' || code === 'ENOTDIR') {
      throw new DataDirectoryError(
        'not_a_directory',
        `NIGHTSHIFT_DATA is ${path}, and that is not a directory.`,
        { cause },
      );
    }
    throw new DataDirectoryError(
      'not_writable',
      `The data directory ${path} cannot be written (${code}). Give this user the right to, or set NIGHTSHIFT_DATA to another directory.`,
      { cause },
    );
  }
}

function checkLayout(path: string): void {
  const found = readIfThere(join(path, 'VERSION'))?.trim();
  if (found === undefined || found === LAYOUT) return;
  throw new DataDirectoryError(
    'foreign_data_version',
    `The data in ${path} has layout version "${found.slice(0, 20)}", and this Nightshift knows version ${LAYOUT}. Run the Nightshift that wrote it, or set NIGHTSHIFT_DATA to another directory.`,
  );
}

function takeLock(path: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    // A command that looks whether somebody holds it (`findRunningServer`) has it for a moment.
    database = new DatabaseSync(join(path, lockFile), { timeout: 500 });
    // Nothing is ever written: the file stays empty, and a journal beside it would only be litter after a kill.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return database;
  } catch (cause) {
    database?.close();
    if (cause instanceof Error && cause.message.includes('locked')) {
      const pid = readIfThere(join(path, 'nightshift.pid'))?.trim();
      throw new DataDirectoryError(
        'in_use',
        `Nightshift is already running on ${path}${pid ? ` (process ${pid})` : ''}. Stop it first, or set NIGHTSHIFT_DATA to another directory.`,
        { cause },
      );
    }
    throw new DataDirectoryError('not_writable', `The data directory ${path} cannot be locked (${cause}).`, {
      cause,
    });
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
