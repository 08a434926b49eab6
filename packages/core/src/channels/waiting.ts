/**
 * Strangers who wait for approval. Each leaves one row, with a few messages that are answered once they are approved.
 * How many wait in a channel is bounded, and so are the codes that it sends; both are shared out between the places that
 * strangers come from, so that a flood from one keeps nobody else out.
 */
import { type Database, newId, statement } from '../database/index.ts';
import { codeMinutes } from './pairing-code.ts';

type Query = Pick<Database, 'query'>;

export const waitingLimits = {
  /** Codes of a channel in a minute: a flood of strangers must not become a flood of ours. */
  codesPerMinute: 20,
  /** Of those, for one place. */
  codesPerPlace: 10,
  /** More, for places that were sent none for ten minutes. */
  codesReserved: 10,
  /** Strangers of a channel who wait at once. */
  waiting: 500,
  /** Of those, from one place. */
  waitingPerPlace: 250,
  /** Of those, kept for places from which nobody waits. */
  waitingReserved: 50,
} as const;

/** A stranger who does not write any more is forgotten after this long. */
export const waitingDays = 7;

const quietMinutes = 10;

/** Not answered yet, and nothing else is known of them. */
const isWaiting = `i.status = 'pending' AND i.person_id IS NULL`;

/** When somebody may be forgotten in favour of another one. */
const endsAt = `coalesce(i.code_expires_at, i.created_at + interval '${codeMinutes} minutes')`;

const lock = statement(`SELECT pg_advisory_xact_lock(hashtextextended($1, 7306013))`);

/** Strangers of one channel come one after the other from here to the end of the transaction: each is counted. */
export async function lockWaiting(db: Query, channelId: string): Promise<void> {
  await db.query(lock, [channelId]);
}

export type WaitingCounts = {
  waiting: number;
  waiting_here: number;
  told: number;
  told_here: number;
  told_here_lately: number;
};

const toldWithin = (minutes: number) =>
  `i.code_expires_at > now() + interval '${codeMinutes - minutes} minutes'`;

// The condition is the partial index's.
const count = statement<WaitingCounts>(`
  SELECT count(*) FILTER (WHERE i.person_id IS NULL)::int AS waiting,
    count(*) FILTER (WHERE i.person_id IS NULL AND i.place = $2)::int AS waiting_here,
    count(*) FILTER (WHERE ${toldWithin(1)})::int AS told,
    count(*) FILTER (WHERE ${toldWithin(1)} AND i.place = $2)::int AS told_here,
    count(*) FILTER (WHERE ${toldWithin(quietMinutes)} AND i.place = $2)::int AS told_here_lately
  FROM identity i
  WHERE i.channel_id = $1 AND i.status = 'pending' AND (i.person_id IS NULL OR i.code_expires_at IS NOT NULL)`);

export async function countWaiting(
  db: Query,
  channelId: string,
  place: string | null,
): Promise<WaitingCounts> {
  return (await db.query(count, [channelId, place]))[0]!;
}

/** Whether a stranger from the place may be sent a code now. */
export function mayTell(place: string | null, counts: WaitingCounts): boolean {
  const { codesPerMinute, codesPerPlace, codesReserved } = waitingLimits;
  if (place === null) return counts.told < codesPerMinute;
  if (counts.told_here >= codesPerPlace) return false;
  const share = counts.told_here_lately === 0 ? codesPerMinute + codesReserved : codesPerMinute;
  return counts.told < share;
}

/** Whether one more stranger from the place finds room · `own`: in the stead of another one from there · `any`: of anyone. */
export function roomFor(place: string | null, counts: WaitingCounts): 'free' | 'own' | 'any' {
  const { waiting, waitingPerPlace, waitingReserved } = waitingLimits;
  if (place !== null && counts.waiting_here >= waitingPerPlace) return 'own';
  const share = place !== null && counts.waiting_here === 0 ? waiting : waiting - waitingReserved;
  return counts.waiting < share ? 'free' : 'any';
}

/** Deletes strangers with all that they left: the events that were kept for them, and the delivery of their code. */
export const forgetStrangers = (which: string, before = '') =>
  statement<{ id: string }>(`
  WITH ${before} old AS (
    SELECT i.id, c.team_id, i.channel_id, i.held, i.code_delivery_id
    FROM identity i JOIN channel c ON c.id = i.channel_id WHERE ${isWaiting} AND ${which} FOR UPDATE OF i SKIP LOCKED
  ), events AS (
    DELETE FROM inbound_event e USING old, jsonb_array_elements(coalesce(old.held, '[]')) AS kept
    WHERE e.team_id = old.team_id AND e.source = old.channel_id::text AND e.external_id = kept->>'externalId'
      AND e.message_id IS NULL
  ), codes AS (
    DELETE FROM delivery d USING old WHERE d.id = old.code_delivery_id AND d.status <> 'sending'
  )
  DELETE FROM identity i USING old WHERE i.id = old.id RETURNING i.id`);

const oldest = (where: string) =>
  forgetStrangers(`i.id = (
    SELECT i.id FROM identity i WHERE i.channel_id = $1 AND ${isWaiting} AND ${endsAt} < now() ${where}
    ORDER BY ${endsAt} LIMIT 1)`);
const evictAny = oldest('');
const evictOwn = oldest('AND i.place = $2');

/** Forgets the stranger whose code ended first. @returns false: there is none */
export async function evictStranger(
  db: Query,
  channelId: string,
  { room, place }: { room: 'own' | 'any'; place: string | null },
): Promise<boolean> {
  const rows = await (room === 'own'
    ? db.query(evictOwn, [channelId, place])
    : db.query(evictAny, [channelId]));
  return rows.length > 0;
}

const insert = statement<{ id: string }>(`
  INSERT INTO identity (id, channel_id, external_id, name, vouched, place) VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT (channel_id, external_id) DO NOTHING RETURNING id`);

export interface Stranger {
  externalId: string;
  name: string | null;
  vouched: boolean;
  place: string | null;
}

/** @returns its id; null: it is known since a moment ago */
export async function insertStranger(
  db: Query,
  channelId: string,
  { externalId, name, vouched, place }: Stranger,
): Promise<string | null> {
  const [row] = await db.query(insert, [newId(), channelId, externalId, name, vouched, place]);
  return row?.id ?? null;
}
