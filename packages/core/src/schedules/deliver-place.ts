/** Schedules whose answers go to a place of a channel: which conversation they are given in there. */
import type { Address, ChannelPlace } from '@nightshift/contracts';
import { beginThread } from '../channels/threads.ts';
import { type Database, newId, statement } from '../database/index.ts';
import { notFound } from '../errors/index.ts';

/** The main line of a place, as its adapter addresses it. */
export interface PlaceTarget {
  channelId: string;
  thread: Address;
  threadKey: string;
  direct: boolean;
  place: ChannelPlace;
}

/** Where a schedule's answers go. */
export type Delivery = { conversationId: string } | PlaceTarget;

export const isPlace = (delivery: Delivery): delivery is PlaceTarget => 'threadKey' in delivery;

interface Speaker {
  teamId: string;
  agentId: string;
  /** Of the schedule: a conversation that it begins is called so. */
  name: string;
  /** The one that it was given in before. */
  conversationId: string | null;
}

type Query = Pick<Database, 'query'>;

const current = statement<{ id: string; agentId: string; left: boolean }>(`
  SELECT id, agent_id AS "agentId", left_at IS NOT NULL AS left FROM conversation
  WHERE channel_id = $1 AND thread_key = $2 AND (left_at IS NULL OR id = $3)`);

// It is held there, though not the one that people's messages go to.
const speakThere = statement<{ id: string }>(`
  INSERT INTO conversation (id, team_id, agent_id, channel_id, thread, thread_key, direct, title, left_at)
  SELECT $1, $2, a.id, $4, $5, $6, $7, $8, now() FROM agent a
  WHERE a.id = $3 AND a.team_id = $2 AND a.deleted_at IS NULL RETURNING id`);

const nameIt = statement(`UPDATE conversation SET place = $2 WHERE id = $1 AND place IS NULL`);

/**
 * The conversation of an agent at a place: the one that is held there, so that people can ask on. Where another agent has
 * that, one beside it.
 *
 * @throws {DomainError} not_found: there is no such agent any more
 */
export async function conversationAt(
  db: Query,
  { teamId, agentId, name, conversationId }: Speaker,
  { channelId, thread, threadKey, direct, place }: PlaceTarget,
): Promise<string> {
  const there = await db.query(current, [channelId, threadKey, conversationId]);
  const open = there.find(({ left }) => !left);
  if (open?.agentId === agentId) return open.id;
  const begun = open
    ? undefined
    : await beginThread(db, agentId, { teamId, channelId, thread, threadKey, direct, title: name, place });
  if (begun === null) throw notFound('agent');
  let id =
    begun?.agentId === agentId ? begun.id : there.find((each) => each.left && each.agentId === agentId)?.id;
  if (!id) {
    const values = [newId(), teamId, agentId, channelId, JSON.stringify(thread), threadKey, direct, name];
    id = (await db.query(speakThere, values))[0]?.id;
  }
  if (!id) throw notFound('agent');
  if (place.name !== null)
    await db.query(nameIt, [id, JSON.stringify({ kind: place.kind, name: place.name })]);
  return id;
}

const follow = statement(`
  UPDATE schedule SET conversation_id = $2, deliver_to = jsonb_build_object('conversationId', $2::text)
  WHERE id = $1 AND deliver_place IS NOT NULL AND conversation_id IS DISTINCT FROM $2::uuid`);

/** The conversation that a slot of the schedule is told in now: somebody may have begun another one there. */
export async function conversationNow(
  db: Query,
  schedule: Speaker & { scheduleId: string },
  target: PlaceTarget,
): Promise<string> {
  const id = await conversationAt(db, schedule, target);
  if (id !== schedule.conversationId) await db.query(follow, [schedule.scheduleId, id]);
  return id;
}
