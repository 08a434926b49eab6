import { expect, it } from 'vitest';
import { renderPreview } from './render.ts';

const shown = (text: string, max = 4096) =>
  renderPreview(text, { dialect: 'discord', limit: { max, unit: 'utf16' } }).text;

it.each([
  ['a fence', 'Look:\n```js\nlet a', 'Look:\n\n```js\nlet a\n```'],
  ['a fence that is about to end', '```js\nlet a\n``', '```js\nlet a\n```'],
  ['bold text', 'This is **very imp', 'This is **very imp**'],
  ['bold text with other spans in it', 'This is **very `x` imp', 'This is **very `x` imp**'],
  ['spans in spans', 'This **is *ver', 'This **is *ver***'],
  ['code', 'Call `foo(', 'Call `foo(`'],
  ['struck text', '~~no', '~~no~~'],
  ['a mark with nothing behind it', 'This is **', 'This is'],
  ['the target of a link', 'See [the docs](https://exam', 'See the docs'],
  ['a list item', '- one\n-', '- one'],
  ['a number', '1. one\n2.', '1. one'],
  ['a heading', 'Text\n\n##', 'Text'],
  ['what may become an underline', 'Text\n--', 'Text'],
  ['bold text in a list in a quote', '> - **ite', '> - **ite**'],
])('shows %s as if it were finished', (_what, text, expected) => {
  expect(shown(text)).toBe(expected);
});

it('leaves what is finished alone', () => {
  expect(shown('A **b** and 2 * 3 `c`.')).toBe('A **b** and 2 \\* 3 `c`.');
});

it('shows the beginning of what is too long, and does not change it when more comes', () => {
  const text = 'One sentence. '.repeat(20);
  const first = shown(text, 60);
  expect(first).toBe('One sentence. One sentence. One sentence. One sentence.\n\n…');
  expect(shown(text.repeat(5), 60)).toBe(first);
});

it('is blank while there is nothing to be seen', () => {
  expect(shown('')).toBe('');
  expect(shown('```')).toBe('');
});
