import fc from 'fast-check';
import { expect, it } from 'vitest';
import { renderParts } from '../markdown/render.ts';
import { plainText, textBytes, toLines } from './lines.ts';

const bytes = (line: string) => Buffer.byteLength(line);

it('makes lines that fit and hold all of the text', () => {
  const text = fc
    .array(
      fc.oneof(
        fc.string({ unit: 'grapheme' }),
        fc.constantFrom('👩‍👩‍👧‍👦', 'é̂', 'שלום', '\x02', '\x1d', ' ', '\n'),
      ),
    )
    .map((pieces) => pieces.join(''));
  fc.assert(
    fc.property(text, fc.integer({ min: 30, max: 120 }), (said, most) => {
      const lines = toLines(said, most);
      for (const line of lines) {
        expect(bytes(line)).toBeLessThanOrEqual(most);
        expect(line).not.toMatch(/[\r\n\0\x01]/);
        expect(line.trim()).not.toBe('');
      }
      const read = (each: string) => each.replace(/[\s\x00-\x1f]/g, '');
      expect(read(lines.join(''))).toBe(read(said));
    }),
  );
});

it('cuts between words, and goes on as it was formatted', () => {
  expect(toLines('\x02bold words here\x02 and \x1dmore\x1d', 13)).toEqual([
    '\x02bold words',
    '\x02here\x02 and',
    '\x1dmore\x1d',
  ]);
});

it('cuts letters from their accents only where nothing else is left', () => {
  const letter = `e${'\u0302'.repeat(40)}`;
  const lines = toLines(letter, 30);
  expect(lines.join('')).toBe(letter);
  expect(lines).toHaveLength(3);
});

it('reckons with what a server writes in front', () => {
  const source = { nick: 'nightbot', userLength: 10, hostLength: 63 };
  const line = `:nightbot!${'u'.repeat(10)}@${'h'.repeat(63)} PRIVMSG #dev :${'x'.repeat(textBytes('#dev', source))}\r\n`;
  expect(bytes(line)).toBe(512);
});

it('reads text without its colours', () => {
  expect(plainText('\x0304,12red\x03 \x02b\x02 \x04ff0000hex\x04 \x1funder\x0f\x16r 5\x031')).toBe(
    'red b hex underr 5',
  );
});

it('gets parts that are few lines, a long list among them', () => {
  const markdown = Array.from({ length: 100 }, (_, item) => `- item ${item}`).join('\n');
  const limit = { max: 1_000, unit: 'bytes', lines: 5 } as const;
  const { parts } = renderParts(markdown, { dialect: 'irc', limit });
  for (const { text } of parts) expect(toLines(text, 400).length).toBeLessThanOrEqual(5);
  expect(parts.flatMap(({ text }) => toLines(text, 400))).toHaveLength(100);
});
