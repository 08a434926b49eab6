import type { Style } from './style.ts';
import { cut, oneLine, widthOf } from './text.ts';

export interface Column<Row> {
  header: string;
  value: (row: Row) => string;
  paint?: (text: string, row: Row) => string;
  align?: 'right';
  /** May be cut, down to 6 columns, where the terminal is narrow. */
  shrinks?: boolean;
  /** Left out, the last one first, where shrinking is not enough. */
  optional?: boolean;
}

const gap = 2;
const narrowest = 6;

/** Rows in aligned columns, a header above. No line is wider than `width`. Ends with a line break. */
export function table<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  { width, style }: { width: number; style: Style },
): string {
  const layout = layOut(
    columns.map((column) => {
      const cells = rows.map((row) => oneLine(column.value(row)));
      return { column, cells, width: Math.max(...[column.header, ...cells].map(widthOf)) };
    }),
    width,
  );
  const line = (cellOf: (index: number) => { text: string; paint: (text: string) => string }) => {
    let free = width;
    const cells = layout.map(({ column, width }, index) => {
      const { text, paint } = cellOf(index);
      const shown = cut(text, Math.min(width, free));
      const padding = ' '.repeat(Math.max(0, Math.min(width, free) - widthOf(shown)));
      free -= width + gap;
      if (column.align === 'right') return padding + paint(shown);
      return index === layout.length - 1 ? paint(shown) : paint(shown) + padding;
    });
    return `${cells.join(' '.repeat(gap)).trimEnd()}\n`;
  };
  const header = line((index) => ({ text: layout[index]!.column.header, paint: style.dim }));
  const body = rows.map((row, at) =>
    line((index) => {
      const { column, cells } = layout[index]!;
      return { text: cells[at]!, paint: (text) => column.paint?.(text, row) ?? text };
    }),
  );
  return header + body.join('');
}

interface Laid<Row> {
  column: Column<Row>;
  cells: readonly string[];
  width: number;
}

function layOut<Row>(natural: readonly Laid<Row>[], width: number): Laid<Row>[] {
  const laid = natural.map((entry) => ({ ...entry }));
  const excess = () => laid.reduce((sum, entry) => sum + entry.width, gap * (laid.length - 1)) - width;
  for (let over = excess(); over > 0; over = excess()) {
    const widest = laid
      .filter(({ column, width }) => column.shrinks && width > narrowest)
      .reduce<Laid<Row> | undefined>((a, b) => (a && a.width >= b.width ? a : b), undefined);
    if (!widest) break;
    widest.width -= 1;
  }
  if (excess() <= 0) return laid;
  const dropped = natural.findLastIndex(({ column }) => column.optional);
  // The lines are cut then.
  if (dropped === -1) return laid;
  return layOut(natural.toSpliced(dropped, 1), width);
}
