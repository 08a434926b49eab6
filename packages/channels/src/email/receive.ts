/**
 * Reads new mail as it arrives. UIDs only grow (https://www.rfc-editor.org/rfc/rfc9051#section-2.3.1.1), so the last one
 * that was stored is where to go on; flags are nothing to go by, since people read in the same mailbox.
 */
import type { FetchMessageObject } from 'imapflow';
import { ChannelError, type ConnectContext, type InboundEvent, type InboundSink } from '../channel.ts';
import { type EmailConnection, type Settings, userOf } from './connection.ts';
import { readerOf } from './documents.ts';
import { isOfImap, isPassing } from './errors.ts';
import { fatalEvent, refusedEvent, type StoredMail, toEvent } from './events.ts';
import { type Inbox, withInbox } from './imap.ts';

/** How often there is a look without being told: on servers without IDLE, and on those that forget to tell. */
const pollMs = 10_000;
const idleMs = 5 * 60_000;

/** The wait after a server has ended IDLE by itself, lest it does so at once, again and again. */
const againMs = 1_000;

/** So often the reading of one mail is begun. Each time is stored before, since a mail may end the process that reads it. */
const maxAttempts = 3;

/**
 * So often the mail server may fail to hand out one mail, though it lets us in and lists the mails. The connection breaks
 * for other reasons, too, hence more often.
 */
const maxRefusals = 5;

interface Position {
  readonly uidValidity: string;
  readonly uid: number;
  /** When the last mail arrived, or we began, in seconds of the epoch: it outlives the numbering. */
  readonly at: number;
  /** The mail that was begun and not stored yet, how often, and how often the mail server failed at it. */
  readonly begun?: { readonly uid: number; readonly times: number; readonly refusals: number };
}

/** See `Connector.connect`. */
export async function receive(
  connection: EmailConnection,
  sink: InboundSink,
  context: ConnectContext,
): Promise<void> {
  const { signal } = context;
  // Fails with errors of its own, which whoever runs the connector has to see as they are.
  let notStored: { error: unknown } | undefined;
  const commit: InboundSink['commit'] = (events, cursor) =>
    sink.commit(events, cursor).catch((error) => {
      notStored = { error };
      throw error;
    });
  try {
    await withInbox(connection, context, { readOnly: !connection.settings.markSeen }, async (inbox) => {
      const news = watch(inbox);
      let position = parseCursor(sink.cursor);
      if (!position) {
        // Mail that was there before is nobody's question to us.
        position = await beginning(inbox);
        await commit([], cursorOf(position));
      } else if (position.uidValidity !== String(inbox.mailbox.uidValidity)) {
        position = await renumbered(inbox, position);
      }
      context.connected();
      while (!inbox.client.isClosed) {
        news.clear();
        const mails = await unread(inbox, position);
        for (const mail of mails) {
          const event = await readGuarded(inbox, mail, position, connection, { ...context, commit });
          position = {
            uidValidity: position.uidValidity,
            uid: mail.uid,
            at: Math.max(position.at, arrivedAt(mail)),
          };
          await commit(event ? [event] : [], cursorOf(position));
          if (event?.type === 'message' && connection.settings.markSeen)
            await inbox.client.messageFlagsAdd(String(mail.uid), ['\\Seen'], { uid: true });
        }
        if (mails.length < maxMails) await news.wait();
      }
    });
  } catch (error) {
    if (notStored) throw notStored.error;
    if (!signal.aborted) throw error;
  }
}

function watch({ client }: Inbox) {
  let wake = () => {};
  let isNew = false;
  let idles = client.capabilities.has('IDLE');
  const tell = () => {
    isNew = true;
    wake();
  };
  client.on('exists', tell);
  // Also when the signal aborts.
  client.on('close', tell);
  return {
    clear() {
      isNew = false;
    },
    /** Until there may be something new, or the connection ends. */
    async wait(): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      if (isNew || client.isClosed) return;
      const timer = setTimeout(resolve, idles ? idleMs : pollMs);
      // The next command ends it. Where the server does not let it begin, there is a look now and then.
      if (idles)
        client.idle().then((begun) => {
          if (begun === false) idles = false;
          setTimeout(resolve, idles ? againMs : pollMs).unref();
        }, tell);
      await promise;
      clearTimeout(timer);
    },
  };
}

