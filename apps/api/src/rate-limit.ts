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
  /** The number of the window in which `count` was counted. */
  window: number;
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

  function use(key: string, window: number): Counter {
    const last = counters.get(key);
    counters.delete(key);
    let counter = last ?? { window, count: 0, before: 0 };
    if (counter.window !== window)
      counter = { window, count: 0, before: counter.window === window - 1 ? counter.count : 0 };
    counters.set(key, counter);
    if (counters.size > maxKeys) counters.delete(counters.keys().next().value!);
    return counter;
  }

  return {
    take(key, cost = 1) {
      const at = now();
      const counter = use(key, Math.floor(at / windowMs));
      const { count, before } = counter;
      const passed = (at % windowMs) / windowMs;
      if (count + before * (1 - passed) + cost <= max) {
        counter.count += cost;
        return undefined;
      }
      // Until so much of the window before has gone that there is room, or until this one is over.
      const room = max - count - cost;
      const share = before > 0 && room >= 0 ? 1 - room / before : 1;
      return Math.max(1, Math.ceil(Math.round(share * windowMs - (at % windowMs)) / 1000));
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
