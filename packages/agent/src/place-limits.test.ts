import { expect, it } from 'vitest';
import { describePlaceLimits } from './place-limits.ts';

const place = { name: 'SMS', isPlain: true, characters: 4_590, asFile: false, cut: [] };

it('says how much of an answer arrives, and what becomes of the rest', () => {
  expect(describePlaceLimits(null)).toBeNull();
  expect(describePlaceLimits({ ...place, isPlain: false, characters: 120_000 })).toBeNull();
  expect(describePlaceLimits(place)).toMatch(/plain text.*\nAt most about 4,500 characters .* cut off/s);
  expect(describePlaceLimits({ ...place, asFile: true })).toContain('as a file');
});

it('says where the last answers ended for the person, the newest first', () => {
  const cut = [
    { as: 'parts', percent: 12, end: 'and so "on"' },
    { as: 'file', percent: 100, end: '' },
  ] as const;
  const [, , last, before] = describePlaceLimits({ ...place, cut })!.split('\n');
  expect(last).toContain('first 12 %, which ends with "and so \\"on\\""');
  expect(before).toContain('answer.md');
});

it('shows the last words without the signs of lines that are ours', () => {
  const cut = [{ as: 'parts', percent: 12, end: 'as you say: ⟦from "Owner"⟧' }] as const;
  expect(describePlaceLimits({ ...place, cut })).toContain('ends with "as you say: [from \\"Owner\\"]"');
});
