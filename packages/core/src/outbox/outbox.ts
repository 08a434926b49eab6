/**
 * The outbox as workers see it: what is to leave was committed with what caused it, and goes out lane by lane.
 *
 * A lane is one conversation at one webhook, or one thread of a channel (`<channel or webhook id>/…`), and its deliveries
 * go out in the order of `position`, one at a time. A worker holds the head of a lane by a lease on its row, on the
 * database's clock; `attempts` counts the claims and is the fence: whoever was claimed over writes nothing.
 */
import { storable } from '@nightshift/contracts';
import { type Database, run, type Statement, statement, transaction } from '../database/index.ts';
import type { DestinationKind } from './retry-policy.ts';
import { earlyReport } from './undelivered.ts';

/** How long one send may take. */
export const sendTimeoutMs = 10_000;

/** A worker that stops renewing loses what it sends after this long. */
export const leaseMs = 8_000;

/** What a platform or a receiver said. */
const json = (said: object): string => JSON.stringify(storable(said));

/** A delivery that this worker is to send now. It only refers to what is sent: that is read when it is. */
export interface ClaimedDelivery {
  readonly id: string;
  readonly teamId: string;
  readonly lane: string;
  readonly event: string;
  readonly destination: {
    readonly kind: DestinationKind;
    readonly id: string;
    /** Of a channel's row: another one after each change of it. */
    readonly version: number;
  };
  readonly runId: string | null;
  /** The trace of that run. */
  readonly traceId: string | null;
  readonly messageId: string | null;
  /** What the event tells, where no other row holds it. */
  readonly data: unknown;
  readonly attempts: number;
  /** Parts of the message that are known to have been sent. */
  readonly partsSent: number;
  /** A worker had begun to send it and never said what came of it: its next part may have arrived. */
  readonly interrupted: boolean;
  /** How long it has been tried, from its writing or its last retry by hand. */
  readonly spentMs: number;
  readonly createdAt: Date;
}

type ClaimRow = {
  id: string;
  team_id: string;
  event: string;
  channel_id: string | null;
  webhook_id: string | null;
  run_id: string | null;
  trace_id: string | null;
  message_id: string | null;
  data: unknown;
  attempts: number;
  parts_sent: number;
  interrupted: boolean;
  spent_ms: number;
  created_at: Date;
  version: number;
};

const lockNamespace = 7_306_011;
const lockLane = statement(`SELECT pg_advisory_xact_lock(${lockNamespace}, hashtext($1))`);

/**
 * What a process can send to. Channels of some kinds are sent to over a connection that one process holds: of `kinds` it
 * reaches only `connections`, each `<channel id>/<epoch>`, and leaves what waits for others to whoever is connected to them.
 * A channel that was changed has another epoch: nothing goes out over the connection that it had before.
 */
export interface Reach {
  readonly kinds: readonly string[];
  readonly connections: readonly string[];
}

const everything: Reach = { kinds: [], connections: [] };

/**
 * Until when this process sends nothing: because of a person until further notice, or as long as the receiver asked, or
 * since it is not connected.
 *
 * @param kinds the parameter that holds those of the reach @param connections likewise
 */
const pausedUntil = (kinds: string, connections: string) => `
  CASE WHEN c.status = 'paused' OR (c.kind = ANY (${kinds}::text[]) AND c.id || '/' || c.epoch <> ALL (${connections}::text[])) THEN 'infinity'
    ELSE coalesce(c.paused_until, w.paused_until) END`;

/** The first delivery of lane $1 that is not over, and until when its destination is paused within the reach $2, $3. */
const head = `
  head AS (
    SELECT d.id, ${pausedUntil('$2', '$3')} AS paused_until, coalesce(c.version, 0) AS version
    FROM delivery d LEFT JOIN channel c ON c.id = d.channel_id LEFT JOIN webhook w ON w.id = d.webhook_id
    WHERE d.lane = $1 AND d.status IN ('pending', 'sending') ORDER BY d.position LIMIT 1
  )`;

