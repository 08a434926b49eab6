import fc from 'fast-check';
import { expect, it } from 'vitest';
import { smsSegments } from './sms-segments.ts';

it.each([
  ['', 0],
  ['a'.repeat(160), 1],
  ['a'.repeat(161), 2],
  ['a'.repeat(306), 2],
  ['a'.repeat(307), 3],
  // Two places each.
  ['€'.repeat(80), 1],
  ['€'.repeat(81), 2],
  // Of 153 places the last is left empty, since a character is not divided.
  ['€'.repeat(152), 2],
  ['€'.repeat(153), 3],
  ['ж'.repeat(70), 1],
  ['ж'.repeat(71), 2],
  ['😀'.repeat(35), 1],
  ['😀'.repeat(36), 2],
  ['😀'.repeat(67), 3],
  // Twilio sends these as " and -.
  [`“${'a'.repeat(150)}” – b`, 1],
  [`${'a'.repeat(159)}…`, 2],
])('%j', (text, segments) => {
  expect(smsSegments(text)).toBe(segments);
});

it('more text never takes fewer, and none is longer than a segment holds', () => {
  const text = fc.array(fc.constantFrom('a', '€', 'ж', '😀', ' ', '\n'), { maxLength: 400 });
  fc.assert(
    fc.property(text, fc.nat(), (chars, at) => {
      const all = smsSegments(chars.join(''));
      expect(smsSegments(chars.slice(0, at % (chars.length + 1)).join(''))).toBeLessThanOrEqual(all);
      expect(all * 160).toBeGreaterThanOrEqual(chars.length);
    }),
  );
});
