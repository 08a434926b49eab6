/**
 * XEP-0393, Message Styling (https://xmpp.org/extensions/xep-0393.html), for the body of a message. A span opens at the
 * beginning of a line or after white space, and never inside a word; a zero-width space is no white space, so a
 * character behind one opens nothing.
 */
import { toLines } from '../lines.ts';
import { writeLines } from '../notation.ts';
import type { Root } from '../tree.ts';
import { hushed, withoutFences } from './hushed.ts';

export function renderXmpp(root: Root): { text: string } {
  const lines = toLines(root, {
    bullets: ['•', '◦', '▪'],
    nestedQuotes: true,
    heading: () => null,
    rule: '———',
    links: 'none',
  });
  const text = writeLines(lines, {
    spans: { strong: '*', emphasis: '_', delete: '~' },
    escapable: false,
    insideWords: 'no',
    code: (text) => (text.includes('`') ? null : `\`${text}\``),
    link: (label) => label,
    escape: (text, place) => hushed(text, place, 'before'),
    fence: (lang) => [`\`\`\`${lang ?? ''}`, '```'],
    escapeCode: withoutFences,
    quote: '> ',
  });
  return { text };
}
