/** Checks of this machine, which need no server. */
import { accessSync, constants, readFileSync, type Stats, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bytes } from '../terminal/format.ts';
import { type Finding, failed, ok, skipped, warning } from './finding.ts';

const oldestNode = 24;
/** A database needs room to write at any time. */
const littleSpace = 500_000_000;
const muchTooLittleSpace = 50_000_000;

export function checkNode(version = process.versions.node): Finding {
  return Number(version.split('.', 1)[0]) >= oldestNode
    ? ok('node', `v${version}`)
    : failed(
        'node',
        `v${version} is too old`,
        `Run the command through npx nightshift, which brings Node ${oldestNode}.`,
      );
}

export function checkDataDirectory(path: string): Finding {
  const name = 'data directory';
  const stats = statIfThere(path);
  if (!stats) {
    return warning(
      name,
      `${path} does not exist yet`,
      'The first "npm start" makes it. Is NIGHTSHIFT_DATA right?',
    );
  }
  if (!stats.isDirectory()) {
    return failed(
      name,
      `${path} is not a directory`,
      'Set NIGHTSHIFT_DATA to a directory, or move the file away.',
    );
  }
  try {
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch {
    return failed(
      name,
      `${path} cannot be written by this user`,
      `Give this user the right to: chown ${user()} ${path}`,
    );
  }
  return isPrivate(stats)
    ? ok(name, `${path} (mode ${mode(stats)})`)
    : warning(name, `${path} is open to others (mode ${mode(stats)})`, `Close it: chmod 700 ${path}`);
}

export function checkDiskSpace(path: string): Finding {
  const name = 'disk space';
  const there = nearestExisting(path);
  const { bavail, bsize } = statfsSync(there);
  const free = bavail * bsize;
  const detail = `${bytes(free)} free for ${path}`;
  const advice = 'Make room, or move NIGHTSHIFT_DATA to a larger disk: a full disk stops the database.';
  if (free < muchTooLittleSpace) return failed(name, detail, advice);
  return free < littleSpace ? warning(name, detail, advice) : ok(name, detail);
}

export function checkAdminKey(dataDirectory: string, key: { source: string } | undefined): Finding {
  const name = 'admin key';
  const path = join(dataDirectory, 'admin-key');
  let stats: Stats | undefined;
  try {
    stats = statIfThere(path);
    if (stats) accessSync(path, constants.R_OK);
  } catch {
    return failed(
      name,
      `${path} cannot be read by this user`,
      'Run this as the user of the server, or set NIGHTSHIFT_API_KEY.',
    );
  }
  if (!stats) {
    return key
      ? skipped(name, `${path} does not exist; ${key.source} is used`)
      : warning(name, `${path} does not exist`, 'The first "npm start" makes it. Or set NIGHTSHIFT_API_KEY.');
  }
  return isPrivate(stats)
    ? ok(name, path)
    : failed(name, `${path} is open to others (mode ${mode(stats)})`, `Close it: chmod 600 ${path}`);
}

/** The process that holds the data directory; undefined when none does. */
export function runningProcess(dataDirectory: string): number | undefined {
  let pid: number;
  try {
    pid = Number(readFileSync(join(dataDirectory, 'nightshift.pid'), 'utf8'));
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, and another user's.
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? pid! : undefined;
  }
  return pid;
}

function statIfThere(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

function nearestExisting(path: string): string {
  for (let at = path; ; at = dirname(at)) if (statIfThere(at) || at === dirname(at)) return at;
}

const isPrivate = ({ mode }: Stats) => (mode & 0o077) === 0;
const mode = ({ mode }: Stats) => (mode & 0o7777).toString(8).padStart(4, '0');
const user = () => process.getuid?.() ?? 'this-user';
