import { chmodSync, lstatSync, readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, parse } from 'node:path';

/** What the operator is told, with the level of a log line. */
export interface Notice {
  level: 'info' | 'warn';
  message: string;
}

/** What Nightshift keeps in its directory, to be told from a directory that other programs use, too. */
const OURS =
  /^(VERSION|lock|address(\.new)?|nightshift\.pid|(admin|secret)-key.*|postgres|\.postgres\.making-.*|run|cache|lost\+found)$/;
/** Of those, what says that Nightshift has used it before: `/var` has a `run` and a `cache` of its own. */
const MARK = 'VERSION';
/** Keys that open everything, and directories that hold the database. */
const PRIVATE = ['secret-key', 'admin-key', 'postgres', 'run'];
/** Of those, what no other program has under the same name: in `/`, `run` is the system's. */
const UNMISTAKABLE = ['secret-key', 'admin-key'];

const OTHERS = 0o077;
const STICKY = 0o1000;

/**
 * Closes a data directory, and the keys in it, to other users of the machine: an earlier version, a copy or an umask may
 * have left them open. It changes only what is this user's own and what is Nightshift's: never `/`, `/tmp`, a home or a
 * directory that something else lives in. What it leaves open it says.
 *
 * @returns what it did, and what it could not do
 */
export function tighten(directory: string): Notice[] {
  const uid = process.geteuid?.();
  // Windows has no such modes.
  if (uid === undefined) return [];
  const { isOwn, notices } = tightenDirectory(directory, uid);
  for (const name of isOwn ? PRIVATE : UNMISTAKABLE) {
    const path = join(directory, name);
    const found = lstatSync(path, { throwIfNoEntry: false });
    // A link leads to what somebody else looks after, e.g. a secret that a container mounts.
    if (found && !found.isSymbolicLink() && found.uid === uid) notices.push(...close(path, found));
  }
  return notices;
}

/** `isOwn`: it is this user's, and Nightshift's alone, so what is in it is as well. */
function tightenDirectory(directory: string, uid: number): { isOwn: boolean; notices: Notice[] } {
  // The directory itself, where a link leads to it.
  const path = realpathSync(directory);
  const notices: Notice[] = [];
  const link = lstatSync(directory);
  if (link.isSymbolicLink() && link.uid !== uid && link.uid !== 0) {
    notices.push(
      warn(`The data directory ${directory} is a link of another user, who may let it lead elsewhere.`),
    );
  }
  const found = statSync(path);
  const isOwn = found.uid === uid && !isShared(path, found);
  if ((found.mode & OTHERS) === 0) return { isOwn, notices };
  if (isOwn) return { isOwn, notices: [...notices, ...close(path, found)] };
  const why =
    found.uid === uid
      ? 'it is not for Nightshift alone. Set NIGHTSHIFT_DATA to a directory that is.'
      : `it belongs to user ${found.uid}, who can close it: chmod 700 ${path}`;
  const open = `The data directory ${path} is open to other users (mode ${modeOf(found)})`;
  return { isOwn, notices: [...notices, warn(`${open}, and ${why}`)] };
}

/** Whether something else lives there, too. */
function isShared(path: string, { mode }: Stats): boolean {
  const places = [parse(path).root, homedir()];
  if ((mode & STICKY) !== 0 || places.includes(path)) return true;
  const entries = readdirSync(path);
  return entries.length > 0 && !(entries.includes(MARK) && entries.every((name) => OURS.test(name)));
}

function close(path: string, found: Stats): Notice[] {
  if ((found.mode & OTHERS) === 0) return [];
  const was = modeOf(found);
  const wanted = found.isDirectory() ? 0o700 : 0o600;
  try {
    chmodSync(path, wanted);
  } catch (error) {
    return [warn(`${path} is open to other users (mode ${was}) and cannot be closed (${codeOf(error)}).`)];
  }
  const now = statSync(path);
  // Some file systems (FAT, SMB, mounts of a virtual machine) take a mode and do not keep it.
  if ((now.mode & OTHERS) !== 0) {
    return [
      warn(
        `${path} stays open to other users (mode ${modeOf(now)}): its file system keeps no modes. Move NIGHTSHIFT_DATA to one that does.`,
      ),
    ];
  }
  return [{ level: 'info', message: `${path} was open to other users (mode ${was}) and is closed now.` }];
}

const warn = (message: string): Notice => ({ level: 'warn', message });
const modeOf = ({ mode }: Stats) => (mode & 0o7777).toString(8).padStart(4, '0');
const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code ?? String(error);
