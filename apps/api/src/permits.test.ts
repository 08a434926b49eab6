import { DomainError } from '@nightshift/core/errors';
import { createLog } from '@nightshift/core/log';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { ApiDeps } from './deps.ts';
import { type Permit, watchPermit } from './permits.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A bus that tells nothing. */
const deps = {
  bus: { subscribe: () => () => undefined } as unknown as ApiDeps['bus'],
  log: createLog('test', 'silent'),
};
const ended = new DomainError('unauthorized', 'The key was revoked.');
const permit = (recheck: Permit['recheck']): Permit => ({
  signals: [{ topic: 'api_key', id: 'k' }],
  recheck,
});

it('one that ended before its signals were listened to is found within a second', async () => {
  const { signal } = watchPermit(
    deps,
    permit(async () => ended),
  );
  await vi.advanceTimersByTimeAsync(1_000);
  expect(signal.reason).toBe(ended);
});

it('is asked about nothing once the answer is complete', async () => {
  const recheck = vi.fn(async () => null);
  watchPermit(deps, permit(recheck)).stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(recheck).not.toHaveBeenCalled();
});

it('is asked about again and again while it lasts, also after the database was away', async () => {
  const recheck = vi.fn<Permit['recheck']>(async () => null);
  recheck.mockRejectedValueOnce(new Error('The database is away.'));
  const { signal, stop } = watchPermit(deps, permit(recheck));
  await vi.advanceTimersByTimeAsync(30_000);
  expect([signal.aborted, recheck.mock.calls.length]).toEqual([false, 2]);
  recheck.mockResolvedValueOnce(ended);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(signal.reason).toBe(ended);
  stop();
});
