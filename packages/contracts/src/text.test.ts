import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cutText,
  endOfText,
  isStorable,
  isTooDeep,
  StorableStream,
  shortenText,
  splitFirstWord,
  storable,
  storableText,
  trimEndOf,
} from './text.ts';

/** Text of every kind, halves of pairs and NUL among it. */
const text = fc
  .array(fc.constantFrom('a', 'ß', '漢', '😀', '👩‍👩‍👧', '\0', '\ud83d', '\ude00', '\uffff'), {
    maxLength: 12,
  })
  .map((parts) => parts.join(''));
/** Text that can be stored. */
const clean = text.map(storableText);

describe('storableText', () => {
  it('leaves out NUL, and replaces halves of pairs', () => {
    expect(storableText('a\0b\ud83dc\ude00')).toBe('ab\ufffdc\ufffd');
    // Halves that NUL kept apart were none of one character.
    expect(storableText('\ud83d\0\ude00')).toBe('\ufffd\ufffd');
  });

  it('makes every text one that can be stored, and leaves such a text as it is', () => {
    fc.assert(
      fc.property(text, (any) => {
        expect(isStorable(storableText(any))).toBe(true);
        if (isStorable(any)) expect(storableText(any)).toBe(any);
      }),
    );
  });
});

describe('storable', () => {
  it('washes keys and values at any depth, and nothing but texts', () => {
    const value = { 'k\0': ['\ud800', 1, null, true, { '\udc00': 'x\0' }], n: 0.5 };
    expect(storable(value)).toEqual({ k: ['\ufffd', 1, null, true, { '\ufffd': 'x' }], n: 0.5 });
  });

  it('keeps `__proto__` a key like others', () => {
    const value = storable(JSON.parse('{"__proto__": {"a": "\\u0000"}}'));
    expect(JSON.stringify(value)).toBe('{"__proto__":{"a":""}}');
  });

  it('ends where a value nests too deep, which is to be seen before', () => {
    const deep = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));
    expect(isTooDeep(deep(256))).toBe(false);
    expect(storable(deep(256))).toEqual(deep(256));
    expect(isTooDeep(deep(257))).toBe(true);
    expect(isTooDeep(deep(100_000))).toBe(true);
    expect(JSON.stringify(storable(deep(100_000)))).toBe(`${'['.repeat(256)}null${']'.repeat(256)}`);
  });
});

describe('StorableStream', () => {
  it('says of pieces together what the whole says, wherever it was split', () => {
    fc.assert(
      fc.property(text, fc.array(fc.nat(30), { maxLength: 6 }), (whole, cuts) => {
        const ends = [...new Set([0, ...cuts, whole.length])].filter((at) => at <= whole.length);
        const sorted = ends.sort((a, b) => a - b);
        const stream = new StorableStream();
        const said = sorted.slice(1).map((end, index) => stream.next(whole.slice(sorted[index]!, end)));
        const all = [...said, stream.end()];
        expect(all.join('')).toBe(storableText(whole));
        for (const piece of all) expect(isStorable(piece)).toBe(true);
      }),
    );
  });
});

describe('cutText, shortenText, endOfText', () => {
  it('never split a pair, never exceed the limit, and leave out no more than they must', () => {
    fc.assert(
      fc.property(clean, fc.integer({ min: 0, max: 40 }), (whole, max) => {
        const [head, tail] = [cutText(whole, max), endOfText(whole, max)];
        for (const part of [head, tail, shortenText(whole, Math.max(1, max))])
          expect(isStorable(part)).toBe(true);
        expect(whole.startsWith(head)).toBe(true);
        expect(whole.endsWith(tail)).toBe(true);
        for (const part of [head, tail]) {
          expect(part.length).toBeLessThanOrEqual(max);
          expect(part.length).toBeGreaterThanOrEqual(Math.min(whole.length, max) - 1);
        }
        expect(shortenText(whole, Math.max(1, max)).length).toBeLessThanOrEqual(Math.max(1, max));
      }),
    );
  });

  it('cut between characters', () => {
    expect(cutText('ab😀cd', 3)).toBe('ab');
    expect(cutText('ab😀cd', 4)).toBe('ab😀');
    expect(endOfText('ab😀cd', 3)).toBe('cd');
    expect(endOfText('ab😀cd', 4)).toBe('😀cd');
    expect(shortenText('ab😀cd', 4)).toBe('ab…');
    expect(shortenText('ab😀cd', 6)).toBe('ab😀cd');
    expect(cutText('😀', 0)).toBe('');
  });
});

const line = fc.string({ unit: fc.constantFrom('a', 'b', '.', '!', '/', ' ', '\n', '😀') });

describe('trimEndOf', () => {
  it('leaves what a regular expression would leave', () => {
    fc.assert(
      fc.property(line, (value) => {
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
      fc.property(line, (value) => {
        const [, word = '', rest = ''] = /^(\S*)\s*([\s\S]*)$/.exec(value.trim()) ?? [];
        expect(splitFirstWord(value)).toEqual([word, rest]);
      }),
    );
  });
});
