/** What somebody has written in a mail: plain text, without what the conversation has already. */
import { cutText } from '@nightshift/contracts';
import { convert } from 'html-to-text';
import type { Mail } from './mail.ts';

/** More than a model is given, and as much as is searched for quotes. */
const maxLength = 400_000;
const maxHtmlLength = 2_000_000;

export function plainTextOf({ text, html }: Mail): string {
  const plain = text.trim() !== '' ? text : html.trim() === '' ? '' : fromHtml(html);
  return cutText(plain.replace(/\r\n?/g, '\n').replaceAll('\u00a0', ' '), maxLength).trim();
}

const fromHtml = (html: string): string =>
  convert(cutText(html, maxHtmlLength), {
    wordwrap: false,
    limits: { maxDepth: 100, maxChildNodes: 20_000 },
    selectors: [
      { selector: 'img', format: 'skip' },
      { selector: 'a', options: { hideLinkHrefIfSameAsText: true, ignoreHref: false } },
      ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({
        selector,
        options: { uppercase: false },
      })),
      { selector: 'ul', options: { itemPrefix: '- ' } },
      { selector: 'table', format: 'block' },
      { selector: 'td', format: 'inline' },
    ],
  });

/** The text without a signature, as far as it is marked as one: https://www.rfc-editor.org/rfc/rfc3676#section-4.3 */
export function withoutSignature(text: string): string {
  const lines = text.split('\n');
  const at = lines.lastIndexOf('-- ');
  return at > 0 && lines.length - at <= 15 ? orWhole(lines.slice(0, at), text) : text;
}

/**
 * The text without the mail that it answers, where that stands at its end. Text between or below quoted lines is an
 * answer to them, so all of it stays. `isOurs`: whether a line names us, as the author of what is quoted.
 */
export function withoutQuote(text: string, isOurs: (line: string) => boolean): string {
  const lines = text.split('\n');
  const header = headerStart(lines, isOurs);
  if (header !== null) return orWhole(lines.slice(0, header), text);
  let end = lines.length;
  while (end > 0 && (isQuoted(lines[end - 1]!) || isBlank(lines[end - 1]!))) end -= 1;
  if (!lines.slice(end).some(isQuoted)) return text;
  // "On Monday, somebody wrote:" in any language, which may be broken over lines.
  if (lines[end - 1]?.trimEnd().endsWith(':')) {
    const above = lines.slice(0, end).findLastIndex(isBlank);
    if (end - above <= 4) end = above + 1;
    else end -= 1;
  }
  return orWhole(lines.slice(0, end), text);
}

/** Where Outlook begins to quote: From, Sent, To and Subject in any language, with a rule above them. */
function headerStart(lines: readonly string[], isOurs: (line: string) => boolean): number | null {
  const isField = (line: string | undefined) =>
    /^\s*\*?[\p{L}][\p{L} .-]{0,20}\s?:\*?\s+\S/u.test(line ?? '');
  const start = lines.findIndex(
    (line, at) => isField(line) && isOurs(line) && isField(lines[at + 1]) && isField(lines[at + 2]),
  );
  if (start < 0) return null;
  let above = start;
  while (above > 0 && isBlank(lines[above - 1]!)) above -= 1;
  return above > 0 && /^\s*[-_]{5,}.{0,60}$/.test(lines[above - 1]!) ? above - 1 : start;
}

const isQuoted = (line: string) => line.startsWith('>');
const isBlank = (line: string) => line.trim() === '';

/** A mail that is all quote says something by it. */
function orWhole(kept: readonly string[], text: string): string {
  const shorter = kept.join('\n').trim();
  return shorter === '' ? text : shorter;
}
