/** Text for platforms without formatting, such as SMS, and for the plain half of an email. */
import { toLines } from '../lines.ts';
import { writeLines } from '../notation.ts';
import type { Root } from '../tree.ts';

export function renderPlain(root: Root): { text: string } {
  const lines = toLines(root, {
    bullets: ['-'],
    nestedQuotes: true,
    heading: () => null,
    rule: '---',
    links: 'none',
  });
  const text = writeLines(lines, {
    spans: { strong: '', emphasis: '', delete: '' },
    escapable: true,
    insideWords: 'yes',
    code: (text) => text,
    link: (label) => label,
    escape: (text) => text,
    fence: () => null,
    escapeCode: (text) => text,
    quote: '> ',
  });
  return { text };
}
