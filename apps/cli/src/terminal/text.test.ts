import { describe, expect, it } from 'vitest';
import { cut, indent, oneLine, printable, visibleJson, widthOf, withOwnCodesOnly } from './text.ts';

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
  it.each([
    [
      'escape sequences',
      'a\x1b]52;c;aGk=\x07b\x1b[2Jc\x9b1md\x00',
      'a<U+001B>]52;c;aGk=<U+0007>b<U+001B>[2Jc<U+009B>1md<U+0000>',
    ],
    ['text that is turned around', 'invoice\u202egpj.exe', 'invoice<U+202E>gpj.exe'],
    ['isolates', '\u2066admin\u2069', '<U+2066>admin<U+2069>'],
    ['marks of direction', 'a\u200eb\u200fc\u061cd', 'a<U+200E>b<U+200F>c<U+061C>d'],
    ['what takes no room', 'ad\u200bmin\ufeff\u2060\u00ad', 'ad<U+200B>min<U+FEFF><U+2060><U+00AD>'],
    ['joiners where nothing is joined', 'ad\u200dmin\u200c', 'ad<U+200D>min<U+200C>'],
    ['fillers', '\u3164\u115f', '<U+3164><U+115F>'],
    ['other line breaks', 'a\u2028b\u2029c', 'a<U+2028>b<U+2029>c'],
    ['tags', 'a\u{e0041}\u{e0042}', 'a<U+E0041><U+E0042>'],
    ['halves of a pair', 'a\ud83db\udc4dc', 'a<U+D83D>b<U+DC4D>c'],
  ])('shows %s as such', (_, text, expected) => {
    expect(printable(text)).toBe(expected);
    expect(withOwnCodesOnly(text)).toBe(expected);
  });

  it.each(['👩‍👩‍👧 👍🏽 ❤️', 'שלום عليكم', 'می‌خواهم', 'क्‍ष', 'e\u0301 日本語'])('leaves %s as it is', (text) =>
    expect(printable(text)).toBe(text),
  );

  it('keeps line breaks and tabs, and makes one kind of line breaks', () => {
    expect(printable('a\r\nb\rc\n\td')).toBe('a\nb\nc\n\td');
  });
});

it('oneLine joins lines, indent moves the lines that hold something', () => {
  expect(oneLine(' a\n\n  b\t')).toBe('a b');
  expect(indent('a\n\nb\n', '  ')).toBe('  a\n\n  b\n');
});

it('leaves the codes that this program writes, and shows all others', () => {
  const text = '\r\x1b[2K\x1b[32mgreen\x1b[39m';
  expect(withOwnCodesOnly(text)).toBe(text);
  expect(withOwnCodesOnly('\x1b[2J\x1b[1;1Ha\rb')).toBe('<U+001B>[2J<U+001B>[1;1Ha<U+000D>b');
  expect(withOwnCodesOnly('a,b\r\n')).toBe('a,b\r\n');
});

it('hides nothing in JSON, which means the same', () => {
  const value = { name: 'in\u202evoice\x9b\u{e0041}\x7f', emoji: '👩‍👩‍👧' };
  const text = visibleJson(value, 2);
  expect(text).not.toMatch(/[\u202e\x7f\x9b]|\u{e0041}/u);
  expect(text).toContain('👩‍👩‍👧');
  expect(JSON.parse(text)).toEqual(value);
});
