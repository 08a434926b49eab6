import { describe, expect, it } from 'vitest';
import { createStyle } from './style.ts';
import { type Column, table } from './table.ts';
import { widthOf } from './text.ts';

const rows = [
  { id: '0199c1d2-aaaa', name: 'assistant', tokens: '12', model: 'anthropic/claude-sonnet-5' },
  { id: '0199c1d2-bbbb', name: '日本語の助手', tokens: '1,234', model: 'auto' },
];
const columns: Column<(typeof rows)[number]>[] = [
  { header: 'ID', value: ({ id }) => id },
  { header: 'NAME', value: ({ name }) => name, shrinks: true },
  { header: 'TOKENS', value: ({ tokens }) => tokens, align: 'right', optional: true },
  { header: 'MODEL', value: ({ model }) => model, shrinks: true, optional: true },
];
const plain = createStyle(false);
const render = (width: number, style = plain) => table(rows, columns, { width, style });

describe('table', () => {
  it('aligns columns by what is seen, and leaves no blanks at the end of lines', () => {
    expect(render(Number.POSITIVE_INFINITY)).toBe(
      [
        'ID             NAME          TOKENS  MODEL',
        '0199c1d2-aaaa  assistant         12  anthropic/claude-sonnet-5',
        '0199c1d2-bbbb  日本語の助手   1,234  auto',
        '',
      ].join('\n'),
    );
  });

  it('cuts what may shrink first, the widest first', () => {
    expect(render(50).split('\n')[1]).toBe('0199c1d2-aaaa  assistant         12  anthropic/cl…');
  });

  it('leaves out what is optional next, the last first', () => {
    expect(render(34).split('\n').slice(0, 2)).toEqual([
      'ID             NAME         TOKENS',
      '0199c1d2-aaaa  assistant        12',
    ]);
    expect(render(26).split('\n')[0]).toBe('ID             NAME');
  });

  it.each([200, 80, 60, 50, 40, 30, 20, 10, 3])('has no line wider than %i', (width) => {
    for (const line of render(width).split('\n')) expect(widthOf(line)).toBeLessThanOrEqual(width);
  });

  it('is as wide with colours as without', () => {
    const painted = columns.map((column) => ({ ...column, paint: createStyle(true).green }));
    const coloured = table(rows, painted, { width: 50, style: createStyle(true) });
    expect(coloured).toContain('\x1b[32m');
    expect(coloured.replace(/\x1b\[\d+m/g, '')).toBe(render(50));
  });

  it('keeps a cell on its line, whatever is in it', () => {
    const out = table([{ x: 'a\nb\x1b[2Jc' }], [{ header: 'X', value: ({ x }) => x }], {
      width: 80,
      style: plain,
    });
    expect(out).toBe('X\na b<U+001B>[2Jc\n');
  });
});
