/**
 * Slack's mrkdwn, for the `text` of a message.
 *
 * `&`, `<` and `>` are escaped everywhere, in code too: mentions (`<!channel>`, `<@U1>`, `<!subteam^S1>`) are written
 * with them, https://docs.slack.dev/messaging/formatting-message-text. Nothing else can be escaped, and spans are seen
 * only at the edges of words; a zero-width space is taken as such an edge.
 */
import { toLines } from '../lines.ts';
import { writeLines } from '../notation.ts';
import type { Root } from '../tree.ts';
import { hushed, withoutFences } from './hushed.ts';

export function renderSlack(root: Root): { text: string } {
  const lines = toLines(root, {
    bullets: ['•', '◦', '▪'],
    nestedQuotes: false,
    heading: () => null,
    rule: '———',
    links: 'any',
  });
  const text = writeLines(lines, {
    spans: { strong: '*', emphasis: '_', delete: '~' },
    escapable: false,
    insideWords: 'apart',
    code: (text) => (text.includes('`') ? null : `\`${escaped(text)}\``),
    link: (label, url) =>
      label === escaped(url) ? `<${label}>` : `<${escaped(url)}|${label.replaceAll('|', '¦')}>`,
    escape: (text, place) => escaped(hushed(text, place, 'after')),
    fence: () => ['```', '```'],
    escapeCode: (text) => escaped(withoutFences(text)),
    quote: '> ',
  });
  return { text };
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
