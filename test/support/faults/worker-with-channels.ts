/** The worker, as apps/worker/src/main.ts starts it, with a platform more: one that is polled. */
import { adapterSource, type ChannelAdapter } from '@nightshift/channels';
import { webhook } from '@nightshift/channels/webhook';
import { runProcess, tellReady } from '@nightshift/core/process';
import { startWorker } from '@nightshift/worker/worker';
import { createPollChannel } from '../channel/poll-channel.ts';

const adapters = adapterSource([webhook as ChannelAdapter, createPollChannel() as ChannelAdapter]);

await runProcess({ name: 'worker', providerVariables: [], stopMs: () => 10_000 }, async (env, log) => {
  const worker = await startWorker(env, log, { adapters });
  tellReady({ type: 'ready', process: 'worker' });
  return worker.close;
});
