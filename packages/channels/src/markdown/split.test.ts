import { describe, expect, it } from 'vitest';
import { millisecondsOf } from '../../../../test/support/growth/measure.ts';
import type { Dialect } from './dialects/index.ts';
import type { TextLimit } from './length.ts';
import { renderParts } from './render.ts';

const split = (text: string, max: number, dialect: Dialect = 'plain', unit: TextLimit['unit'] = 'utf16') =>
  renderParts(text, { dialect, limit: { max, unit } }).parts.map((part) => part.text);

describe('text', () => {
  it('that fits is one part, and blanks are none', () => {
    expect(split('  Hello\n\nthere. \n', 100)).toEqual(['Hello\n\nthere.']);
    expect(split(' \n\t\n ', 10)).toEqual([]);
    expect(split('```\n\n```', 10)).toEqual([]);
  });

  it('is cut between paragraphs, then at the end of a line or sentence, then between words', () => {
    expect(split('One two.\nThree.\n\nFour five six seven.\n\nEight.', 17)).toEqual([
      'One two.\nThree.',
      'Four five six',
      'seven.\n\nEight.',
    ]);
    expect(split('A long first sentence. And then a second one.', 30)).toEqual([
      'A long first sentence.',
      'And then a second one.',
    ]);
    expect(split('日本語の文。もう一つの文です。', 10)).toEqual(['日本語の文。', 'もう一つの文です。']);
  });

  it('is cut inside of a word between graphemes only', () => {
    const family = '👨‍👩‍👧‍👦';
    expect(split(family.repeat(3), 2 * family.length)).toEqual([family.repeat(2), family]);
    expect(split('e\u0301'.repeat(3), 5)).toEqual(['e\u0301e\u0301', 'e\u0301']);
    expect(split('🇩🇪🇫🇷🇮🇹', 10)).toEqual(['🇩🇪🇫🇷', '🇮🇹']);
    expect(split('مرحبا بالعالم', 8)).toEqual(['مرحبا', 'بالعالم']);
  });

  it('is cut inside of a grapheme that is longer than a message, and never inside of a code point', () => {
    const zalgo = `a${'\u0301'.repeat(9)}`;
    expect(split(zalgo, 4).join('')).toBe(zalgo);
    expect(split('😀😀', 1)).toEqual(['😀', '😀']);
  });

  it.each([
    ['utf16', ['😀😀', '😀']],
    ['codePoints', ['😀😀😀']],
    ['graphemes', ['😀😀😀']],
    ['bytes', ['😀', '😀', '😀']],
  ] as const)('is counted in %s', (unit, parts) => {
    expect(split('😀😀😀', 5, 'plain', unit)).toEqual(parts);
  });

  it('is counted as it is written: escapes and spans are within the limit', () => {
    expect(split('&&&& &&&&', 25, 'slack')).toEqual(['&amp;&amp;&amp;&amp;', '&amp;&amp;&amp;&amp;']);
    expect(split('**one two three four**', 12, 'discord')).toEqual(['**one two**', '**three**', '**four**']);
  });

  it('takes a heading along to what it is the heading of', () => {
    expect(split('First.\n\n# Title\n\nSecond paragraph.', 26)).toEqual([
      'First.',
      'Title\n\nSecond paragraph.',
    ]);
  });

  it('leaves links and code whole while there is another place', () => {
    expect(split('See [two words](https://a.example) now', 36, 'slack')).toEqual([
      'See <https://a.example|two words>',
      'now',
    ]);
    expect(split('word word `two words`', 16, 'slack')).toEqual(['word word', '`two words`']);
  });

  it('has its entities again where it goes on', () => {
    const { parts } = renderParts('😀 **one two three**', {
      dialect: 'telegram',
      limit: { max: 11, unit: 'utf16' },
    });
    expect(parts).toEqual([
      { text: '😀 one two', entities: [{ type: 'bold', offset: 3, length: 7 }] },
      { text: 'three', entities: [{ type: 'bold', offset: 0, length: 5 }] },
    ]);
  });
});

