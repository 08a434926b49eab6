/**
 * Ids in short. The beginning of a UUIDv7 is its time, so what was made within a minute begins alike; its end is
 * random, and eight characters of it tell any two records apart.
 */

/** Of the beginning, and of the end, in hexadecimal digits. */
const fewest = { beginning: 6, end: 8 } as const;

const digits = 32;

export interface ShortId {
  /** The least and the greatest id that begins so; null: it is too short. */
  beginning: { from: string; to: string } | null;
  /** The last digits; null: they are too few. */
  end: string | null;
}

/** Whether it is a whole id: such a reference is never a short one. */
export const isWholeId = (text: string): boolean =>
  /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text);

/** Null: it is no part of an id. */
export function parseShortId(text: string): ShortId | null {
  if (!/^[0-9a-f][0-9a-f-]*[0-9a-f]$/i.test(text)) return null;
  const hex = text.replaceAll('-', '').toLowerCase();
  if (hex.length < fewest.beginning || hex.length > digits) return null;
  return {
    beginning: { from: toId(hex.padEnd(digits, '0')), to: toId(hex.padEnd(digits, 'f')) },
    end: hex.length >= fewest.end ? hex : null,
  };
}

const toId = (hex: string) => hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
