/** The adapter connected as a worker connects it. */
import type { InboundEvent, MessageEvent, SendReceipt } from '@nightshift/channels';
import { irc } from '@nightshift/channels/irc';
import { createGuardedFetch } from '@nightshift/core/guarded-fetch';

export interface Bot {
  readonly events: InboundEvent[];
  said(): MessageEvent[];
  send(text: string, target: string, timeoutMs?: number): Promise<SendReceipt>;
  /** With what `connect` ended; null: nothing. */
  readonly ended: Promise<Error | null>;
  leave(): Promise<void>;
}

const { fetch, lookup } = createGuardedFetch({ allow: ['127.0.0.1'] });

/** @throws what ends the connection before it stands */
export async function connectBot(
  port: number,
  settings: object = {},
  credentials: object = {},
): Promise<Bot> {
  const connection = {
    credentials: irc.credentials.parse(credentials),
    settings: irc.settings.parse({
      host: '127.0.0.1',
      port,
      encryption: 'none',
      nick: 'nightbot',
      channels: '#dev',
      ...settings,
    }),
    account: null,
  };
  const stop = new AbortController();
  const events: InboundEvent[] = [];
  const standing = Promise.withResolvers<unknown>();
  const sink = {
    cursor: null,
    commit: async (stored: readonly InboundEvent[]) => void events.push(...stored),
  };
  const context = { fetch, lookup, signal: stop.signal, connected: standing.resolve };
  const ended = irc.connector!.connect(connection, sink, context).then(
    () => null,
    (error: Error) => error,
  );
  const early = ended.then((error) => Promise.reject(error ?? new Error('It ended.')));
  const session = await Promise.race([standing.promise, early]);
  // Later it is for the test to ask.
  early.catch(() => undefined);
  return {
    events,
    said: () => events.filter((event) => event.type === 'message'),
    send: (text, target, timeoutMs = 10_000) =>
      irc.send({ text }, { target }, connection, {
        fetch,
        signal: AbortSignal.timeout(timeoutMs),
        idempotencyKey: 'delivery:0',
        session,
      }),
    ended,
    async leave() {
      stop.abort();
      await ended;
    },
  };
}
