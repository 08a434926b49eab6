/**
 * What is kept for how long. Rows go in small batches, one worker at a time; what is told to be old is so by its id, which
 * begins with the time that it was made (RFC 9562, 5.7), so that no index is needed.
 *
 * The ledger of what models have cost, runs, messages and their files are never among them.
 */
import { forgetStrangers, waitingDays } from '../channels/index.ts';
import { type Database, statement } from '../database/index.ts';

export interface Retention {
  /** Of what platforms sent: at least a day more than they may send it again, which is 7 days of WhatsApp. */
  readonly inboundDays: number;
  /** Of what was delivered. What was not stays for `undeliveredDays`. */
  readonly deliveryDays: number;
}

/** A person may still want to see it, and to send it again. */
export const undeliveredDays = 90;

/** Rows of one statement. */
const batch = 500;

/** Only one worker is at it at a time; the others do nothing. */
const turn = `turn AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(7306016) AS mine)`;

const remove = (table: string, where: string) =>
  statement(`
  WITH ${turn}, old AS (SELECT t.id FROM ${table} t, turn WHERE turn.mine AND ${where} ORDER BY t.id LIMIT ${batch})
  DELETE FROM ${table} t USING old WHERE t.id = old.id RETURNING t.id`);

const inbound = remove('inbound_event', 't.id < $1');

const deliveries = remove(
  'delivery',
  `t.id < $1 AND (t.status = 'sent' OR (t.status IN ('unknown', 'dead', 'failed') AND t.id < $2))`,
);

// What showed an answer that is out, or of a run that never said more.
const liveReplies = remove(
  'live_reply',
  `t.id < $1 AND NOT EXISTS (SELECT FROM delivery d WHERE d.id = t.delivery_id AND d.status IN ('pending', 'sending'))
    AND NOT EXISTS (SELECT FROM run r WHERE r.id = t.run_id AND r.status IN ('queued', 'running'))`,
);

// Of messages that were taken back. Older ones have been looked at before.
const files = remove(
  'file',
  `t.id < $1 AND t.id > $2 AND NOT EXISTS (SELECT FROM message m WHERE m.conversation_id = t.conversation_id
    AND m.content @> jsonb_build_array(jsonb_build_object('fileId', t.id::text)))`,
);

// Of a code that has ended nothing is kept that could tell it.
const codes = statement(`
  WITH ${turn}, old AS (
    SELECT t.id, t.code_delivery_id FROM identity t, turn
    WHERE turn.mine AND t.code_expires_at < now() AND t.code_hash IS NOT NULL LIMIT ${batch}
  ), erased AS (
    UPDATE delivery d SET sealed = NULL FROM old WHERE d.id = old.code_delivery_id AND d.sealed IS NOT NULL
  )
  UPDATE identity t SET code_hash = NULL FROM old WHERE t.id = old.id RETURNING t.id`);

// Whoever was answered or approved meanwhile stays.
const ended = statement(`
  WITH ${turn}, old AS (
    SELECT t.id FROM identity t, turn
    WHERE turn.mine AND t.code_expires_at < now() - interval '1 day' AND t.person_id IS NOT NULL LIMIT ${batch}
  )
  UPDATE identity t SET code_expires_at = NULL FROM old WHERE t.id = old.id RETURNING t.id`);

const strangers = forgetStrangers(
  `i.id IN (
    SELECT t.id FROM identity t, turn
    WHERE turn.mine AND t.status = 'pending' AND t.person_id IS NULL
      AND t.last_seen_at < now() - interval '${waitingDays} days' AND coalesce(t.code_expires_at < now(), true)
    ORDER BY t.last_seen_at LIMIT ${batch})`,
  `${turn},`,
);

/** Guests come and go: notes that were not written to for so long, and schedules that have been over for so long. */
export const guestDays = 90;

const guestNotes = statement(`
  WITH ${turn}, old AS (
    SELECT n.agent_id, n.guest_id, n.name FROM guest_note n, turn
    WHERE turn.mine AND n.updated_at < now() - interval '${guestDays} days' LIMIT ${batch}
  )
  DELETE FROM guest_note n USING old
  WHERE n.agent_id = old.agent_id AND n.guest_id = old.guest_id AND n.name = old.name RETURNING n.name`);

const guestSchedules = remove(
  'schedule',
  `t.guest_id IS NOT NULL AND (t.deleted_at IS NOT NULL OR t.status = 'finished')
    AND coalesce(t.deleted_at, t.at, t.updated_at) < now() - interval '${guestDays} days'`,
);

const rates = statement(`
  WITH ${turn}, gone AS (DELETE FROM worker_presence w USING turn WHERE turn.mine AND w.seen_at < now() - interval '1 hour')
  DELETE FROM send_rate r USING turn WHERE turn.mine AND r.full_at < now() - interval '1 hour'`);

const dayMs = 86_400_000;

/** The least id that a row of that time can have. `at`: milliseconds of the epoch. */
function idAt(at: number): string {
  const hex = Math.floor(at).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

/**
 * Removes what has been kept long enough.
 *
 * @param signal ends it after the batch under way
 * @returns how many rows went
 */
export async function pruneRecords(
  db: Database,
  { inboundDays, deliveryDays }: Retention,
  signal?: AbortSignal,
): Promise<number> {
  const now = Date.now();
  const before = (days: number) => idAt(now - days * dayMs);
  const work = [
    [inbound, [before(inboundDays)]],
    [deliveries, [before(deliveryDays), before(Math.max(deliveryDays, undeliveredDays))]],
    [liveReplies, [before(deliveryDays)]],
    [files, [before(1), before(3)]],
    [codes, []],
    [guestNotes, []],
    [guestSchedules, []],
    [ended, []],
    [strangers, []],
  ] as const;
  let removed = 0;
  for (const [sql, values] of work) {
    for (let count = batch; count === batch && !signal?.aborted; removed += count) {
      count = (await db.queryRelaxed(sql, values)).length;
    }
  }
  await db.queryRelaxed(rates);
  return removed;
}
