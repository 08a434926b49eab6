/** Counts what strangers do, in memory: a limit holds for one process, and is forgotten when it ends. */

export interface RateLimit {
  /** Counts one, or more. @returns seconds to wait, when it was one too many; it is not counted then */
  take(key: string, cost?: number): number | undefined;
}

/** Keys that are remembered at most: a flood of addresses must not fill the memory. */
const maxKeys = 20_000;

/** A sliding window: what was counted in the window before weighs as much of it as still overlaps. */
export function createRateLimit(
  { max, windowMs }: { max: number; windowMs: number },
  now: () => number = Date.now,
): RateLimit {
  /** By the number of the window. */
  let current = { window: 0, counts: new Map<string, number>() };
  let before = new Map<string, number>();
  return {
    take(key, cost = 1) {
      const at = now();
      const window = Math.floor(at / windowMs);
      if (window !== current.window) {
        before = window === current.window + 1 ? current.counts : new Map();
        current = { window, counts: new Map() };
      }
      const passed = (at % windowMs) / windowMs;
      const own = current.counts.get(key) ?? 0;
      const earlier = before.get(key) ?? 0;
      if (own + earlier * (1 - passed) + cost > max) {
        // Until so much of the window before has gone that there is room, or until this one is over.
        const room = max - own - cost;
        const share = earlier > 0 && room >= 0 ? 1 - room / earlier : 1;
        return Math.max(1, Math.ceil(Math.round(share * windowMs - (at % windowMs)) / 1000));
      }
      if (own === 0 && current.counts.size >= maxKeys) current.counts.clear();
      current.counts.set(key, own + cost);
      return undefined;
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
