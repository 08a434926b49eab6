/**
 * The gateway: https://docs.discord.com/developers/events/gateway.
 *
 * discord.js keeps the socket: heartbeats, dead connections, resuming. What it dispatches is stored in order, and the
 * cursor says up to where, so that whoever connects next resumes behind it and Discord repeats the rest.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { z } from 'zod';
import {
  type CallContext,
  ChannelError,
  type ConnectContext,
  type Connector,
  type InboundSink,
} from '../channel.ts';
import { untilAborted } from '../until-aborted.ts';
import { callDiscord } from './api.ts';
import { type Credentials, type DiscordConnection, isGatewayUrl, type Settings } from './connection.ts';
import type { Dispatches } from './dispatches.ts';
import { Interaction, isButton } from './payload.ts';
import { readSession } from './session.ts';
import { openShard } from './shard.ts';
import { createSurroundings } from './surroundings.ts';

const Gateway = z.object({
  url: z.string(),
  session_start_limit: z.object({ remaining: z.number(), reset_after: z.number() }),
});

const maxBatch = 100;

export const connector: Connector<Credentials, Settings> = { connect: untilAborted(stayConnected) };

async function stayConnected(
  connection: DiscordConnection,
  sink: InboundSink,
  context: ConnectContext,
): Promise<void> {
  const { credentials, settings } = connection;
  const session = readSession(sink.cursor);
  const gatewayUrl = await findGateway(connection, context, session === null);
  const shard = await openShard({
    token: credentials.botToken,
    gatewayUrl,
    session: session && isGatewayUrl(session.resumeUrl, settings) ? session : null,
    isGatewayUrl: (url) => isGatewayUrl(url, settings),
    onStand: context.connected,
  });
  context.signal.addEventListener('abort', shard.stop, { once: true });
  try {
    await store(shard.dispatches, connection, sink, context);
  } finally {
    context.signal.removeEventListener('abort', shard.stop);
    await shard.close();
  }
}

/**
 * Also says whether the token is taken, before a socket is opened. A bot that begins more sessions in a day than it may
 * has its token reset: https://docs.discord.com/developers/events/gateway#identifying
 */
async function findGateway(
  connection: DiscordConnection,
  context: CallContext,
  isBeginning: boolean,
): Promise<string> {
  const { success, data } = Gateway.safeParse(
    await callDiscord({ path: '/gateway/bot' }, connection, context),
  );
  if (!success || !isGatewayUrl(data.url, connection.settings))
    throw new ChannelError('retry', 'Discord named no gateway of its own.');
  const { remaining, reset_after: retryAfterMs } = data.session_start_limit;
  if (isBeginning && remaining < 1)
    throw new ChannelError('retry', 'The bot has begun all the sessions that it may in a day.', {
      retryAfterMs,
    });
  return data.url;
}

/** Until there is nothing more. */
async function store(
  dispatches: Dispatches,
  connection: DiscordConnection,
  sink: InboundSink,
  context: ConnectContext,
): Promise<void> {
  const { signal } = context;
  const surroundings = createSurroundings(connection, context);
  while (!signal.aborted) {
    await dispatches.wait();
    // What came at the same time may overtake itself on its way through discord.js.
    await nextTurn();
    const taken = dispatches.take(maxBatch);
    if (!taken || signal.aborted) return;
    const { batch, session } = taken;
    const events = [];
    for (const dispatch of batch) events.push(...(await surroundings.read(dispatch, session)));
    if (signal.aborted) return;
    await sink.commit(events, JSON.stringify(session));
    for (const { t, d } of batch) if (t === 'INTERACTION_CREATE') acknowledge(d, connection, context);
  }
}

/** https://docs.discord.com/developers/interactions/receiving-and-responding#interaction-callback */
const deferredUpdate = 6;
const acknowledgeWithinMs = 3_000;

/** Ends the wait that whoever pressed a button sees. Nobody waits for it, and it changes nothing of what was pressed. */
function acknowledge(d: unknown, connection: DiscordConnection, { fetch, signal }: CallContext): void {
  const interaction = Interaction.safeParse(d).data;
  if (!interaction || !isButton(interaction)) return;
  const path = `/interactions/${interaction.id}/${encodeURIComponent(interaction.token)}/callback`;
  const within = AbortSignal.any([signal, AbortSignal.timeout(acknowledgeWithinMs)]);
  callDiscord({ method: 'POST', path, json: { type: deferredUpdate } }, connection, {
    fetch,
    signal: within,
  }).catch(
    // Discord tells them that it failed, though it counts; it has no other way to be told.
    () => undefined,
  );
}
