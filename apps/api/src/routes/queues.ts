/** Bull Board: what waits in the queues. It reads only: jobs are mere wake-ups, and the rows decide. */
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { Routes } from './types.ts';

export const queueRoutes: Routes = async (app, { deps }) => {
  const adapter = new FastifyAdapter();
  createBullBoard({
    queues: [new BullMQAdapter(deps.conversations.queue, { readOnlyMode: true })],
    serverAdapter: adapter,
    options: { uiConfig: { boardTitle: 'Nightshift queues' } },
  });
  adapter.setBasePath('/queues');
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, role: 'admin', basic: true };
    route.schema = { ...route.schema, hide: true };
  });
  await app.register(adapter.registerPlugin(), { prefix: '/queues' });
};
