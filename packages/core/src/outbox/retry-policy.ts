/** When a delivery that failed is tried again, and when it is given up. All times in milliseconds. */

const minute = 60_000;
const hour = 60 * minute;

export type DestinationKind = 'channel' | 'webhook';

/**
 * How long a delivery is tried: from its writing, or from when somebody asked to retry it. An answer in a chat is soon
 * out of date; a program that was down overnight still wants its events.
 */
export const retryWindowMs: Readonly<Record<DestinationKind, number>> = {
  channel: 6 * hour,
  webhook: 24 * hour,
};

const firstDelayMs = 1_000;
const longestDelayMs = 15 * minute;

/** How a delivery stands after an attempt that failed. */
export interface Failed {
  /** Made so far, also before a retry by hand. */
  attempts: number;
  /** Since the window began. */
  spentMs: number;
  /** What the receiver asked for. */
  retryAfterMs?: number | undefined;
}

/**
 * How long to wait before the next attempt; null: give it up.
 *
 * The wait doubles with each attempt: 1 s, 2 s, 4 s … and at most 15 min, each with up to a quarter more or less, so
 * that lanes that failed together do not come back together. It is never longer than the time spent so far, so that a
 * retry by hand begins anew. What the receiver asked for is waited exactly, though not beyond one window: a receiver
 * must not be able to stop a delivery for ever.
 *
 * @param random in [0, 1)
 */
export function nextDelayMs(
  kind: DestinationKind,
  { attempts, spentMs, retryAfterMs }: Failed,
  random = Math.random(),
): number | null {
  const windowMs = retryWindowMs[kind];
  if (spentMs >= windowMs) return null;
  if (retryAfterMs !== undefined) return Math.min(retryAfterMs, windowMs);
  const doubledMs = firstDelayMs * 2 ** (attempts - 1);
  const delayMs = Math.min(doubledMs, Math.max(spentMs, firstDelayMs), longestDelayMs);
  return Math.round(delayMs * (0.75 + random / 2));
}
