/** The adapter connected as a worker connects it. */
import type { Address, InboundEvent, MessageEvent, SendReceipt } from '@nightshift/channels';
import { xmpp } from '@nightshift/channels/xmpp';
import { createGuardedFetch } from '@nightshift/core/guarded-fetch';
import { password } from './prosody.ts';

export interface Bot {
  readonly events: InboundEvent[];
  said(): MessageEvent[];
  send(text: string, to: Address): Promise<SendReceipt>;
  edit(text: string, sent: SendReceipt, to: Address): Promise<void>;
  typing(to: Address): Promise<void>;
  react(emoji: string, to: Address): Promise<void>;
  /** With what `connect` ended; null: nothing. */
  readonly ended: Promise<Error | null>;
  leave(): Promise<void>;
}

const { fetch, lookup } = createGuardedFetch({ allow: ['127.0.0.1'] });

/** @throws what ends the connection before it stands */
export async function connectBot(
  port: number,
  settings: object = {},
  credentials = { password },
): Promise<Bot> {
  const connection = {
    credentials: xmpp.credentials.parse(credentials),
    settings: xmpp.settings.parse({
      address: 'nightbot@localhost',
      host: '127.0.0.1',
      port,
      encryption: 'none',
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
  const ended = xmpp
    .connector!.connect(connection, sink, {
      fetch,
      lookup,
      signal: stop.signal,
      connected: standing.resolve,
    })
    .then(
      () => null,
      (error: Error) => error,
    );
  const early = ended.then((error) => Promise.reject(error ?? new Error('It ended.')));
  const session = await Promise.race([standing.promise, early]);
  // Later it is for the test to ask.
  early.catch(() => undefined);
  let sent = 0;
  const context = () => {
    sent += 1;
    return { fetch, signal: AbortSignal.timeout(10_000), idempotencyKey: `delivery:${sent}`, session };
  };
  return {
    events,
    said: () => events.filter((event) => event.type === 'message'),
    send: (text, to) => xmpp.send({ text }, to, connection, context()),
    edit: (text, receipt, to) => xmpp.edit!({ text }, receipt, to, connection, context()),
    typing: (to) => xmpp.typing!(to, connection, context()),
    react: (emoji, to) => xmpp.react!(emoji, to, connection, context()),
    ended,
    async leave() {
      stop.abort();
      await ended;
    },
  };
}
