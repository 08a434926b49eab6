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

/** Whose letters or emoji a joiner connects, or keeps apart: it belongs to the writing there, and hides nothing. */
const joins =
  /\uFE0F|[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Mark}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Mongolian}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Gurmukhi}\p{Script=Gujarati}\p{Script=Oriya}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Kannada}\p{Script=Malayalam}\p{Script=Sinhala}\p{Script=Khmer}\p{Script=Myanmar}]/u;

/**
 * What steers a terminal, turns text around or takes no room: control characters except line breaks and tabs, those of
 * bidirectional text (https://trojansource.codes), invisible ones, tags, and halves of surrogate pairs.
 */
const hidden =
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}\p{Surrogate}]|\u034f|\u17b4|\u17b5|[\u180b-\u180d]|\u180f/gu;

/** The text with `written` in place of each character that hides. */
const replaceHidden = (text: string, written: (character: string) => string) =>
  text.replace(hidden, (character, at: number) =>
    /[\u200c\u200d]/.test(character) && joins.test(characterBefore(text, at))
      ? character
      : written(character),
  );

const characterBefore = (text: string, at: number) =>
  text.slice(/[\udc00-\udfff]/.test(text.charAt(at - 1)) ? Math.max(0, at - 2) : Math.max(0, at - 1), at);

/** `<U+202E>` */
const shown = (character: string) =>
  `<U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}>`;

/**
 * Text from elsewhere, with what would not be seen in it made visible. What models, tools and people wrote must not move
 * the cursor, paint over what was shown, reach the clipboard through escape sequences, or read otherwise than it is.
 */
export function printable(text: string): string {
  return replaceHidden(text.replace(/\r\n?/g, '\n'), shown);
}

/** The codes that this program writes itself: colours, the line that is wiped again, and the line breaks of CSV. */
const own = /(\x1b\[\d{0,3}(?:;\d{1,3})*m|\r\x1b\[2K|\r(?=\n))/;

/** Whatever reaches the terminal: should a text have come here as it was, its codes are shown, too. */
export function withOwnCodesOnly(text: string): string {
  const isCode = (index: number) => index % 2 === 1;
  return text
    .split(own)
    .map((part, index) => (isCode(index) ? part : replaceHidden(part, shown)))
    .join('');
}

/** A document of JSON in which nothing hides. It means the same. */
export function visibleJson(value: unknown, space?: number): string {
  return replaceHidden(JSON.stringify(value, null, space), (character) =>
    Array.from({ length: character.length }, (_, at) => escaped(character.charCodeAt(at))).join(''),
  );
}

const escaped = (code: number) => `\\u${code.toString(16).padStart(4, '0')}`;

/** On one line: for a cell, a heading, the arguments of a tool. */
export function oneLine(text: string): string {
  return printable(text).replace(/\s+/g, ' ').trim();
}

/** Each line behind `margin`. */
export function indent(text: string, margin = '    '): string {
  return text.replace(/^(?=.)/gm, margin);
}
