/**
 * The inbox's door for channels: what happened on a platform becomes messages and runs, answers of the server itself, or
 * nothing. A batch is one transaction.
 */
import {
  type ChannelAccess,
  type ChannelRoute,
  cutText,
  type InboundEvent,
  maxMessageLength,
  storable,
} from '@nightshift/contracts';
import { noteUnreadable, type StoppedRun } from '../channels/index.ts';
import { type Database, isDatabaseUnavailable, run, statement, transaction } from '../database/index.ts';
import { markUndelivered } from '../outbox/index.ts';
import type { KeyEncryptionKey } from '../secrets/index.ts';
import type { Accepted } from './accept.ts';
import { acceptHeardMessage } from './accept-heard.ts';
import { acceptSaid } from './accept-said.ts';
import { amendMessage } from './amend.ts';
import { boundEvent } from './context.ts';
import type { SuspectedSender } from './loop-guard.ts';

/** The channel that the events came through. */
export interface EventScope {
  id: string;
  teamId: string;
  agentId: string | null;
  access: ChannelAccess;
  routes: readonly ChannelRoute[];
  /** For the codes that strangers are sent. */
  kek: KeyEncryptionKey;
  traceId?: string | undefined;
}

/** What there is to do once it is committed. */
export interface AcceptedEvents {
  /** Messages whose runs are to be woken. */
  accepted: Accepted[];
  /** Lanes of the outbox that have something to send. */
  lanes: Set<string>;
  stopped: StoppedRun[];
  /** Senders who were found to write like programs, and are not answered for a while. */
  loops: SuspectedSender[];
  /** Why events led to nothing → how many. */
  dropped: Map<string, number>;
  /** Kinds of things that nobody here can read → how many messages had nothing else, and were answered by a sentence. */
  unsupported: Map<string, number>;
  /** How many led to something. */
  taken: number;
}

type Query = Pick<Database, 'query'>;

export interface Batch {
  /** More that is to be committed with the events, or not at all: before them, in the same transaction. */
  before?(db: Query): Promise<void>;
  /** An event that the database will never take. It is dropped, or it would come again for ever and hold up the rest. */
  onDefect(error: unknown, event: InboundEvent): void;
}

/**
 * Stores what the events lead to: all of them, or none when it throws. Those that were stored before are dropped.
 *
 * @throws when the database is away, or what `before` throws
 */
export async function acceptEvents(
  db: Database,
  scope: EventScope,
  events: readonly InboundEvent[],
  { before, onDefect }: Batch,
): Promise<AcceptedEvents> {
  const attempt = (
    each: (query: Query, work: () => Promise<string | null>, event: InboundEvent) => Promise<string | null>,
  ) =>
    transaction(db.pool, async (client) => {
      const query: Query = { query: (sql, values) => run(client, sql, values) };
      await before?.(query);
      const result = nothing();
      for (const event of events.map(readable)) {
        const dropped = await each(query, () => acceptEvent(query, scope, event, result), event);
        if (dropped === null) result.taken += 1;
        else result.dropped.set(dropped, (result.dropped.get(dropped) ?? 0) + 1);
      }
      return result;
    });
  const [first, ...more] = events;
  if (first?.type === 'message' && more.length === 0 && !before) {
    const accepted = await acceptHeardMessage(db, scope, readable(first)).catch((error: Error) => {
      if (isDatabaseUnavailable(error)) throw error;
      // Whatever is wrong with it shows again below, where it takes nothing else along.
      return null;
    });
    if (typeof accepted === 'string') return { ...nothing(), dropped: new Map([[accepted, 1]]) };
    if (accepted) return { ...nothing(), accepted: [accepted], taken: 1 };
  }
  let defect: unknown;
  try {
    return await attempt((_query, work) =>
      work().catch((error) => {
        defect = error;
        throw error;
      }),
    );
  } catch (error) {
    if (error !== defect || isDatabaseUnavailable(error)) throw error;
  }
  // One of them is at fault. Each on its own then, so that it takes nothing else along.
  return attempt(async (query, work, event) => {
    await query.query(savepoint);
    try {
      return await work();
    } catch (error) {
      if (isDatabaseUnavailable(error)) throw error;
      await query.query(rollback);
      onDefect(error, event);
      return 'defect';
    }
  });
}

export const nothing = (): AcceptedEvents => ({
  accepted: [],
  lanes: new Set(),
  stopped: [],
  loops: [],
  dropped: new Map(),
  unsupported: new Map(),
  taken: 0,
});

const savepoint = statement('SAVEPOINT event');
const rollback = statement('ROLLBACK TO SAVEPOINT event');

/** One code unit more than a message keeps: what is cut off here is still seen to have been longer. */
const maxText = maxMessageLength + 1;

/** Cut to what is kept before anything looks at it, and without what cannot be stored. */
function readable<Event extends InboundEvent>(event: Event): Event {
  const bounded = boundEvent(event);
  return storable('text' in bounded ? { ...bounded, text: cutText(bounded.text, maxText) } : bounded);
}

/** @returns why it led to nothing; null: it led to something */
async function acceptEvent(
  db: Query,
  scope: EventScope,
  event: InboundEvent,
  result: AcceptedEvents,
): Promise<string | null> {
  switch (event.type) {
    case 'ignored':
      if (!event.unreadable) return 'ignored';
      for (const lane of await noteUnreadable(db, scope.id, event.unreadable)) result.lanes.add(lane);
      return event.unreadable.code;
    case 'undelivered':
      return markUndelivered(db, scope, event);
    case 'edited':
    case 'deleted':
      return amendMessage(db, scope, event, result);
    case 'message':
    case 'action':
      return acceptSaid(db, scope, event, result);
  }
}
