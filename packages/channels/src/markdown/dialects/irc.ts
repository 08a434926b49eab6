/**
 * IRC with the formatting codes that clients share, https://modern.ircdocs.horse/formatting. A code toggles until the
 * end of the line, and each line is a message of its own, so every line closes what it opens. Control characters of
 * the text itself are gone by then (`visible`), and line breaks stand only between lines.
 */
import { toLines } from '../lines.ts';
import { writeLines } from '../notation.ts';
import type { Root } from '../tree.ts';

const monospace = '\x11';

export function renderIrc(root: Root): { text: string } {
  const lines = toLines(root, {
    bullets: ['•', '◦', '▪'],
    nestedQuotes: true,
    heading: () => null,
    rule: '---',
    links: 'none',
  });
  const text = writeLines(lines, {
    spans: { strong: '\x02', emphasis: '\x1d', delete: '\x1e' },
    escapable: true,
    insideWords: 'yes',
    code: (text) => monospace + text + monospace,
    link: (label) => label,
    escape: (text) => text,
    fence: () => null,
    escapeCode: (text) => (text === '' ? '' : monospace + text + monospace),
    quote: '> ',
  });
  return { text };
}
