/** Markdown for receivers that render it themselves. */
import { gfmToMarkdown } from 'mdast-util-gfm';
import { toMarkdown } from 'mdast-util-to-markdown';
import type { Root } from '../tree.ts';

export function renderMarkdown(root: Root): { text: string } {
  const text = toMarkdown(root as Parameters<typeof toMarkdown>[0], {
    bullet: '-',
    rule: '-',
    extensions: [gfmToMarkdown({ tablePipeAlign: false })],
    // A line break of the source, which most receivers show as one; `\` at the end of a line would be seen.
    handlers: { break: () => '\n' },
  });
  return { text: text.trim() };
}
