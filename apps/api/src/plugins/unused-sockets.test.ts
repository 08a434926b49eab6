import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { fastify } from 'fastify';
import { expect, it } from 'vitest';
import { unusedSockets } from './unused-sockets.ts';

it('does not keep a server from closing; who is being answered is answered', async () => {
  const app = fastify();
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  const { promise: answered, resolve: answer } = Promise.withResolvers<string>();
  app.get('/', () => {
    ask();
    return answered;
  });
  await app.register(unusedSockets);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const unused = connect(port, '127.0.0.1').on('error', () => {});
  const arrived = once(app.server, 'connection');
  await Promise.all([once(unused, 'connect'), arrived]);
  const response = fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } });
  await asked;
  const closed = app.close();
  await once(unused, 'close');
  answer('done');
  expect(await (await response).text()).toBe('done');
  await closed;
});