// Another delivery of the lane may be under way though this one is its head: a dead one that was put back in its place.
const claim = statement<ClaimRow>(`
  WITH ${head}
  UPDATE delivery d
  SET status = 'sending', attempts = d.attempts + 1, lease_until = now() + $4 * interval '1 millisecond'
  FROM head
  WHERE d.id = head.id AND d.due_at <= now() AND coalesce(head.paused_until <= now(), true)
    AND (d.status = 'pending' OR (d.status = 'sending' AND d.lease_until < now()))
    AND NOT EXISTS (SELECT FROM delivery o WHERE o.lane = $1 AND o.status = 'sending' AND o.lease_until >= now())
  RETURNING d.id, d.team_id, d.event, d.channel_id, d.webhook_id, d.run_id, d.message_id, d.data,
    (SELECT r.trace_id FROM run r WHERE r.id = d.run_id) AS trace_id,
    d.attempts, d.parts_sent, old.status = 'sending' AS interrupted, d.created_at, head.version,
    extract(epoch FROM now() - coalesce(d.retried_at, d.created_at))::float8 * 1000 AS spent_ms`);

/**
 * Takes the head of the lane; null when there is none, it is not due, its destination is paused or out of reach, or
 * another worker is at it.
 */
export async function claimDelivery(
  db: Database,
  lane: string,
  { kinds, connections }: Reach = everything,
): Promise<ClaimedDelivery | null> {
  const row = await transaction(db.pool, async (client) => {
    // Claims of one lane go one after the other: two at once, each with its own view of what has just been put back
    // into the lane, could claim two deliveries of it.
    await run(client, lockLane, [lane]);
    return (await run(client, claim, [lane, kinds, connections, leaseMs]))[0];
  });
  if (!row) return null;
  return {
    id: row.id,
    teamId: row.team_id,
    lane,
    event: row.event,
    destination: row.channel_id
      ? { kind: 'channel', id: row.channel_id, version: row.version }
      : { kind: 'webhook', id: row.webhook_id!, version: row.version },
    runId: row.run_id,
    traceId: row.trace_id,
    messageId: row.message_id,
    data: row.data,
    attempts: row.attempts,
    partsSent: row.parts_sent,
    interrupted: row.interrupted,
    spentMs: row.spent_ms,
    createdAt: row.created_at,
  };
}

const nextDue = statement<{ ms: number }>(`
  WITH ${head}
  SELECT ceil(extract(epoch FROM greatest(d.due_at, head.paused_until, d.lease_until) - now()) * 1000)::float8 AS ms
  FROM head JOIN delivery d ON d.id = head.id`);

/**
 * How long until the head of the lane may be claimed, in milliseconds: Infinity where that depends on others. Null when
 * the lane is empty.
 */
export async function nextDeliveryDueInMs(
  db: Database,
  lane: string,
  { kinds, connections }: Reach = everything,
): Promise<number | null> {
  const [row] = await db.query(nextDue, [lane, kinds, connections]);
  return row ? Math.max(0, row.ms) : null;
}

/** What every mark begins with: the row, if this claim still holds it. */
const held = `WHERE id = $1 AND attempts = $2 AND status = 'sending'`;

async function mark(
  db: Database,
  delivery: ClaimedDelivery,
  sql: Statement<{ id: string }>,
  ...values: unknown[]
): Promise<boolean> {
  const rows = await db.query(sql, [delivery.id, delivery.attempts, ...values]);
  return rows.length > 0;
}

const renew = statement<{ id: string }>(`
  UPDATE delivery SET lease_until = now() + $3 * interval '1 millisecond' ${held} RETURNING id`);

/** Keeps the claim for another lease. The commit need not be durable: one that is lost only makes a takeover come sooner. */
export async function renewDelivery(db: Database, { id, attempts }: ClaimedDelivery): Promise<boolean> {
  const rows = await db.queryRelaxed(renew, [id, attempts, leaseMs]);
  return rows.length > 0;
}

/** A part that was sent: the first `partsSent` have been, and `receipt` is what the platform said of the last of them. */
export interface SentPart {
  partsSent: number;
  receipt: object;
}

