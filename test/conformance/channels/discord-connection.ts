/** A connection to the gateway of the fake, and what came of it. */
import type { ChannelError, InboundEvent, InboundSink } from '@nightshift/channels';
import { discord } from '@nightshift/channels/discord';
import { createGuardedFetch } from '@nightshift/core/guarded-fetch';
import { botToken, type FakeDiscord } from '../../support/discord/index.ts';

export const { fetch } = createGuardedFetch({ allow: ['127.0.0.1'] });

export const connectionTo = (apiUrl: string, token = botToken) => ({
  credentials: discord.credentials.parse({ botToken: token }),
  settings: discord.settings.parse({ apiUrl: `${apiUrl}/api/v10` }),
  account: null,
});

export interface Run {
  /** Of everything that was stored, in order. */
  readonly committed: InboundEvent[];
  /** After each commit. */
  readonly cursors: string[];
  /** How often it stood. */
  stood(): number;
  /** Of `connect`: what it threw, or null. */
  readonly end: Promise<ChannelError | Error | null>;
  stop(): Promise<void>;
}

export function run(
  fake: FakeDiscord,
  {
    cursor = null,
    token,
    commit,
  }: { cursor?: string | null; token?: string; commit?: InboundSink['commit'] } = {},
): Run {
  const committed: InboundEvent[] = [];
  const cursors: string[] = [];
  const stopping = new AbortController();
  let stood = 0;
  const sink: InboundSink = {
    cursor,
    async commit(events, next) {
      await commit?.(events, next);
      committed.push(...events);
      if (next) cursors.push(next);
    },
  };
  const connected = () => {
    stood += 1;
  };
  const context = { fetch, signal: stopping.signal, connected };
  const end = discord.connector!.connect(connectionTo(fake.url, token), sink, context).then(
    () => null,
    (error) => error,
  );
  return {
    committed,
    cursors,
    stood: () => stood,
    end,
    async stop() {
      stopping.abort();
      await end;
    },
  };
}