describe('blocks', () => {
  it('of code have their fence and language in each part, and those are counted', () => {
    const code = '```js\none();\n\ntwo();\nthree();\n```';
    expect(split(code, 26, 'discord')).toEqual(['```js\none();\n\ntwo();\n```', '```js\nthree();\n```']);
    for (const part of split(`\`\`\`js\n${'x'.repeat(100)}\n\`\`\``, 30, 'discord')) {
      expect(part).toMatch(/^```js\nx+\n```$/);
      expect(part.length).toBeLessThanOrEqual(30);
    }
  });

  it('of lists go on counting, and an item that is cut has its number once', () => {
    expect(split('1. one\n2. two words here\n3. three', 16)).toEqual([
      '1. one\n2. two',
      '   words here',
      '3. three',
    ]);
    const long = '9. one two three four five six\n10. end';
    expect(split(long, 18)).toEqual(['9. one two three', '   four five six', '10. end']);
  });

  it('in lists keep their place: code in a nested list', () => {
    const text = '1. one\n   - two\n     ```js\n     first();\n     second();\n     ```\n   - three\n2. four';
    expect(split(text, 38, 'discord')).toEqual([
      '1. one',
      '   - two\n```js\nfirst();\nsecond();\n```',
      '   - three\n2. four',
    ]);
  });

  it('of quotes have their mark on each line', () => {
    expect(split('> one two three\n> four', 14, 'slack')).toEqual(['> one two', '> three\n> four']);
  });

  it('of tables have their header again', () => {
    const table = '| k | v |\n|---|---|\n| a | 1 |\n| b | 2 |\n| c | 3 |';
    expect(split(table, 31, 'slack')).toEqual([
      '```\nk  v\n─  ─\na  1\nb  2\n```',
      '```\nk  v\n─  ─\nc  3\n```',
    ]);
  });

  it('of tables whose rows are longer than a message become lists, cell by cell', () => {
    const table = `| name | text |\n|---|---|\n| a | ${'word '.repeat(8)}|`;
    expect(split(table, 30).join(' ').replace(/\s+/g, ' ')).toBe(
      `- name: a text: ${'word '.repeat(8)}`.trim(),
    );
  });

  it('give up their quotes where those leave no space', () => {
    const parts = split(`${'> '.repeat(10)}some words`, 16, 'xmpp');
    expect(parts.join('').replace(/[\s>\u200b]/g, '')).toBe('somewords');
  });
});

describe('a long answer', () => {
  const section = `## Part\n\n${'A sentence with **bold** text. '.repeat(10)}\n\n- one\n- two\n\n\`\`\`js\n${'let a = 1;\n'.repeat(20)}\`\`\`\n\n`;
  const text = section.repeat(100).slice(0, 60_000);

  it.each([
    ['discord', 2000],
    ['telegram', 4096],
    ['whatsapp', 4096],
    ['slack', 40_000],
  ] as const)('of 60 kB fills its messages on %s', (dialect, max) => {
    const parts = split(text, max, dialect);
    for (const part of parts) expect(part.length).toBeLessThanOrEqual(max);
    expect(parts.length).toBeLessThan((60_000 / max) * 1.6 + 1);
  });

  it('is told to be better a file when it is more than so many', () => {
    const options = { dialect: 'discord', limit: { max: 2000, unit: 'utf16' } } as const;
    expect(renderParts(text, { ...options, maxParts: 5 })).toMatchObject({
      isComplete: false,
      parts: { length: 5 },
    });
    expect(renderParts(section, { ...options, maxParts: 5 }).isComplete).toBe(true);
  });

  it('of a megabyte is no further cut than is asked for', () => {
    const limit = { max: 4096, unit: 'utf16' } as const;
    const text = 'A line.\n\n'.repeat(110_000);
    const ms = millisecondsOf(() =>
      expect(renderParts(text, { dialect: 'telegram', limit, maxParts: 3 }).parts).toHaveLength(3),
    );
    expect(ms).toBeLessThan(10_000);
  });

  it('is as it was written where the receiver renders Markdown', () => {
    const odd = 'Setext\n===\n\n* star\n\n\\# not  two';
    expect(split(odd, 100, 'markdown')).toEqual([odd]);
  });
});
