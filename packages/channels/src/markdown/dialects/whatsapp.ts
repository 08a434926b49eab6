/**
 * WhatsApp's formatting, https://faq.whatsapp.com/539178204879377: spans, `- ` and `1. ` lists, `> ` quotes, code in
 * backticks. Links have no labels. Nothing can be escaped. Text mentions nobody: a mention is a field of its own.
 */
import { toLines } from '../lines.ts';
import { writeLines } from '../notation.ts';
import type { Root } from '../tree.ts';
import { hushed, styling } from './hushed.ts';

export function renderWhatsApp(root: Root): { text: string } {
  const lines = toLines(root, {
    bullets: ['-', '◦', '▪'],
    nestedQuotes: false,
    heading: () => null,
    rule: '———',
    links: 'none',
  });
  const text = writeLines(lines, {
    ...styling,
    insideWords: 'apart',
    escape: (text, place) => hushed(text, place, 'after'),
    fence: () => ['```', '```'],
  });
  return { text };
}
