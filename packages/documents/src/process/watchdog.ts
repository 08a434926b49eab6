/**
 * A thread of the reader's process that ends it: when a job exceeds its limits, and when the parent is gone. The main
 * thread cannot do that, since a parser may keep it in a loop. It sleeps while there is no job.
 */
import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import type { DocumentLimits } from '../limits.ts';

export interface WatchdogData extends Pick<DocumentLimits, 'cpuMs' | 'memoryBytes'> {
  /** Shared with the main thread: the number of the job that is under way, or 0. */
  readonly job: Int32Array;
  readonly parentPid: number;
}

const { job, parentPid, cpuMs, memoryBytes } = workerData as WatchdogData;

const jobTickMs = 20;
const idleTickMs = 1_000;

/** `why` is read by the parent, which sees no more than a signal otherwise. */
function end(why: string): never {
  try {
    writeSync(2, why);
  } catch {
    // The parent is gone, or does not read.
  }
  process.kill(process.pid, 'SIGKILL');
  throw new Error('killed');
}

const cpuOf = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

let watched = 0;
let cpuBefore = 0;
for (;;) {
  const current = Atomics.load(job, 0);
  if (current !== watched) {
    watched = current;
    cpuBefore = cpuOf();
  }
  if (process.ppid !== parentPid) end('orphaned');
  if (watched !== 0) {
    if (process.memoryUsage.rss() > memoryBytes) end('too_large');
    if (cpuOf() - cpuBefore > cpuMs) end('too_slow');
  }
  Atomics.wait(job, 0, watched, watched === 0 ? idleTickMs : jobTickMs);
}
