export interface BackoffOptions {
  /** Wait before the first restart, in milliseconds; each further one doubles it. */
  initialMs: number;
  maxMs: number;
  /** Who ran this long, in milliseconds, starts over at the first wait. */
  healthyMs: number;
}

export const DEFAULT_BACKOFF: BackoffOptions = { initialMs: 500, maxMs: 30_000, healthyMs: 60_000 };

/** @returns a function that takes how long a process ran and says how long to wait before its restart, both in ms. */
export function createBackoff({ initialMs, maxMs, healthyMs }: BackoffOptions): (ranMs: number) => number {
  let failures = 0;
  return (ranMs) => {
    failures = ranMs >= healthyMs ? 1 : failures + 1;
    return Math.min(maxMs, initialMs * 2 ** (failures - 1));
  };
}
