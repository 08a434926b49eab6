/** Mentions on platforms that have them only as words of the text. */

const inName = String.raw`[\p{L}\p{N}_\-\[\]\\\x60^{|}]`;

/**
 * Whether a text names us as a word of its own; `text` is it without the name where it only says whom it is for, as in
 * `nightbot: hello`. `fold` makes the same of two spellings of one name and keeps their length.
 */
export function readMention(
  text: string,
  name: string,
  fold: (text: string) => string,
): { addressed: boolean; text: string } {
  const pattern = fold(name).replace(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
  const folded = fold(text);
  const first = new RegExp(`^@?${pattern}(?:[:,]\\s*|\\s+|$)`, 'u').exec(folded)?.[0];
  if (first) return { addressed: true, text: text.slice(first.length) };
  const isWord = new RegExp(`(?<!${inName})${pattern}(?!${inName})`, 'u').test(folded);
  return { addressed: isWord, text };
}
