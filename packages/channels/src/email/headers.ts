/**
 * The header section of a mail (RFC 5322, 2.2), as far as it is needed to decide whether the mail is read at all. It runs
 * on what strangers send, in the worker itself: it looks at each character once, at most at so many.
 */

export const headerLimits = {
  /** Of the section, in bytes. Those of mailing lists and Microsoft 365 come to 30,000. */
  bytes: 128 * 1024,
  fields: 1_000,
  /** Of one field that is asked for, in UTF-16 units. */
  fieldLength: 32 * 1024,
} as const;

export interface Headers {
  /** The values of a field, topmost first. `name` in lower case. @throws {HeaderLimitError} */
  all(name: string): readonly string[];
}

export class HeaderLimitError extends Error {
  override readonly name = 'HeaderLimitError';
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

// With a byte order mark as a character of its own, which makes a name another one.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * @param beginning of the mail. Where it is as long as `headerLimits.bytes`, the mail may be longer.
 * @throws {HeaderLimitError}
 */
export function parseHeaders(beginning: Uint8Array): Headers {
  const fields = new Map<string, string[]>();
  let count = 0;
  let current: string[] = [];
  const finish = () => {
    const unfolded = current.join('');
    const colon = unfolded.indexOf(':');
    current = [];
    if (colon < 0) return;
    const name = trimBlanks(unfolded.slice(0, colon)).toLowerCase();
    const values = fields.get(name);
    const value = trimBlanks(unfolded.slice(colon + 1)).replaceAll('\r', ' ');
    if (values) values.push(value);
    else fields.set(name, [value]);
  };
  const end = endOfHeaders(beginning);
  for (let at = 0; at < end; ) {
    const lineEnd = Math.min(end, indexOrEnd(beginning, at));
    const line = decoder.decode(beginning.subarray(at, lineEnd)).replace(/\r$/, '');
    at = lineEnd + 1;
    const isContinued = line.startsWith(' ') || line.startsWith('\t');
    if (!isContinued && current.length > 0) finish();
    if (!isContinued) count += 1;
    if (count > headerLimits.fields) throw new HeaderLimitError('It has too many header fields.');
    current.push(line);
  }
  finish();
  return {
    all(name) {
      const values = fields.get(name) ?? [];
      if (values.some(({ length }) => length > headerLimits.fieldLength))
        throw new HeaderLimitError(`Its header field ${name} is too long.`);
      return values;
    },
  };
}

/** The first empty line. */
function endOfHeaders(bytes: Uint8Array): number {
  for (let at = 0; ; at = indexOrEnd(bytes, at) + 1) {
    if (at >= bytes.length) {
      if (bytes.length >= headerLimits.bytes) throw new HeaderLimitError('Its header is too long.');
      return bytes.length;
    }
    if (bytes[at] === lineFeed || (bytes[at] === carriageReturn && bytes[at + 1] === lineFeed)) return at;
  }
}

const indexOrEnd = (bytes: Uint8Array, from: number): number => {
  const at = bytes.indexOf(lineFeed, from);
  return at < 0 ? bytes.length : at;
};

/** Without spaces and tabs around it. Other blanks are part of a name, which must not become that of a real field. */
function trimBlanks(text: string): string {
  const isBlank = (at: number) => text[at] === ' ' || text[at] === '\t';
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(start)) start += 1;
  while (end > start && isBlank(end - 1)) end -= 1;
  return text.slice(start, end);
}
