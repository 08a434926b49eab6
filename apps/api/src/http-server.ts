/** The HTTP server under the api: what one connection may take, before routes, keys and limits by address are looked at. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Requests of one connection that are not answered yet. Node hands over all that one read has brought, a thousand small
 * ones, and nobody else is served until they are answered. Few clients send ahead of the answers at all, and those a few.
 */
const maxAhead = 16;

/** Longer than proxies keep theirs (60 s is usual), so that none of them uses one that is just being closed. */
const keepAliveTimeout = 72_000;

/** `requestTimeoutMs`: for all of a request to come in. */
export function createHttpServer(handler: RequestListener, requestTimeoutMs: number): Server {
  const ahead = new WeakMap<Socket, number>();
  const options = {
    requestTimeout: requestTimeoutMs,
    headersTimeout: requestTimeoutMs,
    keepAliveTimeout,
    // How often the timeouts above are looked at; Node's own default is 30 s.
    connectionsCheckingInterval: Math.min(5_000, requestTimeoutMs / 2),
  };
  return createServer(options, (request, response) => {
    const { socket } = request;
    const count = (ahead.get(socket) ?? 0) + 1;
    if (count > maxAhead) {
      socket.destroy();
      return;
    }
    ahead.set(socket, count);
    response.once('close', () => ahead.set(socket, ahead.get(socket)! - 1));
    handler(request, response);
  });
}
