import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { createLog } from '../log/index.ts';
import { type EventBus, openEventBus } from './bus.ts';

const log = createLog('test', 'silent');

/** A message of Postgres' protocol: https://www.postgresql.org/docs/current/protocol-message-formats.html */
const message = (type: string, body: Buffer | string = '') => {
  const length = Buffer.alloc(4);
  length.writeInt32BE(4 + Buffer.byteLength(body));
  return Buffer.concat([Buffer.from(type), length, Buffer.from(body)]);
};
const welcome = Buffer.concat([message('R', Buffer.alloc(4)), message('Z', 'I')]);
const listening = Buffer.concat([message('C', 'LISTEN\0'), message('Z', 'I')]);
const terminated = message('E', 'SFATAL\0C57P01\0Mterminating connection\0\0');

let server: Server;
let bus: EventBus | undefined;

/** Speaks just enough of the protocol for a client to listen; `answer` is what the n-th connection hears to its LISTEN. */
async function servePostgres(answer: (connection: number, socket: Socket) => void): Promise<string> {
  let connections = 0;
  server = createServer((socket) => {
    const connection = ++connections;
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write(welcome);
      socket.once('data', () => answer(connection, socket));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `postgres://nobody@127.0.0.1:${(server.address() as { port: number }).port}/none`;
}

afterEach(async () => {
  await bus?.close();
  server.close();
});

it('connects again when the connection ends in the breath in which it is told that it listens', async () => {
  const url = await servePostgres((connection, socket) => {
    if (connection === 2) socket.end(Buffer.concat([listening, terminated]));
    else socket.write(listening);
    if (connection === 1) setTimeout(() => socket.destroy(), 10);
  });
  bus = await openEventBus(url, log);
  const woken = vi.fn();
  bus.subscribe('run', 'x', woken);
  await vi.waitFor(() => expect(bus?.connected).toBe(false));
  await vi.waitFor(() => expect(woken).toHaveBeenCalledTimes(1), { timeout: 60_000 });
  expect(bus.connected).toBe(true);
});
