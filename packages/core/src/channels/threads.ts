/** Threads of a platform and the conversations that are held in them: one at a time. */
import { createHash } from 'node:crypto';
import type { Address, Place } from '@nightshift/contracts';
import { type Database, newId, statement } from '../database/index.ts';

type Query = Pick<Database, 'query'>;

const begin = statement<{ id: string; agent_id: string }>(`
  INSERT INTO conversation (id, team_id, agent_id, channel_id, thread, thread_key, direct, title, place)
  SELECT $1, $2, a.id, $4, $5, $6, $7, $8, $9 FROM agent a WHERE a.id = $3 AND a.team_id = $2 AND a.deleted_at IS NULL
  ON CONFLICT (channel_id, thread_key) WHERE left_at IS NULL DO UPDATE SET thread = excluded.thread
  RETURNING id, agent_id`);

export interface NewThread {
  teamId: string;
  channelId: string;
  thread: object;
  threadKey: string;
  direct: boolean;
  title: string | null;
  /** For people. */
  place: Place;
}

/** The thread's conversation, made when there is none; null: there is no such agent. */
export async function beginThread(
  db: Query,
  agentId: string,
  { teamId, channelId, thread, threadKey, direct, title, place: where }: NewThread,
): Promise<{ id: string; agentId: string } | null> {
  const [row] = await db.query(begin, [
    newId(),
    teamId,
    agentId,
    channelId,
    JSON.stringify(thread),
    threadKey,
    direct,
    title,
    JSON.stringify(where),
  ]);
  return row ? { id: row.id, agentId: row.agent_id } : null;
}

const leave = statement(`UPDATE conversation SET left_at = now() WHERE id = $1 AND left_at IS NULL`);

/** The outbox lane of a thread: what is said there is said in order, whatever conversation it belongs to. */
export const threadLane = (channelId: string, threadKey: string) =>
  `${channelId}/${createHash('md5').update(threadKey).digest('hex')}`;

/** The same, in SQL. */
export const threadLaneSql = (channelId: string, threadKey: string) =>
  `${channelId} || '/' || md5(${threadKey})`;

/** Takes the thread away from its conversation, which stays readable. */
export async function leaveThread(db: Query, conversationId: string): Promise<void> {
  await db.query(leave, [conversationId]);
}

/** Where a conversation is held, for what shows that it is worked on. */
export interface ThreadPlace {
  thread: Address;
  direct: boolean;
  /** Of the channel's row: another one after each change of what it is connected with. */
  version: number;
}

const place = statement<ThreadPlace>(`
  SELECT c.thread, c.direct, h.version FROM conversation c JOIN channel h ON h.id = c.channel_id
  WHERE c.id = $1 AND h.status = 'active' AND h.deleted_at IS NULL AND (h.live OR NOT $2)`);

/**
 * Null: nothing goes out to its channel now.
 *
 * @param options.shown only where answers are shown while they are written
 */
export async function readThread(
  db: Database,
  conversationId: string,
  { shown = true }: { shown?: boolean } = {},
): Promise<ThreadPlace | null> {
  return (await db.query(place, [conversationId, shown]))[0] ?? null;
}
