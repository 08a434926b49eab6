import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitFirstWord, trimEndOf } from './text.ts';

const text = fc.string({ unit: fc.constantFrom('a', 'b', '.', '!', '/', ' ', '\n', '😀') });

describe('trimEndOf', () => {
  it('leaves what a regular expression would leave', () => {
    fc.assert(
      fc.property(text, (value) => {
        expect(trimEndOf(value, '.!')).toBe(value.replace(/[.!]+$/, ''));
        expect(trimEndOf(value, '/')).toBe(value.replace(/\/+$/, ''));
      }),
    );
  });

  it.each([
    ['', ''],
    ['...', ''],
    ['.a.', '.a'],
    ['a', 'a'],
  ])('%j without dots at its end is %j', (value, expected) => {
    expect(trimEndOf(value, '.')).toBe(expected);
  });
});

describe('splitFirstWord', () => {
  it('splits at the first white space', () => {
    fc.assert(
      fc.property(text, (value) => {
        const [, word = '', rest = ''] = /^(\S*)\s*([\s\S]*)$/.exec(value.trim()) ?? [];
        expect(splitFirstWord(value)).toEqual([word, rest]);
      }),
    );
  });
});
