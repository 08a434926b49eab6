/**
 * XEP-0393, Message Styling (https://xmpp.org/extensions/xep-0393.html), for the body of a message. A span opens at the
 * beginning of a line or after white space, and never inside a word; a zero-width space is no white space, so a
 * character behind one opens nothing.
 */
import { toLines } from '../lines.ts';
import { writeLines } from '../notation.ts';
import type { Root } from '../tree.ts';
import { hushed, styling } from './hushed.ts';

export function renderXmpp(root: Root): { text: string } {
  const lines = toLines(root, {
    bullets: ['•', '◦', '▪'],
    nestedQuotes: true,
    heading: () => null,
    rule: '———',
    links: 'none',
  });
  const text = writeLines(lines, {
    ...styling,
    insideWords: 'no',
    escape: (text, place) => hushed(text, place, 'before'),
    fence: (lang) => [`\`\`\`${lang ?? ''}`, '```'],
  });
  return { text };
}
