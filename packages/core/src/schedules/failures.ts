/** A schedule whose runs keep failing pauses itself, and says so where its answers go: in its conversation, and to webhooks. */
import { threadLaneSql } from '../channels/index.ts';
import { type Database, newId, statement } from '../database/index.ts';

/** So many failures in a row. A run that a budget stopped is not one of them: it says nothing of the schedule. */
const maxFailures = 5;

const pausedReason = `It paused itself after ${maxFailures} failed runs in a row.`;

const failed = (run: string) =>
  `${run}.status = 'failed' AND coalesce(${run}.error->>'code', '') NOT LIKE 'budget\\_%'`;

// Whoever ends a run knows nothing of schedules: the failures of the last minute are looked at instead, several times
// in that minute. One that all workers are down for too long to see is made good after the next failure.
const failing = statement<{ id: string; runId: string }>(`
  SELECT DISTINCT ON (s.id) s.id, r.id AS "runId" FROM run r
  JOIN schedule_fire f ON f.run_id = r.id
  JOIN schedule s ON s.id = f.schedule_id
  WHERE r.trigger = 'schedule' AND ${failed('r')} AND r.ended_at > now() - interval '1 minute'
    AND s.status = 'active' AND s.deleted_at IS NULL
    AND ${maxFailures} = (
      SELECT count(*) FILTER (WHERE ${failed('last')}) FROM (
        SELECT run.status, run.error FROM schedule_fire fire JOIN run ON run.id = fire.run_id
        WHERE fire.schedule_id = s.id AND fire.status <> 'skipped' AND fire.created_at >= s.resumed_at
          AND run.status IN ('succeeded', 'failed', 'cancelled')
        ORDER BY fire.fire_at DESC LIMIT ${maxFailures}
      ) AS last
    )
  ORDER BY s.id, r.ended_at DESC`);

const pause = statement<{ id: string; teamId: string; name: string }>(`
  WITH paused AS (
    UPDATE schedule SET status = 'paused', paused_reason = $2, next_at = NULL, due_at = NULL
    WHERE id = $1 AND status = 'active'
    RETURNING id, team_id, name, conversation_id
  ), lane AS (
    UPDATE conversation c SET next_seq = c.next_seq + 1, updated_at = now()
    FROM paused WHERE c.id = paused.conversation_id
    RETURNING c.id, c.team_id, c.channel_id, c.thread_key, c.next_seq - 1 AS seq
  ), told AS (
    INSERT INTO message (id, conversation_id, seq, role, content)
    SELECT $3, lane.id, lane.seq, 'assistant', jsonb_build_array(jsonb_build_object('type', 'text', 'text',
      format('The schedule "%s" paused itself after ${maxFailures} failed runs in a row. Its history says why; resume it when the cause is mended.', paused.name)))
    FROM lane, paused
    RETURNING id
  ), outbox AS (
    INSERT INTO delivery (team_id, lane, channel_id, webhook_id, conversation_id, run_id, message_id, event)
    SELECT lane.team_id, target.lane, target.channel_id, target.webhook_id, lane.id, $4, told.id, 'message.created'
    FROM lane, told, LATERAL (
      SELECT ${threadLaneSql('lane.channel_id', 'lane.thread_key')} AS lane, lane.channel_id, NULL::uuid AS webhook_id
      WHERE lane.channel_id IS NOT NULL
      UNION ALL
      SELECT w.id || '/' || lane.id, NULL, w.id FROM webhook w
      WHERE w.team_id = lane.team_id AND 'message.created' = ANY (w.events)
    ) AS target
  )
  SELECT id, team_id AS "teamId", name FROM paused`);

/** Pauses the schedules whose last runs all failed. @returns those that this call paused */
export async function pauseFailing(db: Database): Promise<{ id: string; teamId: string; name: string }[]> {
  const paused = [];
  for (const { id, runId } of await db.query(failing)) {
    paused.push(...(await db.query(pause, [id, pausedReason, newId(), runId])));
  }
  return paused;
}
