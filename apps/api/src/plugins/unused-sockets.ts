/** Connections that were opened ahead, as browsers do, and never used: Node waits for their first request when it closes. */
import type { Socket } from 'node:net';
import fastifyPlugin from 'fastify-plugin';

export const unusedSockets = fastifyPlugin(async (app) => {
  const unused = new Set<Socket>();
  app.server.on('connection', (socket) => {
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  app.server.on('request', ({ socket }) => unused.delete(socket));
  app.addHook('preClose', async () => {
    for (const socket of unused) socket.destroy();
  });
});