async function beginning({ client, mailbox }: Inbox): Promise<Position> {
  const newest = mailbox.uidNext ? null : await client.fetchOne('*', { uid: true });
  return {
    uidValidity: String(mailbox.uidValidity),
    uid: mailbox.uidNext ? mailbox.uidNext - 1 : newest ? newest.uid : 0,
    at: Math.floor(Date.now() / 1000),
  };
}

/** The server has numbered its mails anew: what arrived since is looked for by its date. What was stored is known. */
async function renumbered(inbox: Inbox, before: Position): Promise<Position> {
  const begun = await beginning(inbox);
  let first = begun.uid + 1;
  // Servers search by the day.
  const since = { since: new Date(before.at * 1000) };
  for await (const mail of inbox.client.fetch(since, { uid: true, internalDate: true }, { uid: true }))
    if (arrivedAt(mail) >= before.at) first = Math.min(first, mail.uid);
  return { ...begun, uid: first - 1, at: before.at };
}

const arrivedAt = ({ internalDate }: FetchMessageObject): number =>
  internalDate ? Math.floor(new Date(internalDate).getTime() / 1000) : 0;

/** So many are looked at at once, however many there are. */
const maxMails = 500;

/** The next mails after a position. A range of the newest number on always has the newest mail in it. */
async function unread({ client }: Inbox, { uid }: Position): Promise<FetchMessageObject[]> {
  const first = (mails: readonly FetchMessageObject[]) =>
    mails.toSorted((one, other) => one.uid - other.uid).slice(0, maxMails);
  let found: FetchMessageObject[] = [];
  const wanted = { uid: true, size: true, internalDate: true };
  for await (const mail of client.fetch(`${uid + 1}:*`, wanted, { uid: true }))
    if (mail.uid > uid) {
      found.push(mail);
      if (found.length >= 2 * maxMails) found = first(found);
    }
  return first(found);
}

type Commit = InboundSink['commit'];

/**
 * Reads a mail, unless that has brought the process down too often, or failed by a defect, or the mail server has failed to
 * hand it out too often. An attempt does not count when the worker stops, or the mail server says that it is in trouble.
 */
async function readGuarded(
  { client }: Inbox,
  { uid, size = 0 }: FetchMessageObject,
  position: Position,
  { settings }: EmailConnection,
  context: ConnectContext & { commit: Commit },
): Promise<InboundEvent | null> {
  const { begun, uidValidity } = position;
  const times = begun?.uid === uid ? begun.times : 0;
  const refusals = begun?.uid === uid ? begun.refusals : 0;
  if (times >= maxAttempts) return fatalEvent(uid, uidValidity, times);
  if (refusals >= maxRefusals) return refusedEvent(uid, uidValidity, refusals);
  const fetch: StoredMail['fetch'] = async (maxLength) => {
    const fetched = await client.fetchOne(String(uid), { source: { start: 0, maxLength } }, { uid: true });
    // It may have been deleted meanwhile.
    return fetched === false ? null : (fetched.source ?? null);
  };
  const { commit, signal } = context;
  const documents = readerOf(context);
  await commit([], cursorOf({ ...position, begun: { uid, times: times + 1, refusals } }));
  try {
    return await toEvent({ uid, uidValidity, size, fetch }, settings, documents, signal);
  } catch (error) {
    const isRefusal = isOfImap(error) && !signal.aborted && !isPassing(error);
    if (isRefusal) await commit([], cursorOf({ ...position, begun: { uid, times, refusals: refusals + 1 } }));
    else if (isOfImap(error) || error instanceof ChannelError || signal.aborted)
      await commit([], cursorOf(position));
    throw error;
  }
}

/** A mailbox numbers its mails, whatever password it is opened with; another one numbers them otherwise. */
export const cursorOwner = (settings: Settings): string => `${userOf(settings)}@${settings.imapHost}`;

const cursorOf = ({ uidValidity, uid, at, begun }: Position): string =>
  [uidValidity, uid, at, ...(begun ? [begun.uid, begun.times, begun.refusals] : [])].join(':');

function parseCursor(cursor: string | null): Position | null {
  const [uidValidity, uid, at, begun, times, refusals = 0] = cursor?.split(':') ?? [];
  if (!uidValidity) return null;
  return {
    uidValidity,
    uid: Number(uid),
    at: Number(at),
    ...(begun && { begun: { uid: Number(begun), times: Number(times), refusals: Number(refusals) } }),
  };
}
