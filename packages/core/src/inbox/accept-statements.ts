/** The statements that take in what was said: an inbound event, a message and its run, all of it or nothing. */
import { type GatheringStatement, statement } from '../database/index.ts';
import { alikeLength, hasSuspects } from './loop-guard.ts';
import { contextWithRoom, roomLines } from './room-statements.ts';

/** Counting stops here: behind so many, one more makes no difference. */
const backlogBound = 128;

const countOpen = (where: string) =>
  `(SELECT count(*) FROM (SELECT FROM run WHERE ${where} AND status IN ('queued', 'running') LIMIT ${backlogBound}) AS open)`;

// What the same agent has open counts in full, what the rest of the team has open an eighth: a flooded agent holds up
// itself first, its team a little, and other teams not at all.
const crowd = `
  crowd AS (
    SELECT team_id, agent_id, (${countOpen('team_id = lines.team_id AND agent_id = lines.agent_id')} +
      ${countOpen('team_id = lines.team_id AND agent_id <> lines.agent_id')} / 8)::int AS backlog
    FROM (SELECT DISTINCT team_id, agent_id FROM fresh) AS lines
  )`;

// Takes many at once. Two that are the same event meet on the unique index, also in one statement: the first is taken.
export const acceptNew: GatheringStatement<{ due_in_ms: number; backlog: number }> = statement(`
  WITH target AS (
    SELECT i.*, i.ordinality::int AS item, CASE WHEN i.trigger <> 'schedule' THEN a.debounce_ms ELSE 0 END AS due_in_ms
    FROM ROWS FROM (jsonb_to_recordset($1::jsonb) AS (event_id uuid, team_id uuid, source text, external_id text,
      conversation_id uuid, message_id uuid, run_id uuid, agent_id uuid, title text, trigger run_trigger, trace_id text,
      api_key_id uuid, schedule_id uuid, content jsonb, earlier jsonb, brought jsonb, options jsonb)) WITH ORDINALITY AS i
    JOIN agent a ON a.id = i.agent_id AND a.team_id = i.team_id AND a.deleted_at IS NULL
  ), event AS (
    INSERT INTO inbound_event (id, team_id, source, external_id, conversation_id, message_id)
    SELECT event_id, team_id, source, external_id, conversation_id, message_id FROM target
    -- In one order, so that two statements with the same events do not wait for each other.
    ORDER BY team_id, source, external_id
    ON CONFLICT (team_id, source, external_id) DO NOTHING
    RETURNING id
  ), fresh AS (
    SELECT target.* FROM target JOIN event ON event.id = target.event_id
  ), lane AS (
    INSERT INTO conversation (id, team_id, agent_id, title, next_seq)
    SELECT conversation_id, team_id, agent_id, title, jsonb_array_length(earlier) + 2 FROM fresh
  ), opened AS (
    INSERT INTO run (id, team_id, agent_id, conversation_id, trigger, trace_id, api_key_id, schedule_id, options, due_at)
    SELECT run_id, team_id, agent_id, conversation_id, trigger, trace_id, api_key_id, schedule_id, options,
      now() + due_in_ms * interval '1 millisecond'
    FROM fresh
  ), brought AS (
    INSERT INTO file (id, team_id, conversation_id, name, media_type, status, source, bytes, sha256, data)
    SELECT f.id, fresh.team_id, fresh.conversation_id, f.name, f.media_type, 'ready', '{}', f.bytes,
      decode(f.sha256, 'base64'), decode(f.data, 'base64')
    FROM fresh, jsonb_to_recordset(fresh.brought) AS f (id uuid, name text, media_type text, bytes int, sha256 text, data text)
  ), earlier AS (
    INSERT INTO message (id, conversation_id, seq, role, content)
    SELECT (e.value->>'id')::uuid, fresh.conversation_id, e.ordinality, (e.value->>'role')::message_role, e.value->'content'
    FROM fresh, jsonb_array_elements(fresh.earlier) WITH ORDINALITY AS e (value, ordinality)
  ), said AS (
    INSERT INTO message (id, conversation_id, seq, role, content, run_id)
    SELECT message_id, conversation_id, jsonb_array_length(earlier) + 1, 'user', content, run_id FROM fresh
  ), ${crowd}
  SELECT item, due_in_ms, backlog FROM fresh JOIN crowd USING (team_id, agent_id)`);

export type AcceptedRow = {
  conversation_id: string;
  message_id: string;
  run_id: string;
  steered: boolean;
  interrupted_run_id: string | null;
  due_in_ms: number | null;
  backlog: number;
};

