/** Bull Board: what waits in the queues. It reads only: jobs are mere wake-ups, and the rows decide. */
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { Routes } from './types.ts';

/** Without links to other servers. */
const ownLinksOnly = (page: string) =>
  page.replace(/<link\b[^<>]*>/g, (link) => (/\shref="(?:https?:)?\/\//.test(link) ? '' : link));

export const queueRoutes: Routes = async (app, { deps }) => {
  const adapter = new FastifyAdapter();
  createBullBoard({
    queues: [deps.conversations, deps.deliveries].map(
      ({ queue }) => new BullMQAdapter(queue, { readOnlyMode: true }),
    ),
    serverAdapter: adapter,
    options: { uiConfig: { boardTitle: 'Nightshift queues' } },
  });
  adapter.setBasePath('/queues');
  // Its own handler makes a 500 of a refused key. What is thrown here goes on to the app's.
  adapter.setErrorHandler((error) => {
    throw error;
  });
  // Its page takes fonts from elsewhere, which would tell that server of everybody who looks.
  app.addHook('onSend', async (_request, reply, payload) => {
    const isPage = String(reply.getHeader('content-type')).startsWith('text/html');
    return isPage && typeof payload === 'string' ? ownLinksOnly(payload) : payload;
  });
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, role: 'admin', basic: true };
    route.schema = { ...route.schema, hide: true };
  });
  await app.register(adapter.registerPlugin(), { prefix: '/queues' });
};
