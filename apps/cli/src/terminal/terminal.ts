import type { WriteStream } from 'node:tty';
import { createStyle, type Style } from './style.ts';
import { withOwnCodesOnly } from './text.ts';

/** One of the process's two outputs. */
export interface Terminal {
  readonly isTTY: boolean;
  /** Columns; without end where the output is no terminal. */
  readonly width: number;
  readonly style: Style;
  write(text: string): void;
}

export function createTerminal(stream: WriteStream, { noColor }: { noColor: boolean }): Terminal {
  const isTTY = Boolean(stream.isTTY);
  return {
    isTTY,
    get width() {
      return isTTY ? stream.columns || 80 : Number.POSITIVE_INFINITY;
    },
    style: createStyle(isTTY && !noColor),
    write: (text) => void stream.write(withOwnCodesOnly(text)),
  };
}
