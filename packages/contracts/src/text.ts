/** Work on text that strangers choose. Its time grows with the length of the text, not with the square of it. */

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
