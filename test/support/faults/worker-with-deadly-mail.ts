/** The worker, as apps/worker/src/main.ts starts it, with a defect: a mail with "poison" in it kills it. */
import { adapterSource, type ChannelAdapter } from '@nightshift/channels';
import { email } from '@nightshift/channels/email';
import type { DocumentReader } from '@nightshift/contracts';
import { runProcess, tellReady } from '@nightshift/core/process';
import { startWorker } from '@nightshift/worker/worker';

const deadly = (documents: DocumentReader): DocumentReader => ({
  read(task, document, options, signal) {
    if (Buffer.from(document).includes('poison')) process.kill(process.pid, 'SIGKILL');
    return documents.read(task, document, options, signal);
  },
});

const adapter: typeof email = {
  ...email,
  connector: {
    ...email.connector,
    connect: (connection, sink, context) =>
      email.connector!.connect(connection, sink, { ...context, documents: deadly(context.documents!) }),
  },
};
const adapters = adapterSource([adapter as ChannelAdapter]);

await runProcess({ name: 'worker', providerVariables: [], stopMs: () => 10_000 }, async (env, log) => {
  const worker = await startWorker(env, log, { adapters });
  tellReady({ type: 'ready', process: 'worker' });
  return worker.close;
});
