/**
 * The inbox: the one way in. Whatever the door, what somebody said becomes an inbound event, a message and a run
 * that will answer it, in one statement: either all of it is committed, or nothing.
 */
import { type RunTrigger, type StoredPart, textOf } from '@nightshift/contracts';
import { type Database, type GatheringStatement, newId, statement } from '../database/index.ts';
import { notFound } from '../errors/index.ts';

export interface Inbound {
  teamId: string;
  /** The door: `api`, or a channel's id. */
  source: string;
  /** The sender's id of this event. The same one again is dropped. Absent: the event cannot be redelivered. */
  externalId?: string | undefined;
  content: readonly StoredPart[];
  trigger: RunTrigger;
  traceId?: string | undefined;
  /** The API key it came with, or the schedule that says it, for the accounts. */
  apiKeyId?: string | undefined;
  scheduleId?: string | undefined;
  /** What a channel knows of it. */
  channel?: ChannelOrigin | undefined;
}

export interface ChannelOrigin {
  id: string;
  identityId: string;
  personId: string;
  /** What happened there: message, action. */
  type: string;
  /** The platform's id of the message. */
  ref: string | undefined;
}

export interface Accepted {
  conversationId: string;
  messageId: string;
  runId: string;
  /** The event had been accepted before; these are its ids. */
  duplicate: boolean;
  /** It joined a run that is under way, which will take it in: nobody needs to be woken. */
  steered: boolean;
  /** The run that it interrupts, for the caller to tell the worker that is at it. */
  interruptedRunId: string | null;
  /** When its run may begin, in milliseconds from now: the agent's debounce. */
  dueInMs: number;
  /** How much its agent and its team have open, up to a bound: its place in the queue, so that none starves another. */
  backlog: number;
}

/** What went before, where the sender brings a conversation along. */
export type Earlier = { role: 'system' | 'user' | 'assistant'; text: string };

type AcceptedRow = {
  conversation_id: string;
  message_id: string;
  run_id: string;
  steered: boolean;
  interrupted_run_id: string | null;
  due_in_ms: number;
  backlog: number;
};

/** Counting stops here: behind so many, one more makes no difference. */
const backlogBound = 128;

/** An agent with so much open needs no more wake-ups: its workers are busy, and sweep up the rest when they have room. */
export const busyBacklog = 64;

const countOpen = (where: string) =>
  `(SELECT count(*) FROM (SELECT FROM run WHERE ${where} AND status IN ('queued', 'running') LIMIT ${backlogBound}) AS open)`;

// What the same agent has open counts in full, what the rest of the team has open an eighth: a flooded agent holds up
// itself first, its team a little, and other teams not at all.
const backlogOf = (team: string, agent: string) =>
  `(${countOpen(`team_id = ${team} AND agent_id = ${agent}`)} + ${countOpen(`team_id = ${team} AND agent_id <> ${agent}`)} / 8)::int AS backlog`;

// Takes many at once. Two that are the same event meet on the unique index, also in one statement: the first is taken.
const acceptNew: GatheringStatement<Pick<AcceptedRow, 'due_in_ms' | 'backlog'>> = statement(`
  WITH target AS (
    SELECT i.*, i.ordinality::int AS item, CASE WHEN i.trigger <> 'schedule' THEN a.debounce_ms ELSE 0 END AS due_in_ms
    FROM ROWS FROM (jsonb_to_recordset($1::jsonb) AS (event_id uuid, team_id uuid, source text, external_id text,
      conversation_id uuid, message_id uuid, run_id uuid, agent_id uuid, title text, trigger run_trigger, trace_id text,
      api_key_id uuid, schedule_id uuid, content jsonb, earlier jsonb)) WITH ORDINALITY AS i
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
    INSERT INTO run (id, team_id, agent_id, conversation_id, trigger, trace_id, api_key_id, schedule_id, due_at)
    SELECT run_id, team_id, agent_id, conversation_id, trigger, trace_id, api_key_id, schedule_id,
      now() + due_in_ms * interval '1 millisecond'
    FROM fresh
  ), earlier AS (
    INSERT INTO message (id, conversation_id, seq, role, content)
    SELECT (e.value->>'id')::uuid, fresh.conversation_id, e.ordinality, (e.value->>'role')::message_role, e.value->'content'
    FROM fresh, jsonb_array_elements(fresh.earlier) WITH ORDINALITY AS e (value, ordinality)
  ), said AS (
    INSERT INTO message (id, conversation_id, seq, role, content, run_id)
    SELECT message_id, conversation_id, jsonb_array_length(earlier) + 1, 'user', content, run_id FROM fresh
  ), crowd AS (
    SELECT team_id, agent_id, ${backlogOf('lines.team_id', 'lines.agent_id')}
    FROM (SELECT DISTINCT team_id, agent_id FROM fresh) AS lines
  )
  SELECT item, due_in_ms, backlog FROM fresh JOIN crowd USING (team_id, agent_id)`);

