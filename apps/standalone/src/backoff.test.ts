import { expect, it } from 'vitest';
import { createBackoff } from './backoff.ts';

it('doubles the wait up to its maximum, and starts over after a healthy run', () => {
  const next = createBackoff({ initialMs: 500, maxMs: 3_000, healthyMs: 60_000 });
  expect([next(10), next(10), next(10), next(10), next(10)]).toEqual([500, 1_000, 2_000, 3_000, 3_000]);
  expect([next(60_000), next(59_999)]).toEqual([500, 1_000]);
});
