import { countChannelStates } from '@nightshift/core/channels';
import { mergeMetrics } from '@nightshift/core/metrics';
import { oldestDueDeliverySeconds } from '@nightshift/core/outbox';
import { countOpenCircuits } from '@nightshift/core/provider-health';
import { readRunBacklog } from '@nightshift/core/runs';
import { z } from 'zod';
import type { ApiDeps } from '../deps.ts';
import { type Check, checkReadiness } from '../readiness.ts';
import type { Routes } from './types.ts';

const Checks = z.object({ ready: z.boolean(), checks: z.record(z.string(), z.string()) });

const report = (checks: readonly Check[]) => ({
  ready: checks.every(({ problem }) => problem === null),
  checks: Object.fromEntries(checks.map(({ name, problem }) => [name, problem ?? 'ok'])),
});

/** What the rows and the queue say now; every api process says the same of it. */
async function readGauges({ db, adapters, conversations, deliveries, metrics }: ApiDeps): Promise<void> {
  const [runs, oldestDelivery, openCircuits, channels] = await Promise.all([
    readRunBacklog(db),
    // Where only the process that is connected can send, what waits is no backlog of the workers.
    oldestDueDeliverySeconds(db, { kinds: adapters.kindsOverConnection, connections: [] }),
    countOpenCircuits(db),
    countChannelStates(db),
  ]);
  metrics.channels.reset();
  for (const { kind, status, count } of channels) metrics.channels.set({ kind, state: status }, count);
  metrics.openCircuits.reset();
  for (const [provider, open] of openCircuits) metrics.openCircuits.set({ provider }, open);
  metrics.openRuns.set({ status: 'queued' }, runs.queued);
  metrics.openRuns.set({ status: 'running' }, runs.running);
  metrics.oldestDueRunSeconds.set(runs.oldestDueSeconds);
  metrics.oldestDueDeliverySeconds.set(oldestDelivery);
  for (const { queue } of [conversations, deliveries]) {
    for (const [state, count] of Object.entries(await queue.getJobCounts()))
      metrics.queueJobs.set({ queue: queue.name, state }, count);
  }
}

export const healthRoutes: Routes = async (app, { deps }) => {
  const config = { public: true };

  app.get(
    '/healthz',
    {
      config,
      schema: {
        tags: ['health'],
        summary: 'Alive',
        security: [],
        response: { 200: z.object({ ok: z.literal(true) }) },
      },
    },
    async () => ({ ok: true as const }),
  );

  app.get(
    '/readyz',
    {
      config,
      schema: {
        tags: ['health'],
        summary: 'Ready: database, events and queue answer; 503 otherwise, and while stopping',
        security: [],
        response: { 200: Checks, 503: Checks },
      },
    },
    async (_request, reply) => {
      const result = report(await checkReadiness(deps));
      return reply.status(result.ready ? 200 : 503).send(result);
    },
  );

  app.get(
    '/metrics',
    {
      config: { role: 'viewer', basic: true },
      schema: {
        tags: ['health'],
        summary: 'Prometheus metrics',
        description:
          'Of this process, and under `npm start` of the workers too, told apart by the label `process`. Elsewhere each worker ' +
          'serves its own where `WORKER_PORT` is set.',
      },
    },
    async (_request, reply) => {
      const [siblings] = await Promise.all([deps.readSiblings?.() ?? [], readGauges(deps)]);
      const { registry } = deps.metrics;
      return reply.type(registry.contentType).send(await mergeMetrics(registry, siblings));
    },
  );
};
