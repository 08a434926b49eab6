/** Load on a server: how many calls are made when, and how long each took. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Load {
  /** Of each call, in milliseconds. */
  latencies: number[];
  /** From the first call to the last answer. */
  seconds: number;
  perSecond: number;
}

const loadOf = (latencies: number[], seconds: number): Load => ({
  latencies,
  seconds,
  perSecond: latencies.length / seconds,
});

/**
 * `concurrency` callers, each of which calls again as soon as it has its answer, until `count` calls are made or
 * `maxSeconds` are over. A call that fails fails the whole: figures of a server that errs mean nothing.
 */
export async function closedLoop(
  options: { concurrency: number; count: number; maxSeconds: number },
  call: (index: number) => Promise<void>,
): Promise<Load> {
  const latencies: number[] = [];
  const began = performance.now();
  let next = 0;
  async function caller(): Promise<void> {
    while (next < options.count && performance.now() - began < options.maxSeconds * 1000) {
      const index = next++;
      const sent = performance.now();
      await call(index);
      latencies.push(performance.now() - sent);
    }
  }
  await Promise.all(Array.from({ length: options.concurrency }, caller));
  return loadOf(latencies, (performance.now() - began) / 1000);
}

/**
 * One call every `1 / perSecond` seconds, whether or not the earlier ones were answered. A latency counts from the
 * moment the call was due, so a server that stalls is charged for every call that the stall held up.
 */
export async function openLoop(
  options: { perSecond: number; count: number },
  call: (index: number) => Promise<void>,
): Promise<Load> {
  const latencies: number[] = [];
  const calls: Promise<void>[] = [];
  const failures: unknown[] = [];
  const began = performance.now();
  const dueAt = (index: number) => began + (index * 1000) / options.perSecond;
  for (let index = 0; index < options.count && failures.length === 0; index += 1) {
    while (performance.now() < dueAt(index)) await sleep(1);
    const answered = call(index).then(
      () => void latencies.push(performance.now() - dueAt(index)),
      // Nobody waits for it yet: rejected, it would end the process.
      (error: unknown) => void failures.push(error),
    );
    calls.push(answered);
  }
  await Promise.all(calls);
  if (failures.length > 0) throw failures[0];
  return loadOf(latencies, (performance.now() - began) / 1000);
}
