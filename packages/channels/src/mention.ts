/** Mentions on platforms that have them only as words of the text. */

/** A character that names are made of, on IRC too. */
const inName = /[\p{L}\p{N}_\-[\]\\\x60^{|}]/u;

/**
 * Whether a text names us as a word of its own; `text` is it without the name where it only says whom it is for, as in
 * `nightbot: hello`. `fold` makes the same of two spellings of one name and keeps their length.
 */
export function readMention(
  text: string,
  name: string,
  fold: (text: string) => string,
): { addressed: boolean; text: string } {
  if (name === '') return { addressed: false, text };
  const [folded, wanted] = [fold(text), fold(name)];
  for (const start of folded.startsWith('@') ? [1, 0] : [0]) {
    const end = start + wanted.length;
    if (!folded.startsWith(wanted, start) || !/^(?:[:,\s]|$)/.test(folded.slice(end, end + 1))) continue;
    const rest = text.slice(/[:,]/.test(text[end] ?? '') ? end + 1 : end);
    return { addressed: true, text: rest.trimStart() };
  }
  return { addressed: isWordOf(folded, wanted), text };
}

function isWordOf(text: string, word: string): boolean {
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    if (!inName.test(codePointBefore(text, at)) && !inName.test(codePointAt(text, at + word.length)))
      return true;
  }
  return false;
}

const codePointAt = (text: string, at: number) =>
  at < text.length ? String.fromCodePoint(text.codePointAt(at)!) : '';

/** Both halves, where it is a surrogate pair. */
function codePointBefore(text: string, at: number): string {
  const [last = ''] = [...text.slice(Math.max(0, at - 2), at)].slice(-1);
  return last;
}