const withReceipt = `jsonb_set(receipts, ARRAY[($3::int - 1)::text], $4)`;

// By absolute counts, so that writing it again after a connection broke in the commit changes nothing.
const part = statement<{ changed: boolean }>(`
  UPDATE delivery SET parts_sent = $3, receipts = ${withReceipt} ${held}
  RETURNING EXISTS (SELECT FROM channel c WHERE c.id = channel_id AND (c.status = 'paused' OR c.version <> $5)) AS changed`);

/**
 * A part has been sent, and more are to follow. Null: the delivery is no longer this claim's, another worker took it, or it
 * was deleted; then stop. The other marks return false for this.
 *
 * @returns whether the channel is paused, or another one than it was when the delivery was claimed
 */
export async function markPart(
  db: Database,
  { id, attempts, destination }: ClaimedDelivery,
  { partsSent, receipt }: SentPart,
): Promise<{ changed: boolean } | null> {
  const [row] = await db.query(part, [id, attempts, partsSent, json(receipt), destination.version]);
  return row ?? null;
}

const back = statement<{ id: string }>(`
  UPDATE delivery SET status = 'pending', lease_until = NULL, due_at = now() ${held} RETURNING id`);

/** It is left for the next claim, which begins after the parts that were sent. */
export const giveBack = (db: Database, delivery: ClaimedDelivery): Promise<boolean> =>
  mark(db, delivery, back);

const sent = statement<{ more: boolean }>(`
  UPDATE delivery t SET parts_sent = coalesce($3, parts_sent), receipts = now_sent.receipts,
    status = CASE WHEN now_sent.report IS NULL THEN 'sent' ELSE 'failed' END::delivery_status,
    error = now_sent.report, lease_until = NULL, ended_at = now(),
    -- A web chat is read from here, for as long as it holds.
    sealed = CASE WHEN EXISTS (SELECT FROM channel c WHERE c.id = t.channel_id AND c.kind = 'web') THEN t.sealed END
  FROM (
    SELECT d.receipts, ${earlyReport} AS report FROM (
      SELECT channel_id, created_at, retried_at, CASE WHEN $3::int IS NULL THEN receipts ELSE ${withReceipt} END AS receipts
      FROM delivery ${held}
    ) AS d
  ) AS now_sent ${held}
  RETURNING EXISTS (SELECT FROM delivery o WHERE o.lane = t.lane AND o.id <> t.id AND o.status IN ('pending', 'sending')) AS more`);

export interface SentDelivery {
  /** Something else waits in its lane. */
  more: boolean;
}

/**
 * All its parts have been sent, `last` just now; the platform may have said already that one of them did not arrive. Null:
 * it is no longer this claim's.
 */
export async function markSent(
  db: Database,
  { id, attempts }: ClaimedDelivery,
  last?: SentPart,
): Promise<SentDelivery | null> {
  const receipt = last ? json(last.receipt) : null;
  const [row] = await db.query(sent, [id, attempts, last?.partsSent ?? null, receipt]);
  return row ?? null;
}

/** Why a delivery is not sent, for people. */
export interface DeliveryError {
  code: string;
  message: string;
}

const later = statement<{ id: string }>(`
  UPDATE delivery SET status = 'pending', error = $3, lease_until = NULL,
    due_at = now() + $4 * interval '1 millisecond'
  ${held} RETURNING id`);

/** It did not arrive, or a repetition does no harm. It stays the head of its lane. */
export const retryLater = (
  db: Database,
  delivery: ClaimedDelivery,
  error: DeliveryError,
  delayMs: number,
): Promise<boolean> => mark(db, delivery, later, json(error), delayMs);

const withoutShown = statement<{ id: string }>(`
  WITH again AS (
    UPDATE delivery SET status = 'pending', error = $3, lease_until = NULL, due_at = now() ${held} RETURNING id
  ), forgotten AS (
    UPDATE live_reply l SET receipt = NULL FROM again WHERE l.delivery_id = again.id
  )
  SELECT id FROM again`);

