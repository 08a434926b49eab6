import { describe, expect, it } from 'vitest';
import { cut, indent, oneLine, printable, widthOf } from './text.ts';

describe('widthOf', () => {
  it.each([
    ['abc', 3],
    ['', 0],
    ['äöü', 3],
    ['e\u0301', 1],
    ['日本', 4],
    ['한글', 4],
    ['ｗｉｄｅ', 8],
    ['🙂', 2],
    ['👩‍👩‍👧', 2],
    ['✓ …', 3],
    ['a\u200bb', 2],
  ])('of %j is %i', (text, width) => expect(widthOf(text)).toBe(width));
});

describe('cut', () => {
  it.each([
    ['abcdef', 6, 'abcdef'],
    ['abcdef', 4, 'abc…'],
    ['日本語', 4, '日…'],
    ['👩‍👩‍👧👩‍👩‍👧', 3, '👩‍👩‍👧…'],
    ['abc', 1, '…'],
    ['abc', 0, ''],
  ])('of %j at %i is %j', (text, width, expected) => expect(cut(text, width)).toBe(expected));
});

describe('printable', () => {
  it('takes away what could steer the terminal', () => {
    expect(printable('a\x1b]52;c;aGk=\x07b\x1b[2Jc\x9b1md\x00')).toBe('a]52;c;aGk=b[2Jc1md');
  });

  it('keeps line breaks and tabs, and makes one kind of line breaks', () => {
    expect(printable('a\r\nb\rc\n\td')).toBe('a\nb\nc\n\td');
  });
});

it('oneLine joins lines, indent moves the lines that hold something', () => {
  expect(oneLine(' a\n\n  b\t')).toBe('a b');
  expect(indent('a\n\nb\n', '  ')).toBe('  a\n\n  b\n');
});
