/**
 * Platforms take a message and find out later that it did not arrive: the number is no longer there, the person has
 * blocked us, a carrier refused it.
 */
import type { UndeliveredEvent } from '@nightshift/contracts';
import { type Database, newId, statement } from '../database/index.ts';

// The report is kept too: it may come before the receipt is written, and then counts once the delivery is sent.
const mark = statement<{ reported: boolean; marked: boolean }>(`
  WITH report AS (
    INSERT INTO inbound_event (id, team_id, source, external_id, channel_id, type, outcome, ref, detail)
    VALUES ($1, $2, $3::uuid::text, $4, $3, 'undelivered', 'undelivered', $5, $6)
    ON CONFLICT (team_id, source, external_id) DO NOTHING RETURNING id
  ), marked AS (
    UPDATE delivery d SET status = 'failed', error = $6, parts_sent = least(d.parts_sent, (
      SELECT min(part.ordinality)::int - 1 FROM jsonb_array_elements(d.receipts) WITH ORDINALITY AS part (value, ordinality)
      WHERE part.value @> $7))
    FROM report WHERE d.channel_id = $3 AND d.receipts @> jsonb_build_array($7::jsonb) AND d.status IN ('sent', 'failed')
    RETURNING d.id
  )
  SELECT EXISTS (SELECT FROM report) AS reported, EXISTS (SELECT FROM marked) AS marked`);

/** @returns why it changed nothing; null: the delivery that it is about has failed */
export async function markUndelivered(
  db: Pick<Database, 'query'>,
  { id, teamId }: { id: string; teamId: string },
  { externalId, sent, reason }: UndeliveredEvent,
): Promise<string | null> {
  const [ref = null] = Object.values(sent);
  const place = [newId(), teamId, id, externalId, ref];
  const [row] = await db.query(mark, [...place, JSON.stringify(reason), JSON.stringify(sent)]);
  if (!row!.reported) return 'duplicate';
  return row!.marked ? null : 'not_ours';
}

/** The report about delivery `d` that came before its receipt was written: {code, message}, or null. */
export const earlyReport = `(
  SELECT e.detail FROM jsonb_array_elements(d.receipts) AS part, jsonb_each_text(part) AS said (name, id)
    JOIN inbound_event e ON e.ref = said.id AND e.type = 'undelivered'
  WHERE e.channel_id = d.channel_id AND e.received_at > coalesce(d.retried_at, d.created_at) ORDER BY e.id LIMIT 1)`;
