/** What went through a channel: counters, and its last events and deliveries. */
import {
  type ChannelTraffic,
  type ChannelTrafficQuery,
  cutText,
  type Delivery,
  storable,
} from '@nightshift/contracts';
import { type Database, statement } from '../database/index.ts';
import { notFound } from '../errors/index.ts';
import type { Log } from '../log/index.ts';

export interface Counts {
  received: number;
  ignored: number;
  refused: number;
  sent: number;
}

const none: Readonly<Counts> = { received: 0, ignored: 0, refused: 0, sent: 0 };

/** What was seen last of a channel's traffic. */
export interface Observations {
  /** A request of the platform was signed as it should be. */
  verified: boolean;
  /** Why one was not believed. */
  refusal: string;
  /** Why a message could not be sent. */
  failure: { code: string; message: string };
}

const add = statement(`
  UPDATE channel c SET received = c.received + n.received, ignored = c.ignored + n.ignored,
    refused = c.refused + n.refused, sent = c.sent + n.sent,
    last_inbound_at = CASE WHEN n.received + n.ignored > 0 THEN now() ELSE c.last_inbound_at END,
    last_outbound_at = CASE WHEN n.sent > 0 THEN now() ELSE c.last_outbound_at END,
    last_verified_at = CASE WHEN n.verified THEN now() ELSE c.last_verified_at END,
    last_refused = CASE WHEN n.refusal IS NULL THEN c.last_refused ELSE jsonb_build_object('at', now(), 'reason', n.refusal) END,
    last_send_error = CASE WHEN n.failure IS NULL THEN c.last_send_error ELSE n.failure || jsonb_build_object('at', now()) END
  FROM jsonb_to_recordset($1::jsonb) AS n (id uuid, received int, ignored int, refused int, sent int, verified boolean,
    refusal text, failure jsonb)
  WHERE c.id = n.id`);

const flushMs = 1_000;

/** Of what a platform, or a stranger, said. In UTF-16 code units. */
const maxReasonLength = 500;

export interface TrafficCounter {
  count(channelId: string, counts: Partial<Counts>): void;
  /** Keeps what was seen last; of several of a kind within a second the last one. */
  note(channelId: string, seen: Partial<Observations>): void;
  /** Writes down what is left. */
  close(): Promise<void>;
}

/**
 * Counts in memory and writes down every second: a row that every message updates would make all of them wait for each
 * other.
 */
export function createTrafficCounter(db: Database, log: Log): TrafficCounter {
  let pending = new Map<string, Counts & Partial<Observations>>();
  let timer: NodeJS.Timeout | undefined;

  async function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    if (pending.size === 0) return;
    const counts = [...pending].map(([id, each]) => ({ id, ...each })).sort((a, b) => (a.id < b.id ? -1 : 1));
    pending = new Map();
    await db
      .queryRelaxed(add, [JSON.stringify(storable(counts))])
      .catch((error: Error) => log.warn({ err: error }, 'traffic of channels not counted'));
  }

  function pendingOf(channelId: string): Counts & Partial<Observations> {
    const sum = pending.get(channelId) ?? { ...none };
    pending.set(channelId, sum);
    timer ??= setTimeout(() => void flush(), flushMs).unref();
    return sum;
  }

  return {
    count(channelId, counts) {
      const sum = pendingOf(channelId);
      for (const name of Object.keys(counts) as (keyof Counts)[]) sum[name] += counts[name] ?? 0;
    },
    note(channelId, { verified, refusal, failure }) {
      const seen = pendingOf(channelId);
      if (verified) seen.verified = true;
      if (refusal !== undefined) seen.refusal = cutText(refusal, maxReasonLength);
      if (failure) seen.failure = { code: failure.code, message: cutText(failure.message, maxReasonLength) };
    },
    close: flush,
  };
}

type InboundRow = {
  id: string;
  type: string;
  outcome: string;
  identity_id: string | null;
  name: string | null;
  conversation_id: string | null;
  message_id: string | null;
  received_at: Date;
};

const inbound = statement<InboundRow>(`
  SELECT e.id, e.type, e.outcome, e.identity_id, coalesce(i.name, i.external_id) AS name, e.conversation_id, e.message_id,
    e.received_at
  FROM inbound_event e LEFT JOIN identity i ON i.id = e.identity_id
  WHERE e.channel_id = $1 ORDER BY e.id DESC LIMIT $2`);

/** @throws {DomainError} not_found */
export async function readTraffic(
  db: Database,
  teamId: string,
  channelId: string,
  { limit, errors }: ChannelTrafficQuery,
): Promise<ChannelTraffic> {
  if ((await db.prisma.channel.count({ where: { id: channelId, teamId } })) === 0) throw notFound('channel');
  const [events, deliveries] = await Promise.all([
    errors ? [] : db.query(inbound, [channelId, limit]),
    db.prisma.delivery.findMany({
      where: { channelId, ...(errors && { status: { in: ['unknown', 'dead', 'failed'] } }) },
      orderBy: { id: 'desc' },
      take: limit,
    }),
  ]);
  return {
    inbound: events.map((row) => ({
      id: row.id,
      type: row.type,
      outcome: row.outcome,
      sender: row.identity_id ? { identityId: row.identity_id, name: row.name ?? '' } : null,
      conversationId: row.conversation_id,
      messageId: row.message_id,
      receivedAt: row.received_at.toISOString(),
    })),
    outbound: deliveries.map((row) => ({
      id: row.id,
      event: row.event,
      status: row.status,
      conversationId: row.conversationId,
      runId: row.runId,
      attempts: row.attempts,
      error: row.error as Delivery['error'],
      createdAt: row.createdAt.toISOString(),
      endedAt: row.endedAt?.toISOString() ?? null,
    })),
  };
}
