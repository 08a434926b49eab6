/** The api process: accepts and reads. It never calls a model and never runs a tool. */
import { runProcess, tellReady } from '@nightshift/core/process';
import { vendors } from '@nightshift/providers';
import { startApi } from './server.ts';

await runProcess(
  { name: 'api', providerVariables: vendors.flatMap(({ env }) => env), stopMs: () => 8_000 },
  async (env, log) => {
    const { url, adminKeyPath, newAdminKey, close } = await startApi(env, log);
    tellReady({ type: 'ready', process: 'api', url, adminKeyPath, newAdminKey });
    log.info({ url }, 'ready');
    return close;
  },
);
