/** The HTTP side of a platform that is faked on loopback: what it knows decides each answer, unless a test does. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Reaction } from './receiver.ts';

export interface FakeRequest {
  method: string;
  url: URL;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface FakeAnswer {
  status: number;
  headers?: Record<string, string>;
  /** Sent as JSON, unless it is text or bytes. */
  body?: unknown;
}

export interface FakeHttp {
  readonly url: string;
  /** For sockets beside the requests. */
  readonly server: Server;
  readonly requests: readonly FakeRequest[];
  /** How it answers from now on, whatever it is asked; undefined: as the platform does. */
  react(how: (request: FakeRequest) => Reaction | undefined): void;
  /** Refuses connections. */
  shut(): Promise<void>;
  close(): Promise<void>;
}

export async function startFakeHttp(
  answer: (request: FakeRequest) => FakeAnswer | Promise<FakeAnswer>,
): Promise<FakeHttp> {
  const requests: FakeRequest[] = [];
  let reaction: (request: FakeRequest) => Reaction | undefined = () => undefined;

  const server = createServer(async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const request: FakeRequest = {
      method: incoming.method ?? '',
      url: new URL(incoming.url ?? '/', 'http://fake'),
      headers: incoming.headers,
      body: Buffer.concat(chunks),
    };
    requests.push(request);
    const how = reaction(request);
    if (how === 'hang') return;
    if (how === 'drop') {
      incoming.socket.destroy();
      return;
    }
    const { status, headers, body = '' }: FakeAnswer = how ?? (await answer(request));
    const isRaw = typeof body === 'string' || body instanceof Uint8Array;
    response
      .writeHead(status, { ...(!isRaw && { 'content-type': 'application/json' }), ...headers })
      .end(isRaw ? body : JSON.stringify(body));
  });

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const shut = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    requests,
    react(how) {
      reaction = how;
    },
    shut,
    close: () => (server.listening ? shut() : Promise.resolve()),
  };
}
