/**
 * The reader's process: does one task after the other on what other people have written, and nothing else. It is
 * expected to be brought down by it; who started it starts another. It has no environment, and what it must not exceed
 * its watchdog enforces.
 */
import { Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { DocumentError, type DocumentTask } from '@nightshift/contracts/documents';
import { readFrames, writeFrame } from '../frames.ts';
import { tasks } from '../tasks.ts';
import type { Answer, Request } from './messages.ts';
import type { WatchdogData } from './watchdog.ts';

const [, , parentPid = '', limits = ''] = process.argv;

// A terminal sends these to every process of its group. This one ends with its parent, after what it is at.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

/** The number of the job that is under way; 0: none. */
const job = new Int32Array(new SharedArrayBuffer(4));
const workerData: WatchdogData = { job, parentPid: Number(parentPid), ...JSON.parse(limits) };
const watchdog = new Worker(new URL('./watchdog.ts', import.meta.url), {
  workerData,
  resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1 },
});
watchdog.on('error', () => process.exit(1));
await new Promise((resolve) => watchdog.once('online', resolve));

const setJob = (number: number) => {
  Atomics.store(job, 0, number);
  Atomics.notify(job, 0);
};

const answers = new Socket({ fd: 3, readable: false, writable: true });
let number = 0;
for await (const { json, data } of readFrames(process.stdin)) {
  number += 1;
  setJob(number);
  const { answer, bytes } = await run(json as Request, data);
  setJob(0);
  writeFrame(answers, { json: answer, data: bytes });
}
process.exit(0);

async function run(
  { task, options }: Request,
  document: Uint8Array,
): Promise<{ answer: Answer; bytes: Uint8Array }> {
  const none = new Uint8Array();
  try {
    const work = (await tasks[task]()) as (document: Uint8Array, options: unknown) => Promise<object>;
    const { data = none, ...result } = (await work(document, options)) as { data?: Uint8Array };
    return { answer: { result, rss: process.memoryUsage.rss() }, bytes: data };
  } catch (error) {
    const { code, message } = toDocumentError(error, task);
    return { answer: { error: { code, message }, rss: process.memoryUsage.rss() }, bytes: none };
  }
}

function toDocumentError(error: unknown, task: DocumentTask): DocumentError {
  if (error instanceof DocumentError) return error;
  const reason = String((error as Error).message ?? error).slice(0, 300);
  return new DocumentError(
    'unreadable',
    `It is damaged, or built in a way that is not read (${task}: ${reason}).`,
  );
}
