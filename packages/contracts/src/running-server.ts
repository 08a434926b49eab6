/** Where the server of a data directory listens: told by the server, for the commands that are run beside it. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** In the data directory. Its holder has an exclusive lock on it through SQLite, for as long as its process lives. */
export const lockFile = 'lock';

/** In the data directory: one line, the address. */
export const addressFile = 'address';

const noServer = ['ENOENT', 'EACCES', 'EPERM', 'ENOTDIR', 'EISDIR', 'ELOOP'];

/** https://www.sqlite.org/rescode.html#notadb */
const SQLITE_NOTADB = 26;

/** @param url how processes of this machine reach it */
export function writeAddress(dataDirectory: string, url: string): void {
  const path = join(dataDirectory, addressFile);
  // Whole or not at all: a command may read it at this moment.
  writeFileSync(`${path}.new`, `${url}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

export function removeAddress(dataDirectory: string): void {
  rmSync(join(dataDirectory, addressFile), { force: true });
}

/**
 * The address of the server that holds a data directory at this moment; undefined where none does. A server that was
 * killed leaves the file behind and not its lock, so what it wrote is not believed: another program may listen there
 * by now, and would be sent the admin key.
 */
export function findRunningServer(dataDirectory: string): string | undefined {
  try {
    if (!isHeld(join(dataDirectory, lockFile))) return undefined;
    const url = readFileSync(join(dataDirectory, addressFile), 'utf8').trim();
    return /^https?:$/.test(URL.parse(url)?.protocol ?? '') ? url : undefined;
  } catch (error) {
    // No server has been here, this user may not look, or the directory is something else's: `/var` has a `lock`, too.
    if (noServer.includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    if ((error as { errcode?: number }).errcode === SQLITE_NOTADB) return undefined;
    throw error;
  }
}

function isHeld(path: string): boolean {
  // SQLite's own error for a file that cannot be opened has no code of the system.
  readFileSync(path);
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    database.prepare('SELECT 1 FROM sqlite_schema').get();
    return false;
  } catch (error) {
    if (error instanceof Error && error.message.includes('locked')) return true;
    throw error;
  } finally {
    database.close();
  }
}
