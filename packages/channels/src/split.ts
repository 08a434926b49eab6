/** Cuts a text that is too long for one message into several, where it hurts least. Nothing visible is lost. */
import type { TextLimit } from './channel.ts';

/** From where a cut is least felt to where it is most. */
const seams = [/\n\s*\n/g, /\n/g, /\s/g] as const;

const lengthIn: Record<TextLimit['unit'], (text: string) => number> = {
  utf16: (text) => text.length,
  bytes: (text) => Buffer.byteLength(text),
  codePoints: (text) => [...text].length,
};

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** The parts in order, each trimmed, not blank and within the limit; none for a blank text. The same text gives the same parts. */
export function splitText(text: string, { max, unit }: TextLimit): string[] {
  const length = lengthIn[unit];
  const fits = (part: string) => length(part) <= max;

  function* cut(rest: string, seam: number): Generator<string> {
    const trimmed = rest.trim();
    if (trimmed === '') return;
    if (fits(trimmed)) return void (yield trimmed);
    let part = '';
    for (const piece of piecesOf(trimmed, seam)) {
      if (fits((part + piece).trim())) {
        part += piece;
        continue;
      }
      if (part.trim()) yield part.trim();
      part = '';
      if (fits(piece.trim())) part = piece;
      else if (seam <= seams.length) yield* cut(piece, seam + 1);
      // One code point that is larger than a whole message has no smaller part.
      else yield piece;
    }
    if (part.trim()) yield part.trim();
  }

  return [...cut(text, 0)];
}

/** The text in pieces that end at a seam; joined they are the text. The last resorts are graphemes, then code points. */
function piecesOf(text: string, seam: number): Iterable<string> {
  const pattern = seams[seam];
  if (pattern) return endingAt(text, pattern);
  if (seam === seams.length) return Array.from(graphemes.segment(text), ({ segment }) => segment);
  return text;
}

function* endingAt(text: string, pattern: RegExp): Generator<string> {
  let from = 0;
  for (const { index, 0: match } of text.matchAll(pattern)) {
    yield text.slice(from, index + match.length);
    from = index + match.length;
  }
  if (from < text.length) yield text.slice(from);
}