/** What each item of the statements below is made of, and how the database reads it. */
const itemColumns = `event_id uuid, team_id uuid, source text, external_id text, conversation_id uuid, message_id uuid, run_id uuid,
  agent_id uuid, trigger run_trigger, trace_id text, api_key_id uuid, schedule_id uuid, channel_id uuid, identity_id uuid,
  person_id uuid, type text, ref text, album text, content jsonb, files jsonb, thread jsonb, bot_turns int, hold_ms int,
  guest boolean, vouched boolean, context jsonb, bucket text`;

const itemNames = itemColumns.split(',').map((column) => column.trim().split(' ')[0]!);

const columnsOf = (from: string, instead: Readonly<Record<string, string>> = {}) =>
  itemNames.map((name) => (instead[name] ? `${instead[name]} AS ${name}` : `${from}.${name}`)).join(', ');

/**
 * Whose conversation `c` is after what was `told`: the team's (null), one guest's (their person), or everybody's who speaks
 * in it (its own id). The last is a group, a speaker whom nobody vouches for, and a chat of two that several speak in: what
 * one of them says can steer what is done for the next, so it stays so. A guest may be approved meanwhile.
 */
const guestAfter = `CASE
  WHEN told.guest IS NULL THEN c.guest_id
  WHEN NOT told.guest THEN CASE WHEN c.guest_id IS NOT NULL AND NOT (c.direct AND c.guest_id IS NOT DISTINCT FROM told.speaker_id) THEN c.id END
  WHEN c.direct AND coalesce(c.guest_id, told.speaker_id) = told.speaker_id THEN told.speaker_id
  ELSE c.id END`;

// A run keeps the rights that it began with, so only those join it who have the same.
const steerableAfter = `CASE WHEN ${guestAfter} IS NOT DISTINCT FROM c.guest_id THEN c.steerable_run_id END`;

/**
 * Adds to conversations. `target` says to which: of each item of the CTE `item` its columns, with `queue_mode` and
 * `debounce_ms` of the agent.
 *
 * Updating a conversation's row takes its lock, and what the row says then is what counts: a run that ends takes the same
 * lock, so a message either joins it before it ends, or finds it gone and opens the next one. Rows are locked in one
 * order, so that two statements with the same events or conversations do not wait for each other.
 *
 * A run that waits to start collects every message that comes before it does: the unique index on the conversation's
 * collecting run makes two senders at once agree on it. A schedule's fire is a turn of its own, whatever the agent is at.
 */
