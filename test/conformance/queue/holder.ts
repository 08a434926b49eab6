/**
 * A process that takes one job and never finishes it, for a test that kills it.
 * `node holder.ts <DATABASE_URL> [<REDIS_URL>]`; it writes `taken` when it has the job.
 */
import { openDatabase } from '@nightshift/core/database';
import { createLog } from '@nightshift/core/log';
import { createMetrics } from '@nightshift/core/metrics';
import { createConsumer } from '@nightshift/core/queue';

const [url = '', redisUrl] = process.argv.slice(2);
const { relaxed } = openDatabase({
  url,
  poolSize: 1,
  relaxedPoolSize: 4,
  applicationName: 'holder',
  onConnectionError: () => {},
});
createConsumer(
  'conversation',
  { redisUrl, pool: relaxed },
  async () => {
    process.stdout.write('taken\n');
    await new Promise(() => {});
  },
  { concurrency: 1, metrics: createMetrics('holder'), log: createLog('holder', 'silent') },
);
