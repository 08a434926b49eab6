/**
 * What is said in groups without addressing the agent. A little of it is kept for a day, so that the agent knows what was
 * said before when somebody addresses it. Only people whom the agent would answer are kept: what is shown to the agent
 * can steer it.
 */
import { createHash } from 'node:crypto';
import { cutText, type IdentityStatus, type MessageEvent, shortenText } from '@nightshift/contracts';
import { identityKey, isFollowUp } from '../channels/index.ts';
import { type Database, type GatheringStatement, statement } from '../database/index.ts';
import type { EventScope } from './accept-events.ts';
import { isOwnAccount } from './accept-statements.ts';
import { roomLimits } from './room-statements.ts';

const maxLineLength = 2_000;

const { lines: maxLines, characters: maxCharacters, hours } = roomLimits;

/** At once: more than come in two statements. */
const maxTrimmed = 200;

/** Of one channel, for platforms with many threads. */
const maxOfChannel = 5_000;

const hash = (...parts: readonly (string | null)[]) =>
  createHash('md5').update(JSON.stringify(parts)).digest('hex');

/** The room or thread that an event belongs to; null: it is between one person and us. */
export function bucketOf(
  event: Pick<MessageEvent, 'direct' | 'where' | 'group' | 'workspace' | 'threadKey'>,
) {
  const { direct, where, group = null, workspace = null, threadKey } = event;
  if (direct) return null;
  const thread = hash('thread', threadKey);
  // Where an adapter does not tell threads from rooms, each thread is kept for itself.
  const isPart = where?.kind === 'thread' || where?.kind === 'topic';
  const isRoom = where !== undefined && !isPart && group !== null;
  return isRoom ? { bucket: hash('room', workspace, group), opens: thread } : { bucket: thread, opens: null };
}

/** In SQL: whether conversation `c` is the agent's own thread, in which follow-ups need no mention. */
export const isOwnThread = (c: string) => `
  (EXISTS (SELECT FROM message m WHERE m.conversation_id = ${c}.id AND m.role = 'assistant')
    OR coalesce((SELECT m.context->'where'->>'kind' <> 'thread' FROM message m
      WHERE m.conversation_id = ${c}.id AND m.role = 'user' ORDER BY m.seq LIMIT 1), false))`;

type Outcome = 'not_addressed' | 'follow_up' | 'duplicate';

// In the order in which they came, which is how they are shown. Two statements that insert the same events in another order
// can block each other; the one that PostgreSQL ends is then repeated. Old rows that another statement is at are
// left to it.
const note: GatheringStatement<{ outcome: Outcome }> = statement(`
  WITH item AS (
    SELECT i.*, i.ordinality::int AS item
    FROM ROWS FROM (jsonb_to_recordset($1::jsonb) AS (team_id uuid, channel_id uuid, external_id text, thread_key text,
      bucket text, opens text, ref text, sender_id text, sender_name text, body text, statuses text[], keeps boolean,
      follows boolean, programs boolean, version int)) WITH ORDINALITY AS i
      -- Nobody's copy of the channel decides.
      JOIN channel h ON h.id = i.channel_id AND (i.version IS NULL OR h.version = i.version) AND h.status <> 'paused'
        AND h.deleted_at IS NULL
  ), known AS (
    SELECT i.*, coalesce(i.sender_name, d.name) AS name,
      EXISTS (SELECT FROM inbound_event e
        WHERE e.team_id = i.team_id AND e.source = i.channel_id::text AND e.external_id = i.external_id) AS is_duplicate,
      coalesce(d.status::text, 'pending') = ANY (i.statuses) AS is_heard, ${isOwnAccount('i.channel_id', 'i.sender_id')} AS is_own,
      i.follows AND c.id IS NOT NULL AND ${isOwnThread('c')} AS is_follow_up
    FROM item i LEFT JOIN identity d ON d.channel_id = i.channel_id AND d.external_id = i.sender_id
      LEFT JOIN conversation c ON i.follows AND c.channel_id = i.channel_id AND c.thread_key = i.thread_key AND c.left_at IS NULL
  ), kept AS (
    INSERT INTO room_message (channel_id, bucket, opens, external_id, ref, sender, name, text)
    SELECT channel_id, bucket, opens, external_id, ref, sender_id, name, body FROM known
    WHERE keeps AND is_heard AND (programs OR NOT is_own) AND NOT is_duplicate AND (is_own OR NOT is_follow_up) ORDER BY item
    ON CONFLICT (channel_id, external_id) DO NOTHING
    RETURNING channel_id, bucket
  ), old AS (
    -- By arrays and LATERAL, which leave the planner no way but the indexes.
    SELECT position FROM room_message WHERE position = ANY (ARRAY(
      SELECT n.position
      FROM (SELECT DISTINCT channel_id, bucket FROM kept) AS k CROSS JOIN LATERAL (
        SELECT x.*, row_number() OVER newest AS nth, sum(length(x.text)) OVER newest AS characters
        FROM (
          SELECT position, created_at, text FROM room_message
          WHERE channel_id = k.channel_id AND bucket = k.bucket ORDER BY position DESC LIMIT ${maxTrimmed}
        ) AS x WINDOW newest AS (ORDER BY x.position DESC)
      ) AS n
      WHERE n.nth >= ${maxLines} OR n.characters > ${maxCharacters} OR n.created_at < now() - interval '${hours} hours'
    )) FOR UPDATE SKIP LOCKED
  ), trimmed AS (
    DELETE FROM room_message WHERE position = ANY (ARRAY(SELECT position FROM old))
  )
  SELECT item, CASE WHEN is_duplicate THEN 'duplicate' WHEN is_follow_up AND is_heard AND NOT is_own THEN 'follow_up' ELSE 'not_addressed' END AS outcome
  FROM known`);

