/** For browsers: the chat widget and our own pages. `html` may be put into a page as it is. */
import type { Root } from '../tree.ts';
import { renderHtml } from './html.ts';
import { renderPlain } from './plain.ts';

export function renderWeb(root: Root): { text: string; html: string } {
  const html = renderHtml(root, {
    tables: true,
    headings: true,
    struck: 's',
    classes: true,
    // A page that is opened must not reach back to ours, nor learn which conversation it was opened from.
    attributes: { a: ' target="_blank" rel="noopener noreferrer nofollow ugc"' },
  });
  return { ...renderPlain(root), html };
}
