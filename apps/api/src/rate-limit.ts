/** Counts what clients do, in memory: a limit holds for one process, and is forgotten when it ends. */

export interface RateLimit {
  /** Counts one, or more. @returns seconds to wait when that was too much; it is not counted then */
  take(key: string, cost?: number): number | undefined;
  /** Takes back what was counted in advance. */
  giveBack(key: string, cost?: number): void;
}

/** Keys that are remembered at most. The one that was not used for the longest time is forgotten first. */
const defaultMaxKeys = 20_000;

interface Counter {
  /** When the window began in which `count` was counted: with the first that was. */
  since: number;
  count: number;
  /** What was counted in the window before. */
  before: number;
}

/** A sliding window: what was counted in the window before weighs as much of it as still overlaps. */
export function createRateLimit(
  { max, windowMs, maxKeys = defaultMaxKeys }: { max: number; windowMs: number; maxKeys?: number },
  now: () => number = Date.now,
): RateLimit {
  /** In the order of their last use. */
  const counters = new Map<string, Counter>();

  function use(key: string, at: number): Counter {
    let counter = counters.get(key);
    const age = counter ? at - counter.since : Number.POSITIVE_INFINITY;
    if (!counter || age >= 2 * windowMs || age < 0) counter = { since: at, count: 0, before: 0 };
    else if (age >= windowMs) counter = { since: counter.since + windowMs, count: 0, before: counter.count };
    counters.delete(key);
    counters.set(key, counter);
    if (counters.size > maxKeys) counters.delete(counters.keys().next().value!);
    return counter;
  }

  /** How much of a window has to pass until only `room` is left of `count`. */
  const untilLeft = (count: number, room: number) => (count > room ? Math.min(1, 1 - room / count) : 0);

  return {
    take(key, cost = 1) {
      const at = now();
      const counter = use(key, at);
      const { since, count, before } = counter;
      const passed = (at - since) / windowMs;
      if (count + before * (1 - passed) + cost <= max) {
        counter.count += cost;
        return undefined;
      }
      // Within this window, if what is counted in it leaves room; else in the next, where it weighs less and less.
      const windows =
        count + cost <= max ? untilLeft(before, max - count - cost) : 1 + untilLeft(count, max - cost);
      return Math.max(1, Math.ceil(Math.round((windows - passed) * windowMs) / 1000));
    },
    giveBack(key, cost = 1) {
      const counter = counters.get(key);
      if (counter) counter.count = Math.max(0, counter.count - cost);
    },
  };
}

export interface Seats {
  /** @returns how to leave; undefined: all are taken */
  take(key: string): (() => void) | undefined;
}

/** Bounds what one key may hold at once. */
export function createSeats(max: number): Seats {
  const taken = new Map<string, number>();
  return {
    take(key) {
      const count = taken.get(key) ?? 0;
      if (count >= max) return undefined;
      taken.set(key, count + 1);
      let left = false;
      return () => {
        if (left) return;
        left = true;
        const rest = taken.get(key)! - 1;
        if (rest === 0) taken.delete(key);
        else taken.set(key, rest);
      };
    },
  };
}

/** Remembers the keys that were added last, as many as `max`. */
export function createRecentKeys(max: number) {
  const keys = new Set<string>();
  return {
    has: (key: string) => keys.has(key),
    add(key: string) {
      keys.delete(key);
      keys.add(key);
      if (keys.size > max) keys.delete(keys.values().next().value!);
    },
  };
}
