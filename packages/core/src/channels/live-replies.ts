/**
 * The message that shows an answer while it is written. Its row is made before it is sent and keeps what the platform
 * said of it, so that whoever takes the run over goes on with the same message, and the delivery of the answer ends in it.
 */
import { storable } from '@nightshift/contracts';
import { type Database, newId, statement } from '../database/index.ts';
import type { Lane } from '../runs/index.ts';
import { threadLaneSql } from './threads.ts';

export type Receipt = Record<string, string | number>;

export interface LiveReply {
  /** Also the idempotency key of its sending. */
  id: string;
  /** Null: it has not been sent. */
  receipt: Receipt | null;
}

/** The run's lane is held, and nothing that was said before waits to be sent: it would be overtaken. */
const may = `
  FROM conversation c JOIN channel h ON h.id = c.channel_id
  WHERE c.id = $1 AND c.epoch = $2 AND h.status = 'active' AND h.live AND h.deleted_at IS NULL
    AND coalesce(h.paused_until <= now(), true)
    AND NOT EXISTS (SELECT FROM delivery d WHERE d.lane = ${threadLaneSql('h.id', 'c.thread_key')} AND d.status IN ('pending', 'sending'))`;

const begin = statement<{ id: string; receipt: Receipt | null }>(`
  INSERT INTO live_reply (id, run_id, channel_id) SELECT $3, $4, h.id ${may}
  ON CONFLICT (run_id) WHERE delivery_id IS NULL DO UPDATE SET run_id = excluded.run_id
  RETURNING id, receipt`);

/**
 * The one of the answer that the run writes now. Null: there may be none now, or one was sent and nobody knows whether it
 * arrived.
 */
export async function beginLiveReply(db: Database, lane: Lane, runId: string): Promise<LiveReply | null> {
  const id = newId();
  const [row] = await db.query(begin, [lane.conversationId, lane.epoch, id, runId]);
  return row && (row.id === id || row.receipt) ? row : null;
}

const sent = statement(`UPDATE live_reply SET receipt = $2 WHERE id = $1`);

export async function keepReceipt(db: Database, id: string, receipt: Receipt): Promise<void> {
  await db.query(sent, [id, JSON.stringify(storable(receipt))]);
}

const drop = statement(`DELETE FROM live_reply WHERE id = $1 AND receipt IS NULL`);

/** It has certainly not arrived. */
export async function dropLiveReply(db: Database, id: string): Promise<void> {
  await db.query(drop, [id]);
}

const open = statement<{ id: string }>(`
  SELECT l.id FROM live_reply l JOIN run r ON r.id = l.run_id JOIN conversation c ON c.id = r.conversation_id
  WHERE l.id = $3 AND l.delivery_id IS NULL AND c.id = $1 AND c.epoch = $2`);

/** Whether it still shows an answer under way, and this worker still holds the lane. */
export async function isLive(db: Database, lane: Lane, id: string): Promise<boolean> {
  return (await db.query(open, [lane.conversationId, lane.epoch, id])).length > 0;
}
