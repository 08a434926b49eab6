import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from './paths.mjs';

/** How long one command waits for another one's step, in milliseconds; an install over a slow line takes minutes. */
const PATIENCE_MS = 15 * 60_000;

/**
 * Runs `step` while no other command of this user runs a step of the same name on this checkout. A lock whose process
 * is gone counts for nothing.
 *
 * The file lies in the temporary directory: npm empties node_modules while it installs, and the lock has to outlive that.
 *
 * @template T
 * @param {string} name
 * @param {() => Promise<T>} step
 * @returns {Promise<T>}
 */
export async function withLock(name, step) {
  const checkout = createHash('sha256').update(root).digest('hex').slice(0, 16);
  const path = join(tmpdir(), `nightshift-${name}-${process.getuid?.() ?? 0}-${checkout}.lock`);
  await acquire(path);
  // Without this a Ctrl-C during the step would leave the lock to the next command's check for stale ones.
  const release = () => rmSync(path, { force: true });
  process.once('exit', release);
  try {
    return await step();
  } finally {
    process.removeListener('exit', release);
    release();
  }
}

/** @param {string} path */
async function acquire(path) {
  const deadline = Date.now() + PATIENCE_MS;
  for (let announced = false; ; ) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx', mode: 0o600 });
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const holder = holderOf(path);
    if (holder === undefined) continue; // Released in this moment.
    if (!isAlive(holder)) {
      if (await replaceStale(path)) return;
      continue;
    }
    if (Date.now() > deadline) {
      throw new Error(
        `Process ${holder} has been preparing this checkout for too long. End it, or remove ${path}.`,
      );
    }
    if (!announced)
      console.error(`Waiting for another command (process ${holder}) that is preparing this checkout…`);
    announced = true;
    await sleep(100);
  }
}

/**
 * Two commands may find the same stale lock. Both write their number into it, the later one wins, and after a moment,
 * far longer than the step from finding to writing takes, both read who that is.
 *
 * @param {string} path
 */
async function replaceStale(path) {
  writeFileSync(path, String(process.pid), { mode: 0o600 });
  await sleep(100);
  return holderOf(path) === process.pid;
}

/** @param {string} path */
function holderOf(path) {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** @param {number} pid */
function isAlive(pid) {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
