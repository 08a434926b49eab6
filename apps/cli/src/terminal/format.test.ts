import { describe, expect, it } from 'vitest';
import { ago, bytes, count, duration, took, usd } from './format.ts';

const now = Date.parse('2026-11-22T12:00:00.000Z');

describe('ago', () => {
  it.each([
    ['2026-11-22T11:59:59.500Z', 'now'],
    // The server's clock may be ahead of ours.
    ['2026-11-22T12:00:10.000Z', 'now'],
    ['2026-11-22T11:59:01.000Z', '59s ago'],
    ['2026-11-22T11:59:00.000Z', '1m ago'],
    ['2026-11-22T09:30:00.000Z', '2h ago'],
    ['2026-11-20T11:00:00.000Z', '2d ago'],
    ['2026-01-02T11:00:00.000Z', '2026-01-02'],
    [null, 'never'],
  ])('of %s is %s', (timestamp, expected) => expect(ago(timestamp, now)).toBe(expected));
});

describe('duration', () => {
  it.each([
    [0, '0ms'],
    [999, '999ms'],
    [3_240, '3.2s'],
    [59_999, '59s'],
    [125_000, '2m05s'],
    [3_840_000, '1h04m'],
  ])('of %i ms is %s', (ms, expected) => expect(duration(ms)).toBe(expected));
});

it('took runs up to now while the end is open', () => {
  expect(took('2026-11-22T11:59:58.000Z', '2026-11-22T11:59:59.500Z', now)).toBe('1.5s');
  expect(took('2026-11-22T11:59:58.000Z', null, now)).toBe('2.0s');
  expect(took(null, null, now)).toBe('');
});

describe('usd', () => {
  it.each([
    [null, 'unknown'],
    ['0', '$0'],
    ['0.0003456', '$0.000346'],
    ['0.05', '$0.05'],
    ['1234.567', '$1,234.57'],
  ])('of %s is %s', (amount, expected) => expect(usd(amount)).toBe(expected));
});

it('count and bytes', () => {
  expect(count(1234567)).toBe('1,234,567');
  expect([0, 999, 12_345, 81_700_000_000].map(bytes)).toEqual(['0 B', '999 B', '12 kB', '81.7 GB']);
});