const acceptInto = ({
  columns = '',
  target,
  also = '',
}: {
  columns?: string;
  target: string;
  also?: string;
}) => `
  WITH item AS (
    SELECT i.*, i.ordinality::int AS item
    FROM ROWS FROM (jsonb_to_recordset($1::jsonb) AS (${itemColumns}${columns})) WITH ORDINALITY AS i
  ), target AS (${target}), event AS (
    INSERT INTO inbound_event (id, team_id, source, external_id, conversation_id, message_id, channel_id, identity_id, type, ref, album)
    SELECT event_id, team_id, source, external_id, conversation_id, message_id, channel_id, identity_id, type, ref, album
    FROM target ORDER BY team_id, source, external_id
    ON CONFLICT (team_id, source, external_id) DO NOTHING
    RETURNING id
  ), fresh AS (
    SELECT target.*, row_number() OVER (PARTITION BY target.conversation_id ORDER BY target.item)::int AS nth
    FROM target JOIN event ON event.id = target.event_id
  ), told AS (
    SELECT conversation_id, max(nth) AS count, bool_and(trigger <> 'schedule') AS joins, max(hold_ms) AS hold_ms,
      (array_agg(thread ORDER BY nth DESC))[1] AS thread, (array_agg(bot_turns ORDER BY nth DESC))[1] AS bot_turns,
      (array_agg(context->'where' ORDER BY nth DESC) FILTER (WHERE context ? 'where'))[1] AS place, bool_or(guest) AS guest,
      CASE WHEN count(DISTINCT person_id) = 1 AND bool_and(vouched) THEN (array_agg(person_id))[1] END AS speaker_id
    FROM fresh GROUP BY conversation_id
  ), held AS (
    SELECT c.id FROM conversation c JOIN told ON told.conversation_id = c.id ORDER BY c.id FOR NO KEY UPDATE OF c
  ), lane AS (
    UPDATE conversation c SET next_seq = c.next_seq + told.count, updated_at = now(),
      thread = coalesce(told.thread, c.thread), place = coalesce(told.place, c.place), bot_turns = coalesce(told.bot_turns, c.bot_turns),
      guest_id = ${guestAfter}, steerable_run_id = ${steerableAfter},
      steered_seq = CASE WHEN told.joins AND ${steerableAfter} IS NOT NULL THEN c.next_seq + told.count - 1 ELSE c.steered_seq END
    FROM held JOIN told ON told.conversation_id = held.id WHERE c.id = held.id
    RETURNING c.id, c.next_seq - told.count AS seq, told.joins, told.hold_ms,
      CASE WHEN told.joins THEN c.steerable_run_id END AS joined_run_id
  ), interrupted AS (
    UPDATE run r SET cancel_requested_at = now()
    FROM lane JOIN fresh ON fresh.conversation_id = lane.id AND fresh.nth = 1
    WHERE lane.joins AND fresh.queue_mode = 'interrupt' AND r.conversation_id = lane.id
      AND r.status = 'running' AND r.cancel_requested_at IS NULL
    RETURNING r.id, r.conversation_id
  ), opened AS (
    INSERT INTO run (id, team_id, agent_id, conversation_id, trigger, trace_id, api_key_id, schedule_id, person_id, due_at)
    SELECT f.run_id, f.team_id, f.agent_id, lane.id, f.trigger, f.trace_id, f.api_key_id, f.schedule_id, f.person_id,
      now() + CASE WHEN lane.joins THEN greatest(f.debounce_ms, lane.hold_ms) ELSE 0 END * interval '1 millisecond'
    FROM lane JOIN fresh f ON f.conversation_id = lane.id AND f.nth = 1 WHERE lane.joined_run_id IS NULL
    ON CONFLICT (conversation_id) WHERE status = 'queued' AND attempt = 1 AND trigger <> 'schedule' AND waiting IS NULL
    DO UPDATE SET conversation_id = excluded.conversation_id
    RETURNING id, conversation_id, due_at
  ), attached AS (
    INSERT INTO file (id, team_id, conversation_id, name, media_type, bytes, source)
    SELECT a.id, fresh.team_id, fresh.conversation_id, a.name, a.media_type, a.bytes, a.source
    FROM fresh, jsonb_to_recordset(fresh.files) AS a (id uuid, name text, media_type text, bytes int, source jsonb)
  ), ${roomLines}, said AS (
    INSERT INTO message (id, conversation_id, seq, role, content, run_id, person_id, context)
    SELECT f.message_id, lane.id, lane.seq + f.nth - 1, 'user', f.content, coalesce(lane.joined_run_id, opened.id), f.person_id,
      ${contextWithRoom('f')}
    FROM fresh f JOIN lane ON lane.id = f.conversation_id LEFT JOIN opened ON opened.conversation_id = lane.id
    RETURNING id, run_id
  ), ${also} ${crowd}
  SELECT f.item, f.conversation_id, f.message_id, said.run_id, lane.joined_run_id IS NOT NULL AS steered,
    interrupted.id AS interrupted_run_id, crowd.backlog,
    greatest(0, ceil(extract(epoch FROM opened.due_at - now()) * 1000))::int AS due_in_ms
  FROM fresh f JOIN lane ON lane.id = f.conversation_id JOIN said ON said.id = f.message_id
    JOIN crowd ON crowd.team_id = f.team_id AND crowd.agent_id = f.agent_id
    LEFT JOIN opened ON opened.conversation_id = lane.id LEFT JOIN interrupted ON interrupted.conversation_id = lane.id`;

/** To the conversation that each item names. */
export const acceptNext: GatheringStatement<AcceptedRow> = statement(
  acceptInto({
    target: `
    SELECT i.*, a.queue_mode, a.debounce_ms
    FROM item i JOIN conversation c ON c.id = i.conversation_id AND c.team_id = i.team_id AND c.agent_id = i.agent_id
      JOIN agent a ON a.id = c.agent_id AND a.deleted_at IS NULL`,
  }),
);

/**
 * How many messages of people came within a minute, counted up to a number. Most threads have not even had so many
 * messages of any kind, which one look tells.
 */
export const recentMessages = (conversation: string, most: string) => `
  CASE WHEN EXISTS (SELECT FROM message m WHERE m.conversation_id = ${conversation}.id
    AND m.seq = ${conversation}.next_seq - ${most} AND m.created_at > now() - interval '1 minute')
  THEN (SELECT count(*)::int FROM (SELECT m.created_at FROM message m WHERE m.conversation_id = ${conversation}.id AND m.role = 'user'
    ORDER BY m.seq DESC LIMIT ${most}) AS m WHERE m.created_at > now() - interval '1 minute')
  ELSE 0 END`;

