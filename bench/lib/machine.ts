/** Where and of what the figures were taken, for the result files. */
import { spawnSync } from 'node:child_process';
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median } from './statistics.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

export function describeMachine() {
  return {
    node: process.version,
    system: `${type()} ${release()}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cpus: cpus().length,
    memoryGb: Math.round(totalmem() / 1e9),
    /** Runnable processes over the last minute: what else the machine had to do. */
    load: Number(loadavg()[0]?.toFixed(2)),
  };
}

/** The commit that was measured, with `+` when files differ from it; null outside of a git checkout. */
export function currentCommit(): string | null {
  const git = (...args: string[]) => spawnSync('git', args, { cwd: root, encoding: 'utf8' });
  const head = git('rev-parse', '--short=12', 'HEAD');
  if (head.status !== 0) return null;
  return head.stdout.trim() + (git('status', '--porcelain').stdout ? '+' : '');
}

/** How long the disk under `directory` takes to make 8 KiB durable, in milliseconds: every reply waits for some. */
export function measureSync(directory: string): number {
  const file = openSync(join(directory, 'sync-probe'), 'w');
  const page = Buffer.alloc(8192, 1);
  const times = Array.from({ length: 100 }, () => {
    const began = performance.now();
    writeSync(file, page);
    fdatasyncSync(file);
    return performance.now() - began;
  });
  closeSync(file);
  return median(times);
}
