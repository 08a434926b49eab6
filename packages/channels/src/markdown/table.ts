/** Tables where a platform has none. */
import { widthOf } from './characters.ts';
import { type Inline, type List, type Table, type TableCell, textOf } from './tree.ts';

/** Wider ones are not aligned but told row by row: in a chat their lines would wrap, and padding would multiply them. */
const widest = 100;

const gap = '  ';

/** The table in aligned columns for a fixed-width font, or null where it is too wide for that. */
export function alignedTable({ children: rows, align }: Table): string | null {
  const texts = rows.map((row) => row.children.map(cellText));
  const widths: number[] = [];
  for (const row of texts) {
    for (const [column, text] of row.entries()) widths[column] = Math.max(widths[column] ?? 1, widthOf(text));
  }
  if (widths.reduce((sum, width) => sum + width + gap.length, 0) > widest) return null;
  const line = (cells: readonly string[]) =>
    cells
      .map((text, column) => pad(text, widths[column]!, align?.[column]))
      .join(gap)
      .trimEnd();
  const [header, ...body] = texts.map(line);
  return [header ?? '', widths.map((width) => '─'.repeat(width)).join(gap), ...body].join('\n');
}

function pad(text: string, width: number, align: 'left' | 'right' | 'center' | null | undefined): string {
  const missing = width - widthOf(text);
  const before = align === 'right' ? missing : align === 'center' ? missing >> 1 : 0;
  return ' '.repeat(before) + text + ' '.repeat(missing - before);
}

/** On one line, with where its links lead. */
function cellText({ children }: TableCell): string {
  return children.map(inlineText).join('').replace(/\s+/g, ' ').trim();
}

function inlineText(node: Inline): string {
  if (node.type === 'image') return node.alt ? `${node.alt} (${node.url})` : node.url;
  if (!('children' in node)) return textOf(node);
  const text = node.children.map(inlineText).join('');
  if (node.type !== 'link' || node.url.endsWith(text)) return text || (node.type === 'link' ? node.url : '');
  return `${text} (${node.url})`;
}

/** In UTF-16 code units: a header is written again for each row, so that a long one would multiply the message. */
const longestTitle = 60;

/**
 * The same as a list: an item for each row, in it a line for each cell, led by the header of its column. Where a header
 * is too long for that, the headers are an item of their own.
 */
export function tableAsList({ children: [header, ...rows] }: Table): List {
  const isLong = header?.children.some((cell) => cellText(cell).length > longestTitle) ?? false;
  const line = (cell: TableCell, column: number): Inline[] => {
    const title = (!isLong && header?.children[column]?.children) || [];
    if (title.length === 0) return cell.children;
    return [{ type: 'strong', children: title }, { type: 'text', value: ': ' }, ...cell.children];
  };
  const told = header && (isLong || rows.length === 0) ? [header, ...rows] : rows;
  return {
    type: 'list',
    children: told.map((row) => ({
      type: 'listItem',
      children: [
        {
          type: 'paragraph',
          children: row.children
            .map((cell, column) => (row === header ? cell.children : line(cell, column)))
            .flatMap((inlines, index): Inline[] => [
              ...(index > 0 ? [{ type: 'break' } as const] : []),
              ...inlines,
            ]),
        },
      ],
    })),
  };
}