/**
 * What becomes of a message in a group that does not address the agent.
 *
 * `not_addressed`: nothing more; it is kept for a while, where the channel allows it. `follow_up`: it is for the agent all
 * the same. `duplicate`: it was accepted before, through another event. Null: the channel is not the
 * version any more that the scope names.
 */
export async function noteUnaddressed(
  db: Pick<Database, 'gatherRelaxed'> | Pick<Database, 'query'>,
  { id, teamId, access, version }: Pick<EventScope, 'id' | 'teamId' | 'access'> & { version?: number },
  event: MessageEvent,
  statuses: readonly IdentityStatus[],
): Promise<Outcome | null> {
  const { sender, threadKey, externalId, messageId } = event;
  const place = bucketOf(event);
  const body = bodyOf(event);
  const keeps = access.groups.context !== false && place !== null && body !== '' && statuses.length > 0;
  const follows = isFollowUp(access, event);
  const item = {
    ...{ team_id: teamId, channel_id: id, external_id: externalId, thread_key: threadKey, ...place },
    ref: messageId,
    sender_id: identityKey(sender),
    sender_name: sender.name,
    body,
    statuses,
    keeps,
    follows,
    programs: access.programs === 'answer',
    version,
  };
  // A crash of the database empties the table anyway: nobody waits for the disk.
  const row =
    'gatherRelaxed' in db
      ? await db.gatherRelaxed(note, item)
      : (await db.query(note, [JSON.stringify([item])]))[0];
  return row?.outcome ?? null;
}

function bodyOf({ text, attachments = [] }: MessageEvent): string {
  const files = attachments.slice(0, 5).map(({ name }) => `[File ${JSON.stringify(cutText(name, 100))}]`);
  return [shortenText(text.trim(), maxLineLength), ...files].filter(Boolean).join(' ');
}

// Conversations that were shown it keep their own copy.
const amend = statement<{ position: string }>(`
  WITH said AS (
    SELECT r.position, r.shown_in FROM room_message r
    WHERE r.channel_id = $1 AND r.ref = $2 AND ($4::text IS NULL OR r.sender = $4) FOR UPDATE OF r
  ), copies AS (
    UPDATE message m SET context = jsonb_set(m.context, '{before}', coalesce((
      SELECT jsonb_agg(CASE WHEN line->>'ref' = $2 THEN jsonb_set(line, '{text}', to_jsonb($3::text)) ELSE line END ORDER BY nth)
      FROM jsonb_array_elements(m.context->'before') WITH ORDINALITY AS line (line, nth)
      WHERE $3::text IS NOT NULL OR line->>'ref' IS DISTINCT FROM $2), '[]'))
    FROM said WHERE m.conversation_id = ANY (said.shown_in) AND m.context->'before' @> jsonb_build_array(jsonb_build_object('ref', $2::text))
  ), changed AS (
    UPDATE room_message r SET text = $3 FROM said WHERE $3::text IS NOT NULL AND r.position = said.position
  ), gone AS (
    DELETE FROM room_message r USING said WHERE $3::text IS NULL AND r.position = said.position
  )
  SELECT position FROM said`);

/** Its sender changed it, or took it back (`text` null). @returns false: it is not kept */
export async function amendRoomMessage(
  db: Pick<Database, 'query'>,
  channelId: string,
  { messageId, text, by }: { messageId: string; text: string | null; by: string | null },
): Promise<boolean> {
  const cut = text === null ? null : shortenText(text, maxLineLength);
  return (await db.query(amend, [channelId, messageId, cut, by])).length > 0;
}

const forget = statement(`DELETE FROM room_message WHERE channel_id = $1 AND (bucket = $2 OR opens = $2)`);

/** Somebody began a new conversation there: it starts without what was said before. */
export async function forgetRoom(
  db: Pick<Database, 'query'>,
  channelId: string,
  event: Parameters<typeof bucketOf>[0],
): Promise<void> {
  const place = bucketOf(event);
  if (place) await db.query(forget, [channelId, place.bucket]);
}

const prune = statement(`
  WITH old AS (
    SELECT position FROM room_message WHERE created_at < now() - interval '${hours} hours'
    UNION
    SELECT position FROM (
      SELECT position, row_number() OVER (PARTITION BY channel_id ORDER BY position DESC) AS nth FROM room_message
    ) AS r WHERE nth > ${maxOfChannel}
  ), locked AS (
    SELECT r.position FROM room_message r JOIN old ON old.position = r.position FOR UPDATE OF r SKIP LOCKED
  )
  DELETE FROM room_message r USING locked WHERE r.position = locked.position`);

/** Removes what is older than a day, and of each channel all but the newest. */
export async function pruneRoomMessages(db: Pick<Database, 'query'>): Promise<void> {
  await db.query(prune);
}
