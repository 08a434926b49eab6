/** Text from elsewhere on a terminal: how wide it is, and what of it is safe to show. */

const segmenter = new Intl.Segmenter();
/** Two columns wide: emoji, and the East Asian scripts with their full-width forms. */
const wide =
  /^(?:\p{Emoji_Presentation}|\p{Emoji}\uFE0F|[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303F\uFF01-\uFF60\uFFE0-\uFFE6])/u;
const zeroWidth = /^[\p{Mark}\p{Default_Ignorable_Code_Point}]+$/u;

/** Columns that a text takes on a terminal. It holds no control characters. */
export function widthOf(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const { segment } of segmenter.segment(text)) {
    if (wide.test(segment)) width += 2;
    else if (!zeroWidth.test(segment)) width += 1;
  }
  return width;
}

/** The text in at most `width` columns, with `…` where it was cut. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  let left = width - 1;
  for (const { segment } of segmenter.segment(text)) {
    left -= widthOf(segment);
    if (left < 0) break;
    kept += segment;
  }
  return width < 1 ? '' : `${kept}…`;
}

/**
 * Without control characters except line breaks and tabs. What models, tools and people wrote must not move the
 * cursor, paint over what was shown, or reach the clipboard through escape sequences.
 */
export function printable(text: string): string {
  return text.replace(/\r\n?/g, '\n').replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '');
}

/** On one line: for a cell, a heading, the arguments of a tool. */
export function oneLine(text: string): string {
  return printable(text).replace(/\s+/g, ' ').trim();
}

/** Each line behind `margin`. */
export function indent(text: string, margin = '    '): string {
  return text.replace(/^(?=.)/gm, margin);
}
