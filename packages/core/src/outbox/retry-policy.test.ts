import { expect, it } from 'vitest';
import { nextDelayMs, retryWindowMs } from './retry-policy.ts';

const middle = 0.5;

it('doubles the wait with each attempt, up to a quarter of an hour', () => {
  let spentMs = 0;
  const waits: number[] = [];
  for (let attempts = 1; attempts <= 14; attempts += 1) {
    const delayMs = nextDelayMs('webhook', { attempts, spentMs }, middle)!;
    waits.push(delayMs / 1000);
    spentMs += delayMs;
  }
  expect(waits).toEqual([1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
});

it('does not make a message wait for how long it stood behind another one', () => {
  expect(nextDelayMs('channel', { attempts: 1, spentMs: 3_600_000 }, middle)).toBe(1_000);
});

it('begins anew after a retry by hand', () => {
  expect(nextDelayMs('channel', { attempts: 30, spentMs: 10 }, middle)).toBe(1_000);
});

it('scatters the waits by a quarter either way', () => {
  const wait = (random: number) => nextDelayMs('webhook', { attempts: 4, spentMs: 60_000 }, random);
  expect([wait(0), wait(0.999)]).toEqual([6_000, 9_996]);
});

it('waits exactly as long as it is asked to, but not beyond a window', () => {
  const wait = (retryAfterMs: number) => nextDelayMs('channel', { attempts: 1, spentMs: 0, retryAfterMs }, 0);
  expect([wait(0), wait(1_234), wait(1e12)]).toEqual([0, 1_234, retryWindowMs.channel]);
});

it.each(['channel', 'webhook'] as const)('gives up at the end of the window of a %s', (kind) => {
  const windowMs = retryWindowMs[kind];
  expect(nextDelayMs(kind, { attempts: 9, spentMs: windowMs - 1 })).not.toBeNull();
  expect(nextDelayMs(kind, { attempts: 9, spentMs: windowMs })).toBeNull();
  expect(nextDelayMs(kind, { attempts: 9, spentMs: windowMs, retryAfterMs: 1 })).toBeNull();
});
