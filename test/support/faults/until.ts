import { setTimeout as sleep } from 'node:timers/promises';

/** Looks again and again until `holds`. @throws Error that names `what` was waited for when it does not in time */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  withinMs = 60_000,
): Promise<void> {
  for (const deadline = Date.now() + withinMs; !(await holds()); await sleep(50)) {
    if (Date.now() > deadline) throw new Error(`Not within ${withinMs} ms: ${what}.`);
  }
}
