/** What was written in a mail, without what the conversation has already. Each line is looked at a few times. */

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
  const isField = (line = '') => /^\*?[\p{L}][\p{L} .-]{0,20}\s?:\*?\s/u.test(line.trim().slice(0, 30));
  const start = lines.findIndex(
    (line, at) => isField(line) && isOurs(line) && isField(lines[at + 1]) && isField(lines[at + 2]),
  );
  if (start < 0) return null;
  let above = start;
  while (above > 0 && isBlank(lines[above - 1]!)) above -= 1;
  return above > 0 && isRule(lines[above - 1]!) ? above - 1 : start;
}

/** A line of dashes, which may have words in it. */
const isRule = (line: string) => /^[-_]{5}/.test(line.trimStart()) && line.trim().length <= 120;

const isQuoted = (line: string) => line.startsWith('>');
const isBlank = (line: string) => line.trim() === '';

/** A mail that is all quote says something by it. */
function orWhole(kept: readonly string[], text: string): string {
  const shorter = kept.join('\n').trim();
  return shorter === '' ? text : shorter;
}
