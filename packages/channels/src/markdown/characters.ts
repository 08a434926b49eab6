/** What of a text is to be seen. */

/**
 * Without what nobody sees and platforms take as commands: control characters (IRC's formatting and line breaks among
 * them), half surrogate pairs, noncharacters, and the bidirectional embeddings and overrides, which chats remove, so
 * that `@\u202eeveryone` becomes a mention after our checks. Isolates, which replaced them, stay. Line breaks are `\n`.
 */
export function visible(text: string): string {
  return text
    .toWellFormed()
    .replace(/\r\n?|[\u2028\u2029\x85]/g, '\n')
    .replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ufeff\ufffe\uffff]/g, '');
}

/** Shown as nothing, and enough that the platform does not read on. */
export const zeroWidthSpace = '\u200b';

export const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

const wide =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\ufe0f/u;
const invisible = /^[\p{Mark}\p{Default_Ignorable_Code_Point}]+$/u;

/** Columns that a line takes in a fixed-width font. */
export function widthOf(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(text)) {
    if (wide.test(segment)) width += 2;
    else if (!invisible.test(segment)) width += 1;
  }
  return width;
}
