/**
 * The inbox: the one way in. Whatever the door, what somebody said becomes an inbound event, a message and a run
 * that will answer it, in one statement: either all of it is committed, or nothing.
 */
import { type RunTrigger, textOf, type UserMessage } from '@nightshift/contracts';
import { type Database, newId, statement } from '../database/index.ts';
import { notFound } from '../errors/index.ts';

export interface Inbound {
  teamId: string;
  /** The door: `api`, or a channel's id. */
  source: string;
  /** The sender's id of this event. The same one again is dropped. Absent: the event cannot be redelivered. */
  externalId?: string | undefined;
  content: UserMessage['content'];
  trigger: RunTrigger;
  traceId?: string | undefined;
}

export interface Accepted {
  conversationId: string;
  messageId: string;
  runId: string;
  /** The event had been accepted before; these are its ids. */
  duplicate: boolean;
}

/** What went before, where the sender brings a conversation along. */
export type Earlier = { role: 'system' | 'user' | 'assistant'; text: string };

type AcceptedRow = { conversation_id: string; message_id: string; run_id: string };

const acceptNew = statement<AcceptedRow>(`
  WITH event AS (
    INSERT INTO inbound_event (id, team_id, source, external_id, conversation_id, message_id)
    SELECT $1, a.team_id, $3, $4, $5, $6 FROM agent a WHERE a.id = $7 AND a.team_id = $2 AND a.deleted_at IS NULL
    ON CONFLICT (team_id, source, external_id) DO NOTHING
    RETURNING conversation_id, message_id
  ), lane AS (
    INSERT INTO conversation (id, team_id, agent_id, title, next_seq)
    SELECT conversation_id, $2, $7, $8, jsonb_array_length($9::jsonb) + 2 FROM event
    RETURNING id
  ), opened AS (
    INSERT INTO run (id, team_id, agent_id, conversation_id, trigger, trace_id)
    SELECT $10, $2, $7, id, $11::run_trigger, $12 FROM lane
    RETURNING id
  ), earlier AS (
    INSERT INTO message (id, conversation_id, seq, role, content)
    SELECT (e.value->>'id')::uuid, lane.id, e.ordinality, (e.value->>'role')::message_role, e.value->'content'
    FROM lane, jsonb_array_elements($9::jsonb) WITH ORDINALITY AS e (value, ordinality)
  )
  INSERT INTO message (id, conversation_id, seq, role, content, run_id)
  SELECT $6, lane.id, jsonb_array_length($9::jsonb) + 1, 'user', $13, opened.id FROM lane, opened
  RETURNING conversation_id, id AS message_id, run_id`);

// A run that waits to start collects every message that comes before it does: the unique index on the
// conversation's collecting run makes two senders at once agree on it. Once it runs, a new one is opened.
const acceptNext = statement<AcceptedRow>(`
  WITH event AS (
    INSERT INTO inbound_event (id, team_id, source, external_id, conversation_id, message_id)
    SELECT $1, c.team_id, $3, $4, c.id, $6
    FROM conversation c JOIN agent a ON a.id = c.agent_id
    WHERE c.id = $5 AND c.team_id = $2 AND c.agent_id = $7 AND a.deleted_at IS NULL
    ON CONFLICT (team_id, source, external_id) DO NOTHING
    RETURNING conversation_id
  ), lane AS (
    UPDATE conversation c SET next_seq = c.next_seq + 1, updated_at = now()
    FROM event WHERE c.id = event.conversation_id
    RETURNING c.id, c.next_seq - 1 AS seq
  ), opened AS (
    INSERT INTO run (id, team_id, agent_id, conversation_id, trigger, trace_id)
    SELECT $8, $2, $7, id, $9::run_trigger, $10 FROM lane
    ON CONFLICT (conversation_id) WHERE status = 'queued' AND attempt = 1
    DO UPDATE SET conversation_id = excluded.conversation_id
    RETURNING id
  )
  INSERT INTO message (id, conversation_id, seq, role, content, run_id)
  SELECT $6, lane.id, lane.seq, 'user', $11, opened.id FROM lane, opened
  RETURNING conversation_id, id AS message_id, run_id`);

const findDuplicate = statement<AcceptedRow>(`
  SELECT e.conversation_id, e.message_id, m.run_id
  FROM inbound_event e JOIN message m ON m.id = e.message_id
  WHERE e.team_id = $1 AND e.source = $2 AND e.external_id = $3`);

function accepted(row: AcceptedRow, duplicate: boolean): Accepted {
  return { conversationId: row.conversation_id, messageId: row.message_id, runId: row.run_id, duplicate };
}

async function earlierOrNotFound(
  db: Database,
  inbound: Inbound,
  externalId: string,
  missing: string,
): Promise<Accepted> {
  const [row] = await db.query(findDuplicate, [inbound.teamId, inbound.source, externalId]);
  if (!row) throw notFound(missing);
  return accepted(row, true);
}

/** The first words of a conversation, to tell it from others in a list. */
function titleOf(content: Inbound['content']): string {
  const line = textOf(content).trim().split('\n', 1)[0] ?? '';
  const graphemes = [...new Intl.Segmenter().segment(line.slice(0, 400))].slice(0, 60);
  return graphemes.map(({ segment }) => segment).join('');
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
  const [row] = await db.query(acceptNew, [
    eventId,
    inbound.teamId,
    inbound.source,
    externalId,
    newId(),
    newId(),
    inbound.agentId,
    titleOf(inbound.content),
    JSON.stringify(earlier),
    newId(),
    inbound.trigger,
    inbound.traceId ?? null,
    JSON.stringify(inbound.content),
  ]);
  return row ? accepted(row, false) : earlierOrNotFound(db, inbound, externalId, 'agent');
}

/**
 * Adds to a conversation.
 *
 * @throws {DomainError} not_found: no such conversation of this agent in the team, or the agent was deleted
 */
export async function acceptReply(
  db: Database,
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
  ]);
  return row
    ? accepted(row, false)
    : earlierOrNotFound(db, inbound, externalId, 'conversation of this agent');
}
