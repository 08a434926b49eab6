/** From a part to the lines of IRC, and from its lines to plain text. */
import { cutText } from '@nightshift/contracts';
import { graphemes } from '../markdown/characters.ts';

/** A line with CR and LF: https://modern.ircdocs.horse/#message-format */
const lineBytes = 512;

/** What a server may put before what we say when it passes it on: `:nick!user@host `. */
export interface Source {
  readonly nick: string;
  readonly userLength: number;
  readonly hostLength: number;
}

/** How many bytes of text fit into one line to a target. */
export function textBytes(target: string, { nick, userLength, hostLength }: Source): number {
  const prefix = 1 + Buffer.byteLength(nick) + 1 + userLength + 1 + hostLength + 1;
  return lineBytes - 2 - prefix - Buffer.byteLength(`PRIVMSG ${target} :`);
}

/** Bold, italic, struck, monospace: they toggle, up to the end of the line. */
const toggles = /[\x02\x1d\x1e\x11]/;

/**
 * The lines of a text, each at most so many bytes: cut between words, else between graphemes. What was bold before a cut
 * is bold behind it. Blank lines are left out, since IRC has none.
 */
export function toLines(text: string, maxBytes: number): string[] {
  // A message that begins with \x01 is a command to the client of whoever reads it.
  const clean = text.replace(/[\0\x01]/g, '');
  return clean
    .split(/[\r\n]+/)
    .filter((line) => line.replace(toggles, '').trim() !== '')
    .flatMap((line) => [...wrap(line, maxBytes)]);
}

function* wrap(line: string, maxBytes: number): Generator<string> {
  if (fits(line, maxBytes)) {
    yield line;
    return;
  }
  let open = '';
  let rest = line;
  while (rest !== '') {
    const room = maxBytes - open.length;
    const head = fits(rest, room) ? rest : beginning(rest, room);
    if (head.trim() !== '') yield open + head;
    for (const code of head) if (toggles.test(code)) open = toggled(open, code);
    rest = rest.slice(head.length).replace(/^ /, '');
  }
}

/** No character takes less than a byte, so what is longer is not counted. */
const fits = (text: string, bytes: number) => text.length <= bytes && Buffer.byteLength(text) <= bytes;

const toggled = (open: string, code: string) => (open.includes(code) ? open.replace(code, '') : open + code);

/** As many whole words as fit, or else graphemes, or else code points. */
function beginning(text: string, maxBytes: number): string {
  // No character takes less than a byte.
  const near = cutText(text, maxBytes + 1);
  const fit = asMany(
    Array.from(graphemes.segment(near), ({ segment }) => segment),
    maxBytes,
  );
  // Of one emoji with many parts, or of letters with hundreds of accents.
  if (fit === '') return asMany([...near], maxBytes) || [...near][0]!;
  if (text[fit.length] === ' ') return fit;
  const space = fit.lastIndexOf(' ');
  return space > 0 ? fit.slice(0, space) : fit;
}

function asMany(pieces: readonly string[], maxBytes: number): string {
  let fit = '';
  let bytes = 0;
  for (const piece of pieces) {
    bytes += Buffer.byteLength(piece);
    if (bytes > maxBytes) break;
    fit += piece;
  }
  return fit;
}

/** Without the codes of https://modern.ircdocs.horse/formatting and other control characters. */
export function plainText(text: string): string {
  return text
    .replace(/\x03(?:\d{1,2}(?:,\d{1,2})?)?|\x04(?:[\da-f]{6}(?:,[\da-f]{6})?)?/gi, '')
    .replace(/[\x00-\x08\x0a-\x1f\x7f]/g, '')
    .trim();
}
