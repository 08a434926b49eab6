/** A channel that the platform refuses says so, once, to whoever wants to be told. */
import { storable } from '@nightshift/contracts';
import { type Database, statement } from '../database/index.ts';

const mark = statement<{ name: string; lanes: string[] | null }>(`
  WITH marked AS (
    UPDATE channel SET status = 'attention', problem = $2::jsonb || jsonb_build_object('at', now()) WHERE id = $1 AND status = 'active' RETURNING id, team_id, name
  ), subscribed AS (
    SELECT w.id FROM marked, webhook w WHERE w.team_id = marked.team_id AND 'channel.attention' = ANY (w.events)
    FOR KEY SHARE OF w
  ), told AS (
    INSERT INTO delivery (team_id, lane, webhook_id, data, event)
    SELECT marked.team_id, w.id || '/' || marked.id, w.id, jsonb_build_object('channelId', marked.id), 'channel.attention' FROM marked, subscribed w
    RETURNING lane
  )
  SELECT marked.name, (SELECT array_agg(lane) FROM told) AS lanes FROM marked`);

export interface ChannelTrouble {
  code: string;
  message: string;
}

/** @returns the outbox lanes to wake; null: somebody has marked it before, or paused it */
export async function markAttention(
  db: Database,
  channelId: string,
  problem: ChannelTrouble,
): Promise<string[] | null> {
  const [row] = await db.query(mark, [channelId, JSON.stringify(storable(problem))]);
  return row ? (row.lanes ?? []) : null;
}

const clear = statement(`
  UPDATE channel SET status = 'active', problem = NULL, epoch = epoch + 1, lease_until = NULL, lease_owner = NULL
  WHERE id = $1 AND status = 'attention'`);

/** The platform takes us again. */
export async function clearAttention(db: Database, channelId: string): Promise<void> {
  await db.query(clear, [channelId]);
  await hurryDeliveries(db, channelId);
}

const hurry = statement(`
  UPDATE delivery SET due_at = now() WHERE channel_id = $1 AND status = 'pending' AND due_at > now()`);

/** What waits for its next attempt, which may be a quarter of an hour away, is tried now: the sweep finds it. */
export async function hurryDeliveries(db: Database, channelId: string): Promise<void> {
  await db.query(hurry, [channelId]);
}