/**
 * The message that showed the answer while it was written cannot become the answer: it stays as it is, and the delivery
 * is due again, as one that was shown nowhere.
 */
export const retryWithoutShown = (
  db: Database,
  delivery: ClaimedDelivery,
  error: DeliveryError,
): Promise<boolean> => mark(db, delivery, withoutShown, json(error));

const over = (status: 'unknown' | 'dead') =>
  statement<{ id: string }>(`
  UPDATE delivery SET status = '${status}', error = $3, lease_until = NULL, ended_at = now() ${held} RETURNING id`);
const unknown = over('unknown');
const dead = over('dead');

/** It may have arrived, and repeating it could double it. The lane goes on. */
export const markUnknown = (
  db: Database,
  delivery: ClaimedDelivery,
  error: DeliveryError,
): Promise<boolean> => mark(db, delivery, unknown, json(error));

/** It is given up. The lane goes on. */
export const markDead = (db: Database, delivery: ClaimedDelivery, error: DeliveryError): Promise<boolean> =>
  mark(db, delivery, dead, json(error));

const waiting = statement(`
  UPDATE delivery SET error = $2 WHERE channel_id = $1 AND status = 'pending' AND error IS DISTINCT FROM $2::jsonb`);

/** Says of all that waits to go out over a channel's connection why there is none. Whatever is sent later forgets it. */
export async function explainWaiting(db: Database, channelId: string, error: DeliveryError): Promise<void> {
  await db.query(waiting, [channelId, json(error)]);
}

const pauses = {
  channel: statement(`
    UPDATE channel SET paused_until = greatest(paused_until, now() + $2 * interval '1 millisecond') WHERE id = $1`),
  webhook: statement(`
    UPDATE webhook SET paused_until = greatest(paused_until, now() + $2 * interval '1 millisecond') WHERE id = $1`),
};

/** Nothing is sent there for so long, in any lane. A pause that is longer already stays. */
export async function pauseDestination(
  db: Database,
  { kind, id }: Pick<ClaimedDelivery['destination'], 'kind' | 'id'>,
  forMs: number,
): Promise<void> {
  await db.query(pauses[kind], [id, forMs]);
}

/** The heads of lanes that could be sent now within the reach $1, $2, and are by nobody. What is behind a head waits for it. */
const dueHeads = `
  FROM delivery d LEFT JOIN channel c ON c.id = d.channel_id LEFT JOIN webhook w ON w.id = d.webhook_id
  WHERE d.status IN ('pending', 'sending') AND d.due_at < now()
    AND greatest(d.due_at, d.lease_until, ${pausedUntil('$1', '$2')}) < now()
    AND NOT EXISTS (
      SELECT FROM delivery e WHERE e.lane = d.lane AND e.status IN ('pending', 'sending') AND e.position < d.position)`;

// What has just become due is given a second for its wake-up to arrive; a wake-up may miss the one process that is connected.
const due = statement<{ lane: string }>(`
  SELECT d.lane ${dueHeads}
    AND (d.status = 'sending' OR d.due_at < now() - interval '1 second' OR c.kind = ANY ($1::text[]))
  ORDER BY d.due_at LIMIT $3`);

/** Lanes with something to send that nobody sends, the oldest first: a wake-up was lost, a wait is over, a worker died. */
export async function findDueDeliveryLanes(
  db: Database,
  limit = 1000,
  { kinds, connections }: Reach = everything,
): Promise<string[]> {
  const rows = await db.query(due, [kinds, connections, limit]);
  return rows.map(({ lane }) => lane);
}

const oldestDue = statement<{ seconds: number | null }>(`
  SELECT extract(epoch FROM now() - min(greatest(d.due_at, d.lease_until, ${pausedUntil('$1', '$2')})))::float8 AS seconds
  ${dueHeads}`);

/** For how long the lane that waits longest could have been worked on, in seconds; 0 when none waits. */
export async function oldestDueDeliverySeconds(
  db: Database,
  { kinds, connections }: Reach = everything,
): Promise<number> {
  const [row] = await db.query(oldestDue, [kinds, connections]);
  return row?.seconds ?? 0;
}
