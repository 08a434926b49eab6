/**
 * Bracketed paste: the terminal marks what was pasted, so that its line breaks do not send it line by line.
 * https://invisible-island.net/xterm/ctlseqs/ctlseqs.html#h2-Bracketed-Paste-Mode
 */
import { trimEndOf } from '@nightshift/contracts/text';

export const pasteModeOn = '\x1b[?2004h';
export const pasteModeOff = '\x1b[?2004l';

const begin = '\x1b[200~';
const end = '\x1b[201~';

/** One line up to this long goes into the prompt as if it was typed. */
const typedLimit = 500;

export interface PasteFilter {
  /** Takes what the terminal sent, and gives what the line editor is to see. */
  filter(input: string): string;
  /** The message that a line stands for: placeholders give way to what was pasted. */
  expand(line: string): string;
}

/**
 * Keeps longer pastes out of the line editor, which knows one line and redraws it at each character. A placeholder
 * stands for them in the line, to be moved or deleted like any text.
 */
export function createPasteFilter(): PasteFilter {
  const pastes: string[] = [];
  let held = '';
  let pasting = false;

  function placeholder(raw: string): string {
    const text = trimEndOf(withoutControls(raw), '\n');
    if (!text.includes('\n') && text.length <= typedLimit) return text.replaceAll('\t', ' ');
    const lines = text.split('\n').length;
    return `[paste ${pastes.push(text)}: ${lines === 1 ? `${text.length} characters` : `${lines} lines`}]`;
  }

  return {
    filter(input) {
      held += input;
      let shown = '';
      for (;;) {
        const marker = pasting ? end : begin;
        const at = held.indexOf(marker);
        if (at === -1) break;
        const before = held.slice(0, at);
        shown += pasting ? placeholder(before) : before;
        held = held.slice(at + marker.length);
        pasting = !pasting;
      }
      if (pasting) return shown;
      // The rest may end with the first part of a marker whose other part is still to come.
      const kept = partialMarker(held);
      shown += held.slice(0, held.length - kept);
      held = held.slice(held.length - kept);
      return shown;
    },
    expand(line) {
      return line.replace(
        /\[paste (\d+): \d+ (?:lines|characters)\]/g,
        (token, number) => pastes[number - 1] ?? token,
      );
    },
  };
}

/** How many characters at the end of the text could begin a paste. A lone escape is a key, and is not kept back. */
function partialMarker(text: string): number {
  for (let length = Math.min(begin.length - 1, text.length); length > 1; length--) {
    if (text.endsWith(begin.slice(0, length))) return length;
  }
  return 0;
}

/** What is pasted is what is sent, so controls are left out rather than shown; and a line is one, however it ends. */
const withoutControls = (text: string) =>
  text.replace(/\r\n?/g, '\n').replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '');
