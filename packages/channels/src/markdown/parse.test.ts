import { describe, expect, it } from 'vitest';
import { millisecondsOf } from '../../../../test/support/growth/measure.ts';
import { parseMarkdown } from './parse.ts';
import { textOf } from './tree.ts';

const blocks = (text: string) => parseMarkdown(text).children;

it('keeps the lines of a paragraph, and those that are written as <br>', () => {
  expect(blocks('one\ntwo <br/> three')).toEqual([
    {
      type: 'paragraph',
      children: [
        { type: 'text', value: 'one' },
        { type: 'break' },
        { type: 'text', value: 'two' },
        { type: 'break' },
        { type: 'text', value: 'three' },
      ],
    },
  ]);
});

it('takes HTML as text', () => {
  expect(textOf(parseMarkdown('<div>\n<b>**x**</b>\n<!-- y -->'))).toBe('<div>\n<b>x</b>\n<!-- y -->');
});

it('puts in the targets of references, and no end of them', () => {
  expect(blocks('[a][1] ![b][1]\n\n[1]: https://a.example')[0]).toMatchObject({
    children: [
      { type: 'link', url: 'https://a.example', children: [{ value: 'a' }] },
      { type: 'text' },
      { type: 'image', url: 'https://a.example', alt: 'b' },
    ],
  });
  const bomb = `[a]: https://x.example/${'b'.repeat(2000)}\n\n${'[a] '.repeat(1500)}`;
  expect(JSON.stringify(parseMarkdown(bomb)).length).toBeLessThan(400_000);
});

it('drops control characters; those that are written as references are seen as such', () => {
  expect(textOf(parseMarkdown('a\0b\x02c&#3;d&#27;[31me'))).toBe('abc\ufffdd\ufffd[31me');
});

it('shows what is nested deeper than any chat as text', () => {
  const deep = `${'> '.repeat(30)}bottom`;
  expect(textOf(parseMarkdown(deep))).toBe('bottom');
  expect(JSON.stringify(parseMarkdown(deep)).split('blockquote').length).toBeLessThan(17);
});

describe('a text that would make the parser slow', () => {
  const size = 60_000;
  it.each([
    ['emphasis', '*a_ '],
    ['quotes', '>'],
    ['lists', '1. '],
    ['closing brackets', ']'],
    ['images', '!['],
    ['targets', '[a]('],
    ['strikethrough', 'a~'],
    ['underlines', 'a\n-\n'],
    ['lazy lines', '> a\nb\nb\nb\n'],
    ['many quotes', '> a\n\n'],
    ['wide lists', `${'- '.repeat(40)}a\n`],
    ['declarations', 'a <!A '],
    ['columns', '|a'],
    ['footnotes', '[^a]: '],
    ['NUL', '\0'],
    ['an open fence', '```\n'],
  ])('is parsed in bounded time: %s', (_what, piece) => {
    const text = piece.repeat(size / piece.length);
    const ms = millisecondsOf(() => parseMarkdown(text));
    // Unbounded, each of these takes from ten seconds to hours, or overflows the stack.
    expect(ms).toBeLessThan(10_000);
  });

  it('is still read as Markdown but for what it has too much of', () => {
    const [heading] = blocks(`# Title\n\n${'*a_ '.repeat(10_000)}`);
    expect(heading).toMatchObject({ type: 'heading', depth: 1 });
  });

  it('is plain paragraphs when it is a megabyte', () => {
    const text = 'A **line**.\nAnother.\n\n'.repeat(50_000);
    const all = blocks(text);
    expect(all).toHaveLength(50_000);
    expect(textOf(all[0]!)).toBe('A **line**.\nAnother.');
  });
});
