import { describe, expect, it } from 'vitest';
import { createRateLimit, createRecentKeys, createSeats } from './rate-limit.ts';

describe('a rate limit', () => {
  const start = () => {
    let now = 600_000;
    const limit = createRateLimit({ max: 3, windowMs: 60_000 }, () => now);
    return { limit, wait: (seconds: number) => (now += seconds * 1000) };
  };

  it('lets so many pass, each key on its own, and says how long to wait', () => {
    const { limit, wait } = start();
    for (let count = 0; count < 3; count += 1) expect(limit.take('ann')).toBeUndefined();
    wait(20);
    // To the end of the window, and a third of the next, until so much of the first has slid out.
    expect(limit.take('ann')).toBe(60);
    expect(limit.take('bob')).toBeUndefined();
    wait(59);
    expect(limit.take('ann')).toBe(1);
    wait(1);
    expect(limit.take('ann')).toBeUndefined();
  });

  it('what was counted before a window ends weighs on in the next', () => {
    const { limit, wait } = start();
    wait(59);
    for (let count = 0; count < 3; count += 1) limit.take('ann');
    wait(1);
    const seconds = limit.take('ann')!;
    expect(seconds).toBeGreaterThan(1);
    wait(seconds - 1);
    expect(limit.take('ann')).toBeDefined();
    wait(1);
    expect(limit.take('ann')).toBeUndefined();
  });

  it('forgets after two windows', () => {
    const { limit, wait } = start();
    expect(limit.take('ann', 3)).toBeUndefined();
    wait(120);
    expect(limit.take('ann', 3)).toBeUndefined();
  });

  it('counts nothing of what it refuses', () => {
    const { limit } = start();
    expect(limit.take('ann', 2)).toBeUndefined();
    expect(limit.take('ann', 2)).toBeDefined();
    expect(limit.take('ann', 1)).toBeUndefined();
  });

  it('gives back what was counted in advance, and no more than that', () => {
    const { limit } = start();
    limit.take('ann', 3);
    limit.giveBack('ann', 2);
    expect(limit.take('ann', 2)).toBeUndefined();
    expect(limit.take('ann')).toBeDefined();
    limit.giveBack('ann', 100);
    expect(limit.take('ann', 3)).toBeUndefined();
    expect(limit.take('ann')).toBeDefined();
    limit.giveBack('nobody');
    expect(limit.take('nobody', 3)).toBeUndefined();
  });

  it('keeps the counters of those who come again, however many others come', () => {
    const limit = createRateLimit({ max: 3, windowMs: 60_000, maxKeys: 100 }, () => 600_000);
    limit.take('ann', 3);
    for (let key = 0; key < 10_000; key += 1) {
      limit.take(String(key));
      if (key % 50 === 0) expect(limit.take('ann')).toBeDefined();
    }
  });

  it('forgets the key that was not used for the longest time, and no other', () => {
    const limit = createRateLimit({ max: 3, windowMs: 60_000, maxKeys: 3 }, () => 600_000);
    for (const key of ['ann', 'bob', 'cid', 'dan']) limit.take(key, 3);
    expect(['dan', 'cid', 'bob'].map((key) => limit.take(key) !== undefined)).toEqual([true, true, true]);
    expect(limit.take('ann')).toBeUndefined();
  });
});

it('recent keys are the last ones', () => {
  const recent = createRecentKeys(2);
  for (const key of ['a', 'b', 'a', 'c']) recent.add(key);
  expect(['a', 'b', 'c'].map(recent.has)).toEqual([true, false, true]);
});

describe('seats', () => {
  it('are taken and left', () => {
    const seats = createSeats(2);
    const first = seats.take('ann')!;
    const second = seats.take('ann')!;
    expect(seats.take('ann')).toBeUndefined();
    expect(seats.take('bob')).toBeTypeOf('function');
    first();
    first();
    expect(seats.take('ann')).toBeTypeOf('function');
    expect(seats.take('ann')).toBeUndefined();
    second();
    expect(seats.take('ann')).toBeTypeOf('function');
  });
});
