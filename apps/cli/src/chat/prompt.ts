/** The line at which a person types, on a terminal. */
import { createInterface } from 'node:readline';
import { PassThrough, Writable } from 'node:stream';
import type { ReadStream, WriteStream } from 'node:tty';
import { createPasteFilter, pasteModeOff, pasteModeOn } from './paste.ts';

export interface Prompt {
  /** The next message; its lines may have been typed ahead. Null: Ctrl-D, nothing more will come. */
  read(): Promise<string | null>;
  /** Called at Ctrl-C; `wasEmpty` when nothing was typed that it could have cleared. */
  onInterrupt(handler: (wasEmpty: boolean) => void): void;
  /** Called at Ctrl-D. */
  onClose(handler: () => void): void;
  close(): void;
}

/**
 * Between two reads nothing is echoed, so that typing does not break into a streaming answer; it is shown at the next.
 * The terminal is in raw mode all along, so Ctrl-C arrives here and never as a signal.
 */
export function createPrompt(
  { stdin, stdout }: { stdin: ReadStream; stdout: WriteStream },
  { prompt, continuation }: { prompt: string; continuation: string },
): Prompt {
  const paste = createPasteFilter();
  const input = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (mode: boolean) => stdin.setRawMode(mode),
  });
  let echo = false;
  const output = new Writable({
    write(chunk, _encoding, done) {
      if (echo) stdout.write(chunk);
      done();
    },
  });
  // What readline asks of a terminal.
  Object.defineProperty(output, 'columns', { get: () => stdout.columns });
  const resized = () => output.emit('resize');
  stdout.on('resize', resized);

  const reader = createInterface({ input, output, terminal: true, historySize: 200 });
  stdin.setEncoding('utf8');
  const feed = (chunk: string) => input.write(paste.filter(chunk));
  stdin.on('data', feed);
  stdin.once('end', () => input.end());
  stdout.write(pasteModeOn);

  /** Lines of a message whose end is still to come. */
  let parts: string[] = [];
  const typedAhead: string[] = [];
  let closed = false;
  let deliver: ((message: string | null) => void) | undefined;
  let interrupted: (wasEmpty: boolean) => void = () => {};
  let left: () => void = () => {};

  const show = () => {
    reader.setPrompt(parts.length > 0 ? continuation : prompt);
    reader.prompt(true);
  };
  const hand = (message: string | null) => {
    echo = false;
    const waiting = deliver;
    deliver = undefined;
    waiting?.(message);
  };

  reader.on('line', (line) => {
    if (line.endsWith('\\')) {
      parts.push(line.slice(0, -1));
      if (deliver) show();
      return;
    }
    const message = paste.expand([...parts, line].join('\n'));
    parts = [];
    if (deliver) hand(message);
    else typedAhead.push(message);
  });
  reader.on('SIGINT', () => {
    const wasEmpty = reader.line === '' && parts.length === 0 && typedAhead.length === 0;
    parts = [];
    typedAhead.length = 0;
    reader.write(null, { ctrl: true, name: 'e' });
    reader.write(null, { ctrl: true, name: 'u' });
    interrupted(wasEmpty);
    if (deliver) show();
  });
  reader.on('close', () => {
    closed = true;
    stdin.off('data', feed);
    stdin.pause();
    stdout.off('resize', resized);
    stdout.write(pasteModeOff);
    hand(null);
    left();
  });

  return {
    read() {
      if (closed) return Promise.resolve(null);
      const ready = typedAhead.shift();
      if (ready !== undefined) {
        stdout.write(`${prompt}${ready.replaceAll('\n', `\n${continuation}`)}\n`);
        return Promise.resolve(ready);
      }
      return new Promise((resolve) => {
        deliver = resolve;
        echo = true;
        show();
      });
    },
    onInterrupt(handler) {
      interrupted = handler;
    },
    onClose(handler) {
      left = handler;
    },
    close: () => reader.close(),
  };
}
