/**
 * Socket Mode: a WebSocket that we open and Slack writes to. https://docs.slack.dev/apis/events-api/using-socket-mode
 *
 * Slack replaces each after a while, and says so some seconds before. Then a second one is opened before the first is
 * left: a command or a button for which there is no socket fails before the eyes of whoever used it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ChannelError, type Connector } from '../channel.ts';
import { createIntake } from './intake.ts';
import type { Names } from './names.ts';
import { openSession, type Session } from './session.ts';
import type { Credentials, Settings } from './settings.ts';

/** The least time between two connections, in milliseconds, should Slack replace each as soon as it stands. */
const minAgeMs = 1_000;

export const createConnector = (names: Names): Connector<Credentials, Settings> => ({
  isWanted: ({ mode }) => mode === 'socket',

  async connect(connection, sink, context) {
    const { appToken } = connection.credentials;
    if (!appToken) throw new ChannelError('auth', 'There is no app-level token for Socket Mode.');
    const { signal } = context;
    const intake = createIntake(sink);
    const stopped = Promise.race([intake.failed, whenAborted(signal)]);
    let session: Session | undefined;
    try {
      while (!signal.aborted) {
        const previous = session;
        session = openSession(appToken, { connection, context, names }, intake.add);
        try {
          await Promise.race([session.opened, stopped]);
        } finally {
          // What came over it is acknowledged over it.
          if (previous) void intake.idle().then(previous.close);
        }
        if (signal.aborted) return;
        context.connected();
        const aged = sleep(minAgeMs);
        await Promise.race([session.outdated, stopped]);
        await Promise.race([aged, stopped]);
      }
    } finally {
      await intake.idle();
      session?.close();
    }
  },
});

function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
