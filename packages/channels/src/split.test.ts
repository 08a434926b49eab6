import { describe, expect, it } from 'vitest';
import type { TextLimit } from './channel.ts';
import { splitText } from './split.ts';

const utf16 = (max: number): TextLimit => ({ max, unit: 'utf16' });

describe('where a text is cut', () => {
  it('leaves one that fits alone, but for the blanks around it', () => {
    expect(splitText('  Hello\n\nthere. \n', utf16(100))).toEqual(['Hello\n\nthere.']);
  });

  it('makes nothing of blanks', () => {
    expect(splitText(' \n\t\n ', utf16(10))).toEqual([]);
  });

  it('prefers paragraphs, then lines, then words', () => {
    expect(splitText('One two.\nThree.\n\nFour five six seven.\n\nEight.', utf16(17))).toEqual([
      'One two.\nThree.',
      'Four five six',
      'seven.',
      'Eight.',
    ]);
  });

  it('cuts a word between graphemes only', () => {
    const family = '👨‍👩‍👧‍👦';
    expect(splitText(family.repeat(3), utf16(2 * family.length))).toEqual([family.repeat(2), family]);
    expect(splitText('e\u0301'.repeat(3), utf16(5))).toEqual(['e\u0301e\u0301', 'e\u0301']);
  });

  it('cuts a grapheme that is larger than a whole message between code points', () => {
    const zalgo = `a${'\u0301'.repeat(9)}`;
    expect(splitText(zalgo, utf16(4)).join('')).toBe(zalgo);
  });

  it.each([
    ['utf16', ['😀😀', '😀']],
    ['codePoints', ['😀😀😀']],
    ['bytes', ['😀', '😀', '😀']],
  ] as const)('counts in %s', (unit, parts) => {
    expect(splitText('😀😀😀', { max: 5, unit })).toEqual(parts);
  });
});

/** The same numbers on every machine. */
function createRandom(seed: number) {
  let state = seed;
  return (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

it('keeps every part within the limit and loses nothing that can be seen, for any text', () => {
  const random = createRandom(7);
  const alphabet = [
    'a',
    'word',
    ' ',
    ' ',
    '\n',
    '\n\n',
    '. ',
    'ü',
    '日本',
    '😀',
    '👩‍👧',
    'e\u0301',
    '```',
    'x'.repeat(40),
  ];
  const lengths = {
    utf16: (text: string) => text.length,
    bytes: (text: string) => Buffer.byteLength(text),
    codePoints: (text: string) => [...text].length,
  };
  for (let round = 0; round < 500; round += 1) {
    const text = Array.from({ length: random(60) }, () => alphabet[random(alphabet.length)]).join('');
    const unit = (['utf16', 'bytes', 'codePoints'] as const)[random(3)]!;
    const max = 8 + random(60);
    const parts = splitText(text, { max, unit });
    for (const part of parts) {
      expect(lengths[unit](part)).toBeLessThanOrEqual(max);
      expect(part.trim()).toBe(part);
      expect(part.isWellFormed()).toBe(true);
    }
    expect(parts.join('').replaceAll(/\s/g, '')).toBe(text.replaceAll(/\s/g, ''));
    expect(splitText(text, { max, unit })).toEqual(parts);
  }
});
