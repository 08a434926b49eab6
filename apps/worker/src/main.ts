/** The worker process: does the work that the api accepted. Any number may run; they share only Postgres and the queue. */
import { setPriority } from 'node:os';
import { answerForMetrics } from '@nightshift/core/metrics';
import { runProcess, tellReady } from '@nightshift/core/process';
import { startPriceRefresh, vendorVariables } from '@nightshift/providers';
import { startWorker } from './worker.ts';

// Taking in what people say comes before answering it: under load the api gets the processor first.
setPriority(10);

await runProcess(
  {
    name: 'worker',
    providerVariables: vendorVariables,
    stopMs: (env) => env.workerDrainSeconds * 1000 + 4_000,
  },
  async (env, log, redactor) => {
    const worker = await startWorker(env, log, { redactor });
    if (env.pricesRefresh) startPriceRefresh(log);
    answerForMetrics(worker.metrics.registry);
    tellReady({ type: 'ready', process: 'worker' });
    log.info({ concurrency: env.workerConcurrency, queue: env.redisUrl ? 'redis' : 'postgres' }, 'ready');
    return worker.close;
  },
);
