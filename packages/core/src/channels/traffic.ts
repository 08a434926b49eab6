/** What went through a channel: counters, and its last events and deliveries. */
import type { ChannelTraffic, ChannelTrafficQuery, Delivery } from '@nightshift/contracts';
import { type Database, run, statement } from '../database/index.ts';
import { notFound } from '../errors/index.ts';
import type { Log } from '../log/index.ts';

export interface Counts {
  received: number;
  ignored: number;
  refused: number;
  sent: number;
}

const none: Readonly<Counts> = { received: 0, ignored: 0, refused: 0, sent: 0 };

const add = statement(`
  UPDATE channel c SET received = c.received + n.received, ignored = c.ignored + n.ignored,
    refused = c.refused + n.refused, sent = c.sent + n.sent,
    last_inbound_at = CASE WHEN n.received + n.ignored > 0 THEN now() ELSE c.last_inbound_at END,
    last_outbound_at = CASE WHEN n.sent > 0 THEN now() ELSE c.last_outbound_at END
  FROM jsonb_to_recordset($1::jsonb) AS n (id uuid, received int, ignored int, refused int, sent int)
  WHERE c.id = n.id`);

const flushMs = 1_000;

export interface TrafficCounter {
  count(channelId: string, counts: Partial<Counts>): void;
  /** Writes down what is left. */
  close(): Promise<void>;
}

/**
 * Counts in memory and writes down every second: a row that every message updates would make all of them wait for each
 * other.
 */
export function createTrafficCounter(db: Database, log: Log): TrafficCounter {
  let pending = new Map<string, Counts>();
  let timer: NodeJS.Timeout | undefined;

  async function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    if (pending.size === 0) return;
    const counts = [...pending].map(([id, each]) => ({ id, ...each })).sort((a, b) => (a.id < b.id ? -1 : 1));
    pending = new Map();
    await run(db.relaxed, add, [JSON.stringify(counts)]).catch((error: Error) =>
      log.warn({ err: error }, 'traffic of channels not counted'),
    );
  }

  return {
    count(channelId, counts) {
      const sum = pending.get(channelId) ?? { ...none };
      for (const name of Object.keys(counts) as (keyof Counts)[]) sum[name] += counts[name] ?? 0;
      pending.set(channelId, sum);
      timer ??= setTimeout(() => void flush(), flushMs).unref();
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