/** When an identity's row does not say what is known now. The time is kept to the minute. */
export const isStale = (identity: string, name: string) =>
  `(${identity}.last_seen_at < now() - interval '1 minute' OR (${name} IS NOT NULL AND ${identity}.name IS DISTINCT FROM ${name}))`;

/**
 * Whether a program might be at it in a conversation, and what was said there is to be looked at (`loop-guard.ts`): much was
 * said lately, and this comes soon after our answer or begins like what was said before, or is already counted. One
 * or two looks tell most conversations apart. `hint` has the columns of `GuardHint`.
 */
export const isBusy = (conversation: string, hint: string) => `
  (EXISTS (SELECT FROM message m WHERE m.conversation_id = ${conversation}.id AND m.seq = ${conversation}.next_seq - 8
      AND m.created_at > now() - interval '10 minutes')
    AND (${conversation}.bot_turns > 0 OR EXISTS (
      SELECT FROM message m
      WHERE m.conversation_id = ${conversation}.id AND m.seq BETWEEN ${conversation}.next_seq - 3 AND ${conversation}.next_seq - 1
        AND (m.seq = ${conversation}.next_seq - 1 AND m.role = 'assistant'
            AND m.created_at > now() - ${hint}.quick_ms * interval '1 millisecond'
          OR m.role = 'user'
            AND regexp_replace(lower(left(m.content->0->>'text', ${alikeLength})), '\\d+', '0', 'g') = ${hint}.alike))))`;

/** Whether a sender of a channel is the account of another channel of the same kind. */
export const isOwnAccount = (channelId: string, key: string) => `
  EXISTS (SELECT FROM channel o WHERE o.own_ids @> ARRAY[${key}] AND o.id <> ${channelId} AND o.deleted_at IS NULL
    AND o.kind = (SELECT kind FROM channel WHERE id = ${channelId}))`;

/**
 * To the conversation that is held in each item's thread, if its sender is known and has one of the `statuses`. For the
 * others there is no row.
 */
export const acceptHeard: GatheringStatement<AcceptedRow> = statement(
  acceptInto({
    columns: `, thread_key text, sender_id text, sender_name text, statuses text[], version int, per_minute int, quick_ms int, alike text,
      listed boolean`,
    target: `
    SELECT * FROM (
      SELECT ${columnsOf('i', {
        conversation_id: 'c.id',
        agent_id: 'c.agent_id',
        identity_id: 'd.id',
        person_id: 'd.person_id',
        vouched: 'd.vouched',
        guest: "CASE WHEN c.direct THEN d.status <> 'approved' AND NOT i.listed ELSE i.guest END",
      })},
        i.item, i.sender_name, i.per_minute, ${isStale('d', 'i.sender_name')} AS stale, a.queue_mode, a.debounce_ms,
        ${recentMessages('c', 'i.per_minute')} + row_number() OVER (PARTITION BY c.id ORDER BY i.item) AS recent
      FROM item i JOIN identity d ON d.channel_id = i.channel_id AND d.external_id = i.sender_id AND d.status::text = ANY (i.statuses)
          AND d.person_id IS NOT NULL
        JOIN conversation c ON c.channel_id = i.channel_id AND c.thread_key = i.thread_key AND c.left_at IS NULL
          AND NOT ${hasSuspects('c')} AND NOT ${isBusy('c', 'i')}
        JOIN agent a ON a.id = c.agent_id AND a.deleted_at IS NULL
        JOIN channel h ON h.id = i.channel_id AND h.version = i.version AND h.status <> 'paused' AND h.deleted_at IS NULL
      WHERE NOT ${isOwnAccount('i.channel_id', 'i.sender_id')}
    ) AS heard WHERE recent <= per_minute`,
    // One that another statement has just at hand is not waited for.
    also: `
  stale AS (
    SELECT d.id FROM identity d JOIN fresh ON fresh.identity_id = d.id WHERE fresh.stale FOR NO KEY UPDATE OF d SKIP LOCKED
  ), seen AS (
    UPDATE identity d SET last_seen_at = now(), name = coalesce(fresh.sender_name, d.name)
    FROM stale JOIN fresh ON fresh.identity_id = stale.id WHERE d.id = stale.id
  ),`,
  }),
);