// Updating the conversation's row takes its lock, and what the row says then is what counts: a run that ends takes
// the same lock, so a message either joins it before it ends, or finds it gone and opens the next one.
//
// A run that waits to start collects every message that comes before it does: the unique index on the conversation's
// collecting run makes two senders at once agree on it.
const acceptNext = statement<AcceptedRow>(`
  WITH target AS (
    SELECT c.id, a.queue_mode, a.debounce_ms
    FROM conversation c JOIN agent a ON a.id = c.agent_id
    WHERE c.id = $5 AND c.team_id = $2 AND c.agent_id = $7 AND a.deleted_at IS NULL
  ), event AS (
    INSERT INTO inbound_event (id, team_id, source, external_id, conversation_id, message_id, channel_id, identity_id, type, ref)
    SELECT $1, $2, $3, $4, target.id, $6, $15, $16, $17, $18 FROM target
    ON CONFLICT (team_id, source, external_id) DO NOTHING
    RETURNING conversation_id
  ), lane AS (
    UPDATE conversation c SET next_seq = c.next_seq + 1, updated_at = now(),
      steered_seq = CASE WHEN $12 AND c.steerable_run_id IS NOT NULL THEN c.next_seq ELSE c.steered_seq END
    FROM event, target WHERE c.id = event.conversation_id
    RETURNING c.id, c.next_seq - 1 AS seq, target.queue_mode, target.debounce_ms,
      CASE WHEN $12 THEN c.steerable_run_id END AS joined_run_id
  ), interrupted AS (
    UPDATE run r SET cancel_requested_at = now()
    FROM lane WHERE $12 AND lane.queue_mode = 'interrupt' AND r.conversation_id = lane.id
      AND r.status = 'running' AND r.cancel_requested_at IS NULL
    RETURNING r.id
  ), opened AS (
    INSERT INTO run (id, team_id, agent_id, conversation_id, trigger, trace_id, api_key_id, schedule_id, person_id, due_at)
    SELECT $8, $2, $7, lane.id, $9::run_trigger, $10, $13, $14, $19, now() + CASE WHEN $12 THEN lane.debounce_ms ELSE 0 END * interval '1 millisecond'
    FROM lane WHERE lane.joined_run_id IS NULL
    ON CONFLICT (conversation_id) WHERE status = 'queued' AND attempt = 1 AND trigger <> 'schedule' AND waiting IS NULL
    DO UPDATE SET conversation_id = excluded.conversation_id
    RETURNING id, due_at
  )
  INSERT INTO message (id, conversation_id, seq, role, content, run_id, person_id)
  SELECT $6, lane.id, lane.seq, 'user', $11, coalesce(lane.joined_run_id, opened.id), $19
  FROM lane LEFT JOIN opened ON true
  RETURNING conversation_id, id AS message_id, run_id,
    (SELECT joined_run_id IS NOT NULL FROM lane) AS steered,
    (SELECT id FROM interrupted) AS interrupted_run_id,
    (SELECT greatest(0, ceil(extract(epoch FROM due_at - now()) * 1000))::int FROM opened) AS due_in_ms, ${backlogOf('$2', '$7')}`);

type DuplicateRow = Pick<AcceptedRow, 'conversation_id' | 'message_id' | 'run_id'>;

