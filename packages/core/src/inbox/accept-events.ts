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
import {
  ChannelChangedError,
  type ChannelScope,
  noteUnreadable,
  readChannelVersion,
  readScope,
  type StoppedRun,
} from '../channels/index.ts';
import {
  type Database,
  isDatabaseUnavailable,
  isPassing,
  run,
  statement,
  transaction,
  untilNoConflict,
} from '../database/index.ts';
import { markUndelivered } from '../outbox/index.ts';
import type { KeyEncryptionKey } from '../secrets/index.ts';
import type { Accepted } from './accept.ts';
import { acceptHeardMessage } from './accept-heard.ts';
import { acceptSaid } from './accept-said.ts';
import { amendMessage } from './amend.ts';
import { boundEvent } from './context.ts';
import type { SuspectedSender } from './loop-guard.ts';

/** The channel that events come through, for whoever knows no more of it. */
export interface EventSource {
  id: string;
  teamId: string;
  /** For the codes that strangers are sent. */
  kek: KeyEncryptionKey;
  traceId?: string | undefined;
}

/** The channel, and who is answered there by whom. */
export interface EventScope extends EventSource {
  agentId: string | null;
  access: ChannelAccess;
  routes: readonly ChannelRoute[];
}

/** As the caller has read it: what comes is accepted only while the channel is still this version of it. */
export type KnownScope = EventScope & Pick<ChannelScope, 'version'>;

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
  /**
   * More that is to be committed with the events, or not at all: before them, in the same transaction. It locks the
   * channel's row and returns what it says.
   */
  before?(db: Query): Promise<ChannelScope>;
  /** An event that the database will never take. It is dropped, or it would come again for ever and hold up the rest. */
  onDefect(error: unknown, event: InboundEvent): void;
}

/**
 * Stores what the events lead to: all of them, or none when it throws. Those that were stored before are dropped. Who is
 * answered, and by whom, is what the channel's row says in the transaction that stores them: nobody's copy of it counts.
 *
 * @throws {ChannelChangedError} the channel is not the version that `source` names any more · when the database is away,
 * or what `before` throws
 */
export async function acceptEvents(
  db: Database,
  source: EventSource | KnownScope,
  events: readonly InboundEvent[],
  { before, onDefect }: Batch,
): Promise<AcceptedEvents> {
  const known = 'version' in source ? source : null;
  const attempt: Attempt = (each) =>
    transaction(db.pool, async (client) => {
      const query: Query = { query: (sql, values) => run(client, sql, values) };
      const current = await (before ?? ((within) => readScope(within, source.id)))(query);
      if (known && known.version !== current?.version) throw new ChannelChangedError(source.id);
      if (!current || current.status === 'paused') return droppedAll(events, current ? 'paused' : 'deleted');
      const result = nothing();
      const scope = { ...source, ...current };
      for (const event of events.map(readable)) {
        const dropped = await each(query, () => acceptEvent(query, scope, event, result), event);
        if (dropped === null) result.taken += 1;
        else result.dropped.set(dropped, (result.dropped.get(dropped) ?? 0) + 1);
      }
      // What was changed while this waited for others counts as well.
      if (!before && (await readChannelVersion(query, source.id)) !== current.version)
        throw new ChannelChangedError(source.id);
      return result;
    });
  const [first, ...more] = events;
  if (known && first?.type === 'message' && more.length === 0 && !before) {
    const accepted = await acceptHeardMessage(db, known, readable(first)).catch((error: Error) => {
      if (isDatabaseUnavailable(error)) throw error;
      // Whatever is wrong with it shows again below, where it takes nothing else along.
      return null;
    });
    if (typeof accepted === 'string') return { ...nothing(), dropped: new Map([[accepted, 1]]) };
    if (accepted) return { ...nothing(), accepted: [accepted], taken: 1 };
  }
  return untilUnchanged(known !== null, () => acceptAll(attempt, onDefect));
}

/**
 * What others did at the same moment is no reason to fail: two batches that lock the same conversations in another order block
 * each other until the database ends one. Whoever names no version has decided nothing by it, so that is tried again, too.
 */
async function untilUnchanged<T>(isKnown: boolean, accept: () => Promise<T>): Promise<T> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await untilNoConflict(accept);
    } catch (error) {
      if (!(error instanceof ChannelChangedError) || isKnown || attempts === maxAttempts) throw error;
    }
  }
}

/** A channel is not changed so often while one event is stored. */
const maxAttempts = 10;

type Attempt = (
  each: (query: Query, work: () => Promise<string | null>, event: InboundEvent) => Promise<string | null>,
) => Promise<AcceptedEvents>;

async function acceptAll(attempt: Attempt, onDefect: Batch['onDefect']): Promise<AcceptedEvents> {
  let defect: unknown;
  try {
    return await attempt((_query, work) =>
      work().catch((error) => {
        defect = error;
        throw error;
      }),
    );
  } catch (error) {
    if (error !== defect || isPassing(error)) throw error;
  }
  // One of them is at fault. Each on its own then, so that it takes nothing else along.
  return attempt(async (query, work, event) => {
    await query.query(savepoint);
    try {
      return await work();
    } catch (error) {
      if (isPassing(error)) throw error;
      await query.query(rollback);
      onDefect(error, event);
      return 'defect';
    }
  });
}

const droppedAll = (events: readonly InboundEvent[], reason: string): AcceptedEvents => ({
  ...nothing(),
  dropped: new Map(events.length > 0 ? [[reason, events.length]] : []),
});

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
