/** A program on loopback that is sent things: it keeps what came, and answers as the test says. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  id: string;
  path: string;
  headers: IncomingHttpHeaders;
  /** As it came, for signatures. */
  raw: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
  body: any;
  /** When it was complete, in milliseconds of `performance.now()`. */
  at: number;
}

/** hang: takes the request and never answers · drop: takes it and breaks the connection off. */
export type Reaction =
  | { status: number; headers?: Record<string, string>; body?: string | Uint8Array; afterMs?: number }
  | 'hang'
  | 'drop';

export interface Receiver {
  readonly url: string;
  readonly port: number;
  /** In the order of their coming. */
  readonly received: Received[];
  /** What it does from now on; default 200. `nth` counts the requests with the same id, from 1. */
  react(how: (request: Received, nth: number) => Reaction): void;
  /** Refuses connections until `open`. */
  shut(): Promise<void>;
  open(): Promise<void>;
  close(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const ok = (): Reaction => ({ status: 200, body: '{"ok":true}' });
  let reaction: (request: Received, nth: number) => Reaction = ok;

  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const raw = Buffer.concat(chunks).toString();
    const id = String(request.headers['webhook-id'] ?? request.headers['idempotency-key'] ?? '');
    const entry = {
      id,
      path: request.url ?? '',
      headers: request.headers,
      raw,
      body: raw ? JSON.parse(raw) : undefined,
      at: performance.now(),
    };
    received.push(entry);
    const how = reaction(entry, received.filter((other) => other.id === id).length);
    if (how === 'hang') return;
    if (how === 'drop') return request.socket.destroy();
    const { status, headers, body = '', afterMs = 0 } = how;
    setTimeout(() => response.writeHead(status, headers).end(body), afterMs);
  });

  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
  const shut = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });

  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    received,
    react(how) {
      reaction = how;
    },
    shut,
    open: () => listen(port),
    close: () => (server.listening ? shut() : Promise.resolve()),
  };
}
