import { expect, it } from 'vitest';
import { burst, createFloodBucket } from './flood.ts';

it('lets a burst pass, and then a line a second', () => {
  let now = 0;
  const bucket = createFloodBucket(() => now);
  expect(bucket.take(burst, 0)).toEqual({ waitMs: 0, taken: true });
  expect(bucket.take(2, 2_000)).toEqual({ waitMs: 2_000, taken: true });
  expect(bucket.take(1, 2_000)).toEqual({ waitMs: 3_000, taken: false });
  now = 3_000;
  expect(bucket.take(1, 0)).toEqual({ waitMs: 0, taken: true });
  now = 60_000;
  expect(bucket.take(burst, 0)).toEqual({ waitMs: 0, taken: true });
  expect(bucket.take(1, 0).taken).toBe(false);
});
