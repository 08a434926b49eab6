/**
 * One gateway session, kept by discord.js: it greets, beats, notices a dead socket, and resumes. It would go on for ever;
 * this ends it where somebody else has to decide, and where trouble is to be told.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FetchingStrategyOptions, SessionInfo } from '@discordjs/ws';
import { z } from 'zod';
import { ChannelError } from '../channel.ts';
import { createDispatchQueue, type Dispatches } from './dispatches.ts';
import { finalCloses } from './errors.ts';
import type { Dispatch } from './events.ts';
import { type Session, toSessionInfo } from './session.ts';

export interface ShardOptions {
  token: string;
  /** Where a session begins. */
  gatewayUrl: string;
  /** The one to resume. Null: begin one. */
  session: Session | null;
  isGatewayUrl(url: string): boolean;
  /** Dispatches come from now on. Also after every interruption. */
  onStand(): void;
}

export interface Shard {
  readonly dispatches: Dispatches;
  /** Nothing more is to be dispatched. */
  stop(): void;
  /** Leaves the session as it is, so that it can be resumed. */
  close(): Promise<void>;
}

/** GUILD_MESSAGES, DIRECT_MESSAGES, MESSAGE_CONTENT: https://docs.discord.com/developers/events/gateway#gateway-intents */
const intents = (1 << 9) | (1 << 12) | (1 << 15);

/** Any code but 1000 and 1001 leaves the session alive: https://docs.discord.com/developers/events/gateway#initiating-a-disconnect */
const resumableClose = 4200;
const abnormalClose = 1006;
const invalidSequence = 4007;
const sessionTimedOut = 4009;

/** How long it may take until dispatches come, at first and after an interruption. */
const standWithinMs = 45_000;
/** Discord lets a bot begin one session in five seconds. */
const betweenSessionsMs = 5_000;
const partingMs = 2_000;

const Ready = z.object({
  session_id: z.string(),
  resume_gateway_url: z.string(),
  user: z.object({ id: z.string() }),
});

export async function openShard({
  token,
  gatewayUrl,
  session: resumed,
  isGatewayUrl,
  onStand,
}: ShardOptions): Promise<Shard> {
  // Loaded here, for only those who connect need it, and it brings much along.
  const { Encoding, WebSocketShard, WebSocketShardEvents, WebSocketShardStatus } = await import(
    '@discordjs/ws'
  );
  const queue = createDispatchQueue(resumed);
  let info: SessionInfo | null = resumed && toSessionInfo(resumed);
  let keepsInfo = false;
  let begun = 0;
  let greeted = false;
  let standing = false;
  let ended = false;
  let watch: NodeJS.Timeout | undefined;

  const end = (error?: Error) => {
    ended = true;
    clearTimeout(watch);
    queue.end(error);
  };
  const expectStand = () => {
    clearTimeout(watch);
    if (ended) return;
    const tooLate = () => end(new ChannelError('retry', "Discord's gateway did not answer in time."));
    watch = setTimeout(tooLate, standWithinMs);
  };
  /** Stops discord.js where it asks: once ended, it must not connect again by itself. */
  const never = new Promise<never>(() => {});
  const trusted = (url: string) => (isGatewayUrl(url) ? url : gatewayUrl);

  const options: FetchingStrategyOptions = {
    token,
    intents,
    gatewayInformation: {
      url: gatewayUrl,
      shards: 1,
      session_start_limit: { total: 1, remaining: 1, reset_after: 0, max_concurrency: 1 },
    },
    shardCount: 1,
    version: '10',
    encoding: Encoding.JSON,
    compression: null,
    identifyProperties: { os: process.platform, browser: 'Nightshift', device: 'Nightshift' },
    initialPresence: null,
    largeThreshold: null,
    handshakeTimeout: 10_000,
    helloTimeout: 15_000,
    readyTimeout: 15_000,
  };
  const shard = new WebSocketShard(
    {
      options,
      retrieveSessionInfo: () => (ended ? never : info),
      updateSessionInfo(_shardId, next) {
        if (ended || (keepsInfo && !next)) return;
        info = next && { ...next, resumeURL: trusted(next.resumeURL) };
      },
      async waitForIdentify() {
        begun += 1;
        if (begun > 1)
          end(new ChannelError('retry', 'The session was lost.', { retryAfterMs: betweenSessionsMs }));
        if (ended) await never;
      },
    },
    0,
  );

  const stand = () => {
    standing = true;
    clearTimeout(watch);
    if (!ended) onStand();
  };
  shard.on(WebSocketShardEvents.Hello, () => {
    greeted = true;
    keepsInfo = false;
  });
  shard.on(WebSocketShardEvents.Ready, stand);
  shard.on(WebSocketShardEvents.Resumed, stand);
  shard.on(WebSocketShardEvents.Dispatch, ({ data }) => {
    const { t, s, d } = data as Dispatch;
    if (ended || t === 'RESUMED') return;
    if (t !== 'READY') return queue.add({ t, s, d });
    const ready = Ready.safeParse(d).data;
    if (!ready) return end(new ChannelError('retry', 'The session that Discord began cannot be read.'));
    const { session_id: sessionId, resume_gateway_url: url, user } = ready;
    queue.begin({ sessionId, resumeUrl: trusted(url), sequence: s, selfId: user.id });
  });
  shard.on(WebSocketShardEvents.Closed, ({ code }) => {
    const wasStanding = standing;
    standing = false;
    greeted = false;
    const final = finalCloses[code];
    if (final) return end(new ChannelError('auth', final));
    if (code === invalidSequence || code === sessionTimedOut) info = null;
    if (code === abnormalClose && !wasStanding) {
      // The gateway of the session may be gone for good; the session is not, and any gateway resumes it.
      if (!info || info.resumeURL === gatewayUrl)
        return end(new ChannelError('retry', "There is no connection to Discord's gateway."));
      info = { ...info, resumeURL: gatewayUrl };
      // discord.js takes a network's failure for the end of the session.
      keepsInfo = true;
    }
    expectStand();
  });
  // Whatever it is, a close follows, or the time to stand runs out.
  shard.on(WebSocketShardEvents.Error, () => {});

  expectStand();
  // It settles like the events, which tell more.
  shard.connect().catch(() => {});

  /** Until one of the events, or an error, after which nothing else happens to the socket but its close. */
  const any = (...events: (typeof WebSocketShardEvents)[keyof typeof WebSocketShardEvents][]) =>
    Promise.race(events.map((event) => once(shard as unknown as NodeJS.EventEmitter, event))).catch(() => {});

  async function part(): Promise<void> {
    const { Closed, Hello, Ready, Resumed } = WebSocketShardEvents;
    const isOpen = () => shard.status !== WebSocketShardStatus.Idle;
    // A socket that is being opened cannot be closed: it would fail later, with nobody to hear of it.
    if (isOpen() && !greeted) await any(Hello, Closed);
    if (isOpen() && !standing) await Promise.race([any(Ready, Resumed, Closed), sleep(partingMs / 2)]);
    if (isOpen()) await shard.destroy({ code: resumableClose, reason: 'Going away' });
  }

  return {
    dispatches: queue,
    stop: () => end(),
    async close() {
      end();
      await Promise.race([part(), sleep(partingMs)]);
    },
  };
}
