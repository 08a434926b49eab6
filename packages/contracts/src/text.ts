/**
 * Work on text that models, vendors, platforms and strangers choose. It takes time that grows with the length of the
 * text, and what comes of it can be stored: PostgreSQL refuses NUL characters and halves of surrogate pairs (22P05,
 * 22P02), in text as in JSON. Callers of the REST API are answered 400; other words are washed once, where they enter.
 */

/** Whether PostgreSQL takes the text as it is. */
export const isStorable = (text: string): boolean => text.isWellFormed() && !text.includes('\0');

/** The text without NUL characters, with U+FFFD in place of each half of a surrogate pair. */
export const storableText = (text: string): string =>
  isStorable(text) ? text : text.toWellFormed().replaceAll('\0', '');

/** Deeper nesting overflows the stack of whoever reads it next, and PostgreSQL's (54001). */
const maxDepth = 256;

/** The value with all its texts washed, keys included. What lies deeper than 256 levels is null. */
export function storable<T>(value: T): T {
  return washed(value, 0) as T;
}

function washed(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return storableText(value);
  if (value === null || typeof value !== 'object') return value;
  if (depth >= maxDepth) return null;
  if (Array.isArray(value)) return value.map((item) => washed(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [storableText(key), washed(item, depth + 1)]),
  );
}

/** Whether `storable` would leave something out. */
export function isTooDeep(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    level = level.filter((item) => item !== null && typeof item === 'object');
    if (level.length > 0 && depth >= maxDepth) return true;
    level = level.flatMap((item) => Object.values(item as object));
  }
  return false;
}

/** Washes text that arrives in pieces. A piece may end in half of a surrogate pair: that waits for the next one. */
export class StorableStream {
  #half = '';

  /** What of it may be passed on now. */
  next(piece: string): string {
    const text = this.#half + piece;
    const end = isHigh(text.charCodeAt(text.length - 1)) ? text.length - 1 : text.length;
    this.#half = text.slice(end);
    return storableText(text.slice(0, end));
  }

  /** Nothing follows: U+FFFD in place of the half that still waits, or nothing. */
  end(): string {
    const rest = storableText(this.#half);
    this.#half = '';
    return rest;
  }
}

/** The text's beginning, of at most `max` UTF-16 code units. A surrogate pair is never split. */
export function cutText(text: string, max: number): string {
  if (text.length <= max) return text;
  const end = Math.max(0, Math.floor(max));
  return text.slice(0, splitsPair(text, end) ? end - 1 : end);
}

/** As `cutText`, and ends in `…` where something was left out; with it the text has at most `max` code units. */
export const shortenText = (text: string, max: number): string =>
  text.length <= max ? text : `${cutText(text, max - 1)}…`;

/** The text's end, of at most `max` UTF-16 code units. A surrogate pair is never split. */
export function endOfText(text: string, max: number): string {
  if (text.length <= max) return text;
  const start = text.length - Math.max(0, Math.floor(max));
  return text.slice(splitsPair(text, start) ? start + 1 : start);
}

function splitsPair(text: string, at: number): boolean {
  return isHigh(text.charCodeAt(at - 1)) && isLow(text.charCodeAt(at));
}

const isHigh = (unit: number) => unit >= 0xd800 && unit <= 0xdbff;
const isLow = (unit: number) => unit >= 0xdc00 && unit <= 0xdfff;

/**
 * The text without those of `characters` that end it; each is one UTF-16 code unit. A regular expression such as
 * `/[.!]+$/` takes time that is quadratic in the longest run of them, wherever it stands.
 */
export function trimEndOf(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text[end - 1]!)) end -= 1;
  return text.slice(0, end);
}

/** The first word, up to the first white space, and what follows that white space. */
export function splitFirstWord(text: string): readonly [word: string, rest: string] {
  const trimmed = text.trim();
  const end = trimmed.search(/\s/);
  return end < 0 ? [trimmed, ''] : [trimmed.slice(0, end), trimmed.slice(end).trimStart()];
}
