/** Whether two texts of SQL say the same: what a formatter, another editor or a checkout may change is left out. */
import { createHash } from 'node:crypto';

/**
 * One token of PostgreSQL's lexical structure at a time
 * (https://www.postgresql.org/docs/18/sql-syntax-lexical.html). Block comments nest, so they are found by hand.
 */
const token =
  /(?<space>[ \t\n\r\f\v]+|--[^\n\r]*)|(?<comment>\/\*)|(?<text>[eE]'(?:[^'\\]|\\[\s\S]|'')*'|(?:[uU]&|[bBxXnN])?'(?:[^']|'')*'|(?:[uU]&)?"(?:[^"]|"")*"|\$(?<tag>(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?)\$[\s\S]*?\$\k<tag>\$|[\w$.\u0080-\uffff]+|[()[\],;]|(?:(?!--|\/\*)[^\w\s'"$()[\],;\u0080-\uffff])+|[\s\S])/uy;

function endOfComment(sql: string, start: number): number {
  const mark = /\/\*|\*\//g;
  mark.lastIndex = start;
  for (let depth = 0, found = mark.exec(sql); found; found = mark.exec(sql)) {
    depth += found[0] === '/*' ? 1 : -1;
    if (depth === 0) return mark.lastIndex;
  }
  return sql.length;
}

/**
 * The tokens of some SQL without comments and white space. What is quoted (strings, names, bodies of functions) stays
 * as it is, except for line endings. Two texts with the same tokens do the same; the converse does not hold.
 */
export function tokensOf(text: string): string[] {
  const sql = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  const tokens: string[] = [];
  for (let at = 0; at < sql.length; ) {
    token.lastIndex = at;
    const { space, text, comment } = token.exec(sql)!.groups!;
    if (text !== undefined) tokens.push(text);
    at = comment === undefined ? at + (space ?? text)!.length : endOfComment(sql, at);
  }
  return tokens;
}

/**
 * What a migration means, as a UUID of version 8 (RFC 9562: 122 bits that its maker defines): the same for texts that
 * differ in comments, white space and line endings only.
 */
export function meaningOf(sql: string): string {
  const digest = createHash('sha256')
    .update(JSON.stringify(tokensOf(sql)))
    .digest('hex');
  const variant = ((Number.parseInt(digest[16]!, 16) & 0x3) | 0x8).toString(16);
  const parts = [digest.slice(0, 8), digest.slice(8, 12), `8${digest.slice(13, 16)}`];
  return [...parts, `${variant}${digest.slice(17, 20)}`, digest.slice(20, 32)].join('-');
}
