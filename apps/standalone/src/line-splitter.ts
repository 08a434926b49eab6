import { StringDecoder } from 'node:string_decoder';

/** Longest line passed on in one piece, in UTF-16 units: more would let a child that never ends its line fill our memory. */
const LINE_MAX = 1_000_000;

export interface LineSplitter {
  write(chunk: Buffer): void;
  /** Passes on what has come since the last line end. */
  end(): void;
}

/**
 * Cuts a byte stream into lines at `\n`. Chunks end anywhere, also inside a character. (`node:readline` would cut at
 * U+2028 as well, which may stand in the middle of a JSON line.)
 *
 * @param onLine receives each line that is not empty, without its end
 */
export function createLineSplitter(onLine: (line: string) => void): LineSplitter {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  const pass = (line: string) => {
    const text = line.endsWith('\r') ? line.slice(0, -1) : line;
    if (text !== '') onLine(text);
  };
  const take = (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) pass(line);
    while (rest.length > LINE_MAX) {
      pass(rest.slice(0, LINE_MAX));
      rest = rest.slice(LINE_MAX);
    }
  };
  return {
    write: (chunk) => take(decoder.write(chunk)),
    end() {
      take(decoder.end());
      pass(rest);
      rest = '';
    },
  };
}
