/** What was written in a mail, without what the conversation has already. Each line is looked at a few times. */

/** The text without a signature, as far as it is marked as one: https://www.rfc-editor.org/rfc/rfc3676#section-4.3 */
export function withoutSignature(text: string): string {
  const lines = text.split('\n');
  const at = lines.lastIndexOf('-- ');
  return at > 0 && lines.length - at <= 15 ? orWhole(lines.slice(0, at), text) : text;
}

export interface Written {
  readonly text: string;
  /** The mail that it answers, with the line or the fields that say whose it is; blank: it quotes none at its end. */
  readonly quote: string;
}

/**
 * The text without the mail that it answers, where that stands at its end. Text between or below quoted lines is an
 * answer to them, so all of it stays. `isAuthor`: whether a line names whoever may have written what is quoted.
 */
export function splitQuote(text: string, isAuthor: (line: string) => boolean): Written {
  const lines = text.split('\n');
  const start = quoteStart(lines, isAuthor);
  const written = lines.slice(0, start).join('\n').trim();
  // A mail that is all quote says something by it.
  if (start === lines.length || written === '') return { text, quote: '' };
  return { text: written, quote: lines.slice(start).join('\n').trim() };
}

/** As `splitQuote`, of whose quote the conversation has everything. */
export const withoutQuote = (text: string, isAuthor: (line: string) => boolean): string =>
  splitQuote(text, isAuthor).text;

function quoteStart(lines: readonly string[], isAuthor: (line: string) => boolean): number {
  const header = headerStart(lines, isAuthor);
  if (header !== null) return header;
  let end = lines.length;
  while (end > 0 && (isQuoted(lines[end - 1]!) || isBlank(lines[end - 1]!))) end -= 1;
  if (!lines.slice(end).some(isQuoted)) return lines.length;
  // "On Monday, somebody wrote:" in any language, which may be broken over lines.
  if (!lines[end - 1]?.trimEnd().endsWith(':')) return end;
  const above = lines.slice(0, end).findLastIndex(isBlank);
  return end - above <= 4 ? above + 1 : end - 1;
}

/** Where Outlook begins to quote: From, Sent, To and Subject in any language, with a rule above them. */
function headerStart(lines: readonly string[], isAuthor: (line: string) => boolean): number | null {
  const start = lines.findIndex(
    (line, at) => isField(line) && isAuthor(line) && isField(lines[at + 1]) && isField(lines[at + 2]),
  );
  if (start < 0) return null;
  let above = start;
  while (above > 0 && isBlank(lines[above - 1]!)) above -= 1;
  return above > 0 && isRule(lines[above - 1]!) ? above - 1 : start;
}

/** `Von: Ann`, `*From:* Ann` */
export const isField = (line = '') => /^\*?[\p{L}][\p{L} .-]{0,20}\s?:\*?\s/u.test(line.trim().slice(0, 30));

/** A line of dashes, which may have words in it. */
const isRule = (line: string) => /^[-_]{5}/.test(line.trimStart()) && line.trim().length <= 120;

const isQuoted = (line: string) => line.startsWith('>');
const isBlank = (line: string) => line.trim() === '';

/** A mail that is all quote says something by it. */
function orWhole(kept: readonly string[], text: string): string {
  const shorter = kept.join('\n').trim();
  return shorter === '' ? text : shorter;
}
