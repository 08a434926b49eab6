/** Email: a plain half, and HTML whose few styles stand on the elements, since mail programs drop all others. */
import type { Root } from '../tree.ts';
import { renderHtml } from './html.ts';
import { renderPlain } from './plain.ts';

const monospace = 'font-family:ui-monospace,Consolas,monospace';
const cell = ' style="border:1px solid #ccc;padding:4px 8px"';

export function renderEmail(root: Root): { text: string; html: string } {
  const html = renderHtml(root, {
    tables: true,
    headings: true,
    struck: 's',
    classes: false,
    attributes: {
      pre: ` style="${monospace};background:#f5f5f5;padding:8px;white-space:pre-wrap"`,
      code: ` style="${monospace}"`,
      blockquote: ' style="margin:0 0 0 8px;padding-left:8px;border-left:3px solid #ccc"',
      table: ' style="border-collapse:collapse"',
      th: cell,
      td: cell,
    },
  });
  return { ...renderPlain(root), html };
}
