/** Long polling, https://core.telegram.org/bots/api#getupdates, for servers that Telegram cannot reach. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ChannelError, type ConnectContext, type InboundEvent, type InboundSink } from '../channel.ts';
import { endsInAlbum, joinAlbums } from './albums.ts';
import { callApi, getMe } from './api.ts';
import { accountOf, botIdOf, meOf, type TelegramConnection } from './connection.ts';
import { toEvent } from './parse.ts';
import { wantedUpdates } from './updates.ts';

/** How long Telegram waits for something to tell, in seconds: less than requests may take here. */
const waitSeconds = 10;

/** Updates at once. */
const batch = 50;

/** How long the rest of an album is waited for. */
const albumMs = 500;

interface Fetched {
  readonly events: readonly InboundEvent[];
  /** The offset that confirms them. */
  readonly next: number;
  /** Of buttons that were pressed. */
  readonly queries: readonly string[];
}

/** See `Connector.connect`. */
export async function poll(
  stored: TelegramConnection,
  sink: InboundSink,
  context: ConnectContext,
): Promise<void> {
  const { signal } = context;
  try {
    const connection = await introduced(stored, context);
    const fetchUpdates = fetcher(connection, context);
    // Where a webhook is set, nothing can be polled.
    await callApi(connection, context, (api) => api.deleteWebhook({}));
    let cursor = sink.cursor;
    let timeout = 0;
    while (!signal.aborted) {
      const fetched = await fetchUpdates(offsetOf(cursor, connection, Date.now()), timeout);
      if (timeout === 0) context.connected();
      timeout = waitSeconds;
      if (!fetched) continue;
      cursor = cursorOf(fetched.next, connection, Date.now());
      await sink.commit(joinAlbums(fetched.events), cursor);
      await acknowledge(fetched.queries, connection, context);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Mentions are by name, so we have to know ours. */
async function introduced(
  connection: TelegramConnection,
  context: ConnectContext,
): Promise<TelegramConnection> {
  if (connection.account) return connection;
  const bot = await getMe(connection, context);
  return { ...connection, account: accountOf(bot) };
}

function fetcher(connection: TelegramConnection, context: ConnectContext) {
  const me = meOf(connection);
  let limit = batch;

  async function request(offset: number | undefined, timeout: number): Promise<Fetched | undefined> {
    const updates = await callApi(connection, context, (api) =>
      api.getUpdates({
        ...(offset !== undefined && { offset }),
        limit,
        timeout,
        allowed_updates: wantedUpdates,
      }),
    );
    if (updates.length === 0) return undefined;
    return {
      events: updates.map((update) => toEvent(update, me)),
      next: updates.at(-1)!.update_id + 1,
      queries: updates.flatMap(({ callback_query: query }) => query?.id ?? []),
    };
  }

  return async (offset: number | undefined, timeout: number): Promise<Fetched | undefined> => {
    let fetched: Fetched | undefined;
    try {
      fetched = await request(offset, timeout);
    } catch (error) {
      // An answer that is larger than may be read would come again and again: one update at a time is never too large.
      if (!(error instanceof ChannelError) || error.kind !== 'ambiguous' || limit === 1) throw error;
      limit = 1;
      return request(offset, 0);
    }
    // The first picture of an album wakes the poll. Until they are confirmed, all updates come again with the rest.
    while (fetched && limit === batch && endsInAlbum(fetched.events)) {
      await sleep(albumMs, undefined, { signal: context.signal });
      const again: Fetched | undefined = await request(offset, 0);
      if (!again || again.events.length <= fetched.events.length) break;
      fetched = again;
    }
    limit = batch;
    return fetched;
  };
}

/** After a quiet week update ids begin anew at random (https://core.telegram.org/bots/api#update): by then, none is asked for. */
const offsetLastsMs = 6 * 24 * 60 * 60 * 1000;

/** Also names the bot: another one's offset would skip what people told this one. */
const cursorOf = (offset: number, { credentials }: TelegramConnection, now: number): string =>
  [botIdOf(credentials), offset, now].join(':');

function offsetOf(
  cursor: string | null,
  { credentials }: TelegramConnection,
  now: number,
): number | undefined {
  const [bot, offset, at] = cursor?.split(':') ?? [];
  return bot === botIdOf(credentials) && now - Number(at) < offsetLastsMs ? Number(offset) : undefined;
}

/** Until then the button that was pressed looks busy, https://core.telegram.org/bots/api#callbackquery. */
async function acknowledge(
  queries: readonly string[],
  connection: TelegramConnection,
  context: ConnectContext,
): Promise<void> {
  const answers = queries.map((callback_query_id) =>
    callApi(connection, context, (api) => api.answerCallbackQuery({ callback_query_id })),
  );
  for (const answer of await Promise.allSettled(answers)) {
    // The press is stored. A query that is too old to be answered is no reason to stop.
    if (answer.status === 'rejected' && !(answer.reason instanceof ChannelError)) throw answer.reason;
  }
}
