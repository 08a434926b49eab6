/**
 * How fast lines may go out. Servers slow down or disconnect whoever is faster: RFC 1459, 8.10, and for what networks
 * take today the default of ZNC, https://wiki.znc.in/Configuration#FloodRate
 */

/** Lines at once, and then one for each second. */
export const burst = 8;
const msPerLine = 1_000;

export interface FloodBucket {
  /** Takes `lines`, at most `burst`, unless that means to wait for longer. @returns what to wait, in ms, and whether they were taken */
  take(lines: number, longestMs: number): { readonly waitMs: number; readonly taken: boolean };
}

/** @param now a clock in milliseconds */
export function createFloodBucket(now: () => number = () => performance.now()): FloodBucket {
  /** When it will be full again. */
  let fullAt = 0;
  return {
    take(lines, longestMs) {
      const at = now();
      const then = Math.max(fullAt, at) + lines * msPerLine;
      const waitMs = Math.max(0, then - burst * msPerLine - at);
      const taken = waitMs <= longestMs;
      if (taken) fullAt = then;
      return { waitMs, taken };
    },
  };
}