const findDuplicate = statement<DuplicateRow>(`
  SELECT e.conversation_id, e.message_id, m.run_id
  FROM inbound_event e JOIN message m ON m.id = e.message_id
  WHERE e.team_id = $1 AND e.source = $2 AND e.external_id = $3`);

const accepted = (row: AcceptedRow): Accepted => ({
  conversationId: row.conversation_id,
  messageId: row.message_id,
  runId: row.run_id,
  duplicate: false,
  steered: row.steered,
  interruptedRunId: row.interrupted_run_id,
  dueInMs: row.due_in_ms ?? 0,
  backlog: row.backlog,
});

async function earlierOrNotFound(
  db: Pick<Database, 'query'>,
  inbound: Inbound,
  externalId: string,
  missing: string,
): Promise<Accepted> {
  const [row] = await db.query(findDuplicate, [inbound.teamId, inbound.source, externalId]);
  if (!row) throw notFound(missing);
  return {
    conversationId: row.conversation_id,
    messageId: row.message_id,
    runId: row.run_id,
    duplicate: true,
    steered: false,
    interruptedRunId: null,
    dueInMs: 0,
    backlog: 0,
  };
}

const graphemes = new Intl.Segmenter();

/** The first words of a conversation, to tell it from others in a list. */
export function titleOf(content: Inbound['content']): string {
  const line = textOf(content).trim().split('\n', 1)[0] ?? '';
  if (line.length <= 60) return line;
  const first = [...graphemes.segment(line.slice(0, 400))].slice(0, 60);
  return first.map(({ segment }) => segment).join('');
}

/**
 * Begins a conversation with an agent.
 *
 * @throws {DomainError} not_found: no such agent in the team
 */
export async function acceptFirst(
  db: Database,
  inbound: Inbound & { agentId: string; earlier?: readonly Earlier[] },
): Promise<Accepted> {
  const eventId = newId();
  const externalId = inbound.externalId ?? eventId;
  const earlier = (inbound.earlier ?? []).map(({ role, text }) => ({
    id: newId(),
    role,
    content: [{ type: 'text', text }],
  }));
  const ids = { conversation_id: newId(), message_id: newId(), run_id: newId() };
  const row = await db.gather(acceptNew, {
    ...ids,
    event_id: eventId,
    team_id: inbound.teamId,
    source: inbound.source,
    external_id: externalId,
    agent_id: inbound.agentId,
    title: titleOf(inbound.content),
    trigger: inbound.trigger,
    trace_id: inbound.traceId,
    api_key_id: inbound.apiKeyId,
    schedule_id: inbound.scheduleId,
    content: inbound.content,
    earlier,
  });
  return row
    ? accepted({ ...row, ...ids, steered: false, interrupted_run_id: null })
    : earlierOrNotFound(db, inbound, externalId, 'agent');
}

/**
 * Adds to a conversation. `db` may be a transaction.
 *
 * @throws {DomainError} not_found: no such conversation of this agent in the team, or the agent was deleted
 */
export async function acceptReply(
  db: Pick<Database, 'query'>,
  inbound: Inbound & { agentId: string; conversationId: string },
): Promise<Accepted> {
  const eventId = newId();
  const externalId = inbound.externalId ?? eventId;
  const [row] = await db.query(acceptNext, [
    eventId,
    inbound.teamId,
    inbound.source,
    externalId,
    inbound.conversationId,
    newId(),
    inbound.agentId,
    newId(),
    inbound.trigger,
    inbound.traceId ?? null,
    JSON.stringify(inbound.content),
    // A schedule's fire is a turn of its own, whatever the agent is at.
    inbound.trigger !== 'schedule',
    inbound.apiKeyId ?? null,
    inbound.scheduleId ?? null,
    inbound.channel?.id ?? null,
    inbound.channel?.identityId ?? null,
    inbound.channel?.type ?? 'message',
    inbound.channel?.ref ?? null,
    inbound.channel?.personId ?? null,
  ]);
  return row ? accepted(row) : earlierOrNotFound(db, inbound, externalId, 'conversation of this agent');
}
