/** Requests by the byte, for what `fetch` would not send. */
import { connect, type Socket } from 'node:net';

export interface RawConnection {
  readonly socket: Socket;
  /** All that came back so far. */
  received(): string;
  /** The next answer, whose length is announced; it waits until it is whole. */
  answer(): Promise<{ status: number; head: string; body: string }>;
  send(text: string): void;
  /** Resolves when the server has ended the connection. */
  closed: Promise<void>;
}

export function openRaw(url: string): RawConnection {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = '';
  let wake: (() => void) | undefined;
  socket.setEncoding('latin1');
  socket.on('data', (data) => {
    text += data;
    wake?.();
  });
  // A server that hangs up on somebody who is still sending resets the connection.
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  closed.then(() => wake?.());
  let read = 0;

  /** An answer that is all there, but for those that only say to go on. */
  function whole(): { status: number; head: string; body: string } | undefined {
    const end = text.indexOf('\r\n\r\n', read);
    if (end < 0) return undefined;
    const head = text.slice(read, end);
    const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
    if (text.length < end + 4 + length) return undefined;
    read = end + 4 + length;
    const status = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]);
    return { status, head, body: text.slice(end + 4, read) };
  }

  return {
    socket,
    received: () => text,
    closed,
    send: (chunk) => socket.write(chunk, 'latin1'),
    async answer() {
      for (;;) {
        const found = whole();
        if (found) return found;
        if (socket.destroyed) throw new Error(`The connection ended after: ${text.slice(read)}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

/** The head of a request whose body is announced, and need not follow. */
export function rawHead(method: string, path: string, headers: Record<string, string | number> = {}): string {
  const lines = Object.entries({ host: 'nightshift.test', ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  return `${[`${method} ${path} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n`;
}
