/** Messages that were passed over, since they cannot be read: counted in their channel, and the team is told. */
import type { Channel, Unreadable } from '@nightshift/contracts';
import { type Database, statement } from '../database/index.ts';

/** A channel's team is told once in so many minutes, lest a stranger writes to its webhooks as often as they like. */
const silenceMinutes = 10;

// `toldAt` of the row is when the webhooks were last told.
const note = statement<{ lanes: string[] | null }>(`
  WITH before AS (
    SELECT id, last_unreadable->'toldAt' AS told_at,
      coalesce((last_unreadable->>'toldAt')::timestamptz < now() - $3 * interval '1 minute', true) AS is_due
    FROM channel WHERE id = $1 FOR UPDATE
  ), noted AS (
    UPDATE channel c SET unreadable = c.unreadable + 1,
      last_unreadable = $2::jsonb || jsonb_build_object('at', now(), 'toldAt', CASE WHEN is_due THEN to_jsonb(now()) ELSE told_at END)
    FROM before WHERE c.id = before.id RETURNING c.id, c.team_id, c.unreadable, is_due
  ), subscribed AS (
    SELECT w.id FROM noted, webhook w WHERE is_due AND w.team_id = noted.team_id AND 'channel.unreadable' = ANY (w.events)
    FOR KEY SHARE OF w
  ), told AS (
    INSERT INTO delivery (team_id, lane, webhook_id, data, event)
    SELECT noted.team_id, w.id || '/' || noted.id, w.id,
      jsonb_build_object('channelId', noted.id, 'message', $2::jsonb, 'count', noted.unreadable), 'channel.unreadable'
    FROM noted, subscribed w
    RETURNING lane
  )
  SELECT array_agg(lane) AS lanes FROM told`);

/** @returns the outbox lanes to wake */
export async function noteUnreadable(
  db: Pick<Database, 'query'>,
  channelId: string,
  { code, message, from, subject }: Unreadable,
): Promise<string[]> {
  const [row] = await db.query(note, [
    channelId,
    JSON.stringify({ code, message, from, subject }),
    silenceMinutes,
  ]);
  return row?.lanes ?? [];
}

/** As the API shows it. */
export function toUnreadable(count: bigint, row: unknown): Channel['unreadable'] {
  const last = row as (Unreadable & { at: string }) | null;
  return {
    count: Number(count),
    last: last && {
      at: new Date(last.at).toISOString(),
      from: last.from,
      subject: last.subject,
      code: last.code,
      message: last.message,
    },
  };
}
