import { expect, it } from 'vitest';
import { titleOf } from './accept.ts';

const title = (text: string) => titleOf([{ type: 'text', text }]);

it('a title is the first line, of sixty characters as people count them', () => {
  expect(title('  Hello there\nsecond')).toBe('Hello there');
  expect(title('x'.repeat(70))).toBe('x'.repeat(60));
});

it('a title is never cut within a character', () => {
  for (const family of ['👩‍👩‍👧‍👦', '😀', `e${'\u0301'.repeat(20)}`])
    for (let before = 0; before < 12; before++) {
      const text = title('x'.repeat(before) + family.repeat(300));
      expect(text.isWellFormed()).toBe(true);
      expect(text.length).toBeGreaterThan(60);
    }
});
