import { expect, it } from 'vitest';
import { createLineSplitter } from './line-splitter.ts';

function split(...chunks: (string | Buffer)[]): string[] {
  const lines: string[] = [];
  const splitter = createLineSplitter((line) => lines.push(line));
  for (const chunk of chunks) splitter.write(Buffer.from(chunk));
  splitter.end();
  return lines;
}

it('joins what chunks have torn apart, and passes on an unfinished last line', () => {
  expect(split('{"a"', ':1}\n{"b":2}\n\r\n{"c"', ':3}')).toEqual(['{"a":1}', '{"b":2}', '{"c":3}']);
});

it('keeps a character whole whose bytes came in two chunks', () => {
  const bytes = Buffer.from('né\n');
  expect(split(bytes.subarray(0, 2), bytes.subarray(2))).toEqual(['né']);
});

it('does not cut at other line separators, which JSON leaves unescaped', () => {
  expect(split('{"a":"x\u2028y"}\n')).toEqual(['{"a":"x\u2028y"}']);
});

it('passes on an endless line in pieces instead of keeping it', () => {
  const lines = split('x'.repeat(2_500_000));
  expect(lines.map((line) => line.length)).toEqual([1_000_000, 1_000_000, 500_000]);
});
