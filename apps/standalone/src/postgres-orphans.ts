import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PostgresError } from './postgres-error.ts';

/** What a running Postgres writes about itself. @see https://www.postgresql.org/docs/18/storage-file-layout.html */
export interface Postmaster {
  pid: number;
  port: number;
  socketDirectory: string;
}

/**
 * Reads `postmaster.pid`. The file says only that a server was started: it stays behind after a SIGKILL.
 * @returns undefined when there is none, or it is not written to the end yet.
 */
export function readPostmaster(directory: string): Postmaster | undefined {
  let lines: string[];
  try {
    lines = readFileSync(join(directory, 'postmaster.pid'), 'utf8').split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  return { pid, port: Number(lines[3] ?? 0), socketDirectory: lines[4] ?? '' };
}

/** @returns the running server of this cluster, or undefined. */
export function findPostmaster(directory: string): Postmaster | undefined {
  const postmaster = readPostmaster(directory);
  return postmaster && processesOf(directory, postmaster.pid).includes(postmaster.pid)
    ? postmaster
    : undefined;
}

/**
 * Sees to it that no server of an earlier run works on the cluster, and that its pid file does not bar the next one.
 * The caller holds the data directory's lock, so whatever is left is nobody's. A server whose supervisor was killed
 * is shutting down already; one that goes on gets SIGINT (fast shutdown), SIGQUIT (immediate), then SIGKILL, each of
 * which leaves a cluster that recovers from its log.
 *
 * @throws {PostgresError} `still_running` when even that does not end it (a process stuck in the kernel).
 */
export async function retireOrphans(directory: string): Promise<void> {
  const recorded = readPostmaster(directory)?.pid;
  const steps: { signal: NodeJS.Signals | 0; patienceMs: number }[] = [
    { signal: 0, patienceMs: 1_000 },
    { signal: 'SIGINT', patienceMs: 5_000 },
    { signal: 'SIGQUIT', patienceMs: 3_000 },
    { signal: 'SIGKILL', patienceMs: 3_000 },
  ];
  let alive = processesOf(directory, recorded);
  for (const { signal, patienceMs } of steps) {
    // The postmaster hands shutdown signals on; only where it is gone are its children spoken to.
    const leaders = recorded !== undefined && alive.includes(recorded) ? [recorded] : alive;
    for (const pid of signal === 'SIGKILL' ? alive : leaders) signalQuietly(pid, signal);
    const deadline = Date.now() + patienceMs;
    while (alive.length > 0 && Date.now() < deadline) {
      await sleep(25);
      alive = processesOf(directory, recorded);
    }
    if (alive.length === 0) break;
  }
  if (alive.length > 0) {
    throw new PostgresError(
      'still_running',
      `A Postgres of an earlier run (process ${alive.join(', ')}) still works on ${directory} and does not end.`,
    );
  }
  // Its number may meanwhile belong to another program (in a container nearly always), and Postgres, which cannot
  // tell, would refuse to start: we know better, so the file goes.
  rmSync(join(directory, 'postmaster.pid'), { force: true });
}

/**
 * The Postgres processes at work on a cluster. All of them have the cluster as their working directory, which no
 * other program has by accident; where that cannot be seen (macOS), the recorded process is asked for its arguments.
 */
function processesOf(directory: string, recorded: number | undefined): number[] {
  let root: string;
  try {
    root = realpathSync(directory);
  } catch {
    return [];
  }
  if (process.platform === 'linux') {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => link(`/proc/${pid}/cwd`) === root && isPostgres(pid));
  }
  if (recorded === undefined) return [];
  try {
    const command = execFileSync('ps', ['-o', 'command=', '-p', String(recorded)], { encoding: 'utf8' });
    return command.includes('postgres') && (command.includes(root) || command.includes(directory))
      ? [recorded]
      : [];
  } catch {
    return []; // ps exits with 1 when there is no such process.
  }
}

/** A zombie and a shell that happens to stand in the directory are not Postgres. */
function isPostgres(pid: number): boolean {
  return /\/postgres( \(deleted\))?$/.test(link(`/proc/${pid}/exe`) ?? '');
}

function link(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // The process ended, or belongs to another user.
  }
}

function signalQuietly(pid: number, signal: NodeJS.Signals | 0): void {
  if (signal === 0) return;
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
