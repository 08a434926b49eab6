/**
 * Discord's Markdown, https://support.discord.com/hc/en-us/articles/210298617.
 *
 * A backslash keeps a character from marking, but not `<@1>` from notifying: mentions are broken with a zero-width
 * space, in code as well. Adapters also send `allowed_mentions: {parse: []}`,
 * https://discord.com/developers/docs/resources/message#allowed-mentions-object.
 */
import { zeroWidthSpace } from '../characters.ts';
import { toLines } from '../lines.ts';
import { type TextPlace, writeLines } from '../notation.ts';
import type { Root } from '../tree.ts';
import { isBare } from '../urls.ts';
import { withoutFences } from './hushed.ts';

export function renderDiscord(root: Root): { text: string } {
  const lines = toLines(root, {
    bullets: ['-'],
    nestedQuotes: false,
    heading: (depth) => (depth <= 3 ? `${'#'.repeat(depth)} ` : null),
    rule: '———',
    links: 'web',
  });
  const text = writeLines(lines, {
    spans: { strong: '**', emphasis: '*', delete: '~~' },
    escapable: true,
    insideWords: 'apart',
    code: (text) => (text.includes('`') ? (text.includes('``') ? null : `\`\` ${text} \`\``) : `\`${text}\``),
    link: (label, url) => (isBare(label, url) ? url : `[${label}](${url})`),
    escape: escaped,
    fence: (lang) => [`\`\`\`${lang ?? ''}`, '```'],
    escapeCode: withoutFences,
    quote: '> ',
  });
  return { text: withoutMentions(text) };
}

/** Discord drops some combining and invisible characters, and then sees a mention. */
function withoutMentions(text: string): string {
  return text
    .replace(/@(?=[\p{M}\p{Cf}]*(?:everyone|here))/giu, `@${zeroWidthSpace}`)
    .replace(/<(?=[@#])/g, `<${zeroWidthSpace}`);
}

function escaped(text: string, { isLineStart, isAddress }: TextPlace): string {
  if (isAddress) return text;
  const inline = text.replace(
    /[*~|`[\]]|\\(?=[^\p{L}\p{N}\s])|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu,
    '\\$&',
  );
  if (!isLineStart) return inline;
  // Headings, small print, lists and quotes.
  return inline.replace(/^(?:#{1,3}|-#|[->+])(?=\s)|^>>>/, '\\$&').replace(/^(\d+)\.(?=\s)/, '$1\\.');
}
