/** The api process: accepts and reads. It calls a model only to test a key, and never runs a tool. */
import { runProcess, tellReady } from '@nightshift/core/process';
import { startPriceRefresh, vendorVariables } from '@nightshift/providers';
import { startApi } from './server.ts';

await runProcess(
  { name: 'api', providerVariables: vendorVariables, stopMs: () => 8_000 },
  async (env, log, redactor) => {
    const { url, adminKeyPath, newAdminKey, close } = await startApi(env, log, redactor);
    if (env.pricesRefresh) startPriceRefresh(log);
    tellReady({ type: 'ready', process: 'api', url, adminKeyPath, newAdminKey });
    log.info({ url }, 'ready');
    return close;
  },
);
