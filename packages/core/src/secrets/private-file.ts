import { chmodSync, lstatSync } from 'node:fs';

/**
 * Closes a file with a secret to other users, where an umask or a copy has left it open. A link, another user's file and
 * a file system without modes stay as they are; `nightshift doctor` says so.
 */
export function closeFile(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found?.isFile() || found.uid !== process.geteuid?.() || (found.mode & 0o077) === 0) return;
  try {
    chmodSync(path, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
  }
}
