/** One connection of Socket Mode, through the client of @slack/bolt. */
import { SocketModeReceiver } from '@slack/bolt';
import { type CallContext, ChannelError, type InboundEvent } from '../channel.ts';
import { clientOptions, silent } from './client.ts';
import { toSlackError } from './errors.ts';
import { toEvents } from './events.ts';
import type { Envelope } from './intake.ts';
import type { KnownNames, Names } from './names.ts';
import type { SlackConnection } from './settings.ts';

export interface Session {
  /** Slack has greeted us. @throws {ChannelError} */
  readonly opened: Promise<void>;
  /** Slack wants us to go on over another connection; this one still works for some seconds. @throws {ChannelError} */
  readonly outdated: Promise<void>;
  close(): void;
}

type Client = SocketModeReceiver['client'];

/** What the client tells of each envelope. */
interface SlackEvent {
  ack(response?: object): Promise<void>;
  envelope_id: string;
  body: unknown;
}

/** Whose session it is. */
interface Owner {
  readonly connection: SlackConnection;
  readonly context: CallContext;
  readonly names: Names;
}

export function openSession(
  appToken: string,
  { connection, context, names }: Owner,
  take: (envelope: Envelope) => void,
): Session {
  const { client } = new SocketModeReceiver({
    appToken,
    logger: silent,
    // It would wait five seconds before each connection, and leave the old one first.
    autoReconnectEnabled: false,
    installerOptions: { clientOptions: clientOptions(connection.settings.apiUrl, context) },
  });
  const { promise: outdated, resolve: outdate, reject: fail } = Promise.withResolvers<void>();
  outdated.catch(() => {});
  let isClosed = false;
  const close = () => {
    isClosed = true;
    void client.disconnect();
  };

  client.on('slack_event', ({ ack, envelope_id: id, body }: SlackEvent) => {
    const events = names
      .learn(body, connection, context)
      .then(() => readEvents(body, connection, names.of(connection), id));
    // Whoever stores them hears of it.
    events.catch(() => undefined);
    take({ events, ack: () => ack() });
  });
  client.on('disconnected', () => fail(new ChannelError('retry', 'The connection to Slack broke off.')));
  screen(client, fail, (reason) => {
    if (reason === 'link_disabled') fail(new ChannelError('auth', 'Socket Mode is turned off for the app.'));
    else outdate();
  });

  const opened = client.start().then(
    () => {
      if (isClosed) close();
    },
    (error) => {
      // The client rejects with nothing when the socket does not open.
      throw error === undefined
        ? new ChannelError('retry', 'No connection to Slack could be made.')
        : toSlackError(error, 'apps.connections.open');
    },
  );
  opened.catch(() => {});
  return { opened, outdated, close };
}

/** What makes no sense is acknowledged all the same, or it would come again and again. */
function readEvents(
  body: unknown,
  connection: SlackConnection,
  names: KnownNames,
  id: string,
): InboundEvent[] {
  try {
    return toEvents(body, connection, names, id);
  } catch (error) {
    if (!(error instanceof ChannelError)) throw error;
    return [{ type: 'ignored', externalId: id, what: 'malformed' }];
  }
}

/**
 * Stands between the socket and the client, which leaves a connection as soon as it is to be replaced, and rejects
 * unheard, which ends the process, over a frame that it does not expect: an `events_api` without an event (as
 * `app_rate_limited` is), or `null`.
 */
function screen(
  client: Client,
  fail: (error: unknown) => void,
  onDisconnect: (reason: unknown) => void,
): void {
  const [receive] = client.listeners('ws_message');
  client.removeAllListeners('ws_message');
  client.on('ws_message', (data: unknown, isBinary: boolean) => {
    const frame = isBinary ? null : parse(data);
    if (frame?.type === 'disconnect') return onDisconnect(frame.reason);
    const hasEvent = typeof frame?.payload?.event?.type === 'string';
    const known =
      frame?.type === 'events_api' && !hasEvent ? JSON.stringify({ ...frame, type: 'other' }) : data;
    Promise.resolve(receive?.(known, isBinary)).catch(fail);
  });
}

interface Frame {
  type?: unknown;
  reason?: unknown;
  payload?: { event?: { type?: unknown } | null } | null;
}

function parse(data: unknown): Frame | null {
  try {
    return JSON.parse(String(data));
  } catch {
    // The client passes over what is no JSON.
    return null;
  }
}
