/**
 * The inbox: the one way in. Whatever the door, what somebody said becomes an inbound event, a message and a run
 * that will answer it, in one statement: either all of it is committed, or nothing.
 */
import { createHash } from 'node:crypto';
import {
  type Address,
  cutText,
  type MessageContext,
  type RunOptions,
  type RunTrigger,
  type StoredPart,
  textOf,
  traceOfUuid,
} from '@nightshift/contracts';
import type { AnnouncedFile } from '../channels/index.ts';
import { type Database, newId, statement } from '../database/index.ts';
import { notFound } from '../errors/index.ts';
import { type AcceptedRow, acceptNew, acceptNext } from './accept-statements.ts';

export interface Inbound {
  teamId: string;
  /** The door: `api`, or a channel's id. */
  source: string;
  /** The sender's id of this event. The same one again is dropped. Absent: the event cannot be redelivered. */
  externalId?: string | undefined;
  content: readonly StoredPart[];
  /** What the content refers to. */
  files?: readonly AnnouncedFile[] | undefined;
  trigger: RunTrigger;
  /** Absent: its run begins one. */
  traceId?: string | undefined;
  /** The API key it came with, or the schedule that says it, for the accounts. */
  apiKeyId?: string | undefined;
  scheduleId?: string | undefined;
  /** What a channel knows of it. */
  channel?: ChannelOrigin | undefined;
}

export interface ChannelOrigin {
  id: string;
  /** What happened there: message, action. */
  type: string;
  /** The platform's id of the message. */
  ref: string | undefined;
  /** See `MessageEvent.album`. */
  album: string | undefined;
  /** Where answers go from now on. */
  thread: Address;
  /** Messages of other programs in a row, with this one. Absent: as they were. */
  botTurns: number | undefined;
  /** Who said it, where, and what it refers to. */
  context: MessageContext;
  /** See `bucketOf`. Null: nothing that was said before is shown with it. */
  bucket: string | null;
}

/** Who said it, as far as a channel knows. */
export interface Speaker {
  identityId: string;
  personId: string;
  /** The platform vouches that nobody else speaks as them. */
  vouched: boolean;
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

/** An agent with so much open needs no more wake-ups: its workers are busy, and sweep up the rest when they have room. */
export const busyBacklog = 64;

/** What is said waits so long for the rest of its album, in milliseconds. */
const albumMs = 1_500;

/** What went before, where the sender brings a conversation along. */
export type Earlier = { role: 'system' | 'user' | 'assistant'; content: readonly StoredPart[] };

/** A file whose bytes came with the message. The content refers to it by its id. */
export interface BroughtFile {
  id: string;
  name: string;
  mediaType: string;
  data: Buffer;
}

type DuplicateRow = Pick<AcceptedRow, 'conversation_id' | 'message_id' | 'run_id'>;

const findDuplicate = statement<DuplicateRow>(`
  SELECT e.conversation_id, e.message_id, m.run_id
  FROM inbound_event e JOIN message m ON m.id = e.message_id
  WHERE e.team_id = $1 AND e.source = $2 AND e.external_id = $3`);

export const accepted = (row: AcceptedRow): Accepted => ({
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
  const first = [...graphemes.segment(cutText(line, 400))].slice(0, 60);
  return first.map(({ segment }) => segment).join('');
}

export interface FirstInbound extends Inbound {
  agentId: string;
  earlier?: readonly Earlier[];
  brought?: readonly BroughtFile[];
  options?: RunOptions | undefined;
  /** Of the run, where the caller has to know it before. */
  runId?: string;
}

/**
 * Begins a conversation with an agent.
 *
 * @throws {DomainError} not_found: no such agent in the team
 */
export async function acceptFirst(db: Database, inbound: FirstInbound): Promise<Accepted> {
  const eventId = newId();
  const externalId = inbound.externalId ?? eventId;
  const earlier = (inbound.earlier ?? []).map((message) => ({ id: newId(), ...message }));
  const brought = inbound.brought?.map(({ id, name, mediaType, data }) => ({
    ...{ id, name, media_type: mediaType, bytes: data.length },
    ...{ sha256: createHash('sha256').update(data).digest('base64'), data: data.toString('base64') },
  }));
  const ids = { conversation_id: newId(), message_id: newId(), run_id: inbound.runId ?? newId() };
  const item = {
    ...ids,
    event_id: eventId,
    team_id: inbound.teamId,
    source: inbound.source,
    external_id: externalId,
    agent_id: inbound.agentId,
    title: titleOf(inbound.content),
    trigger: inbound.trigger,
    trace_id: inbound.traceId ?? traceOfUuid(ids.run_id),
    api_key_id: inbound.apiKeyId,
    schedule_id: inbound.scheduleId,
    content: inbound.content,
    earlier,
    brought: brought ?? [],
    options: inbound.options,
  };
  // Files are not gathered: 64 times what one request may bring is more than a string, or a document of the database, holds.
  const row = brought?.length
    ? (await db.query(acceptNew, [JSON.stringify([item])]))[0]
    : await db.gather(acceptNew, item);
  return row
    ? accepted({ ...row, ...ids, steered: false, interrupted_run_id: null })
    : earlierOrNotFound(db, inbound, externalId, 'agent');
}

/** An item of the statements that add to conversations. */
export function itemOf(inbound: Inbound, externalId: string, eventId: string) {
  const { channel } = inbound;
  const runId = newId();
  return {
    event_id: eventId,
    team_id: inbound.teamId,
    source: inbound.source,
    external_id: externalId,
    message_id: newId(),
    run_id: runId,
    trigger: inbound.trigger,
    trace_id: inbound.traceId ?? traceOfUuid(runId),
    api_key_id: inbound.apiKeyId,
    schedule_id: inbound.scheduleId,
    content: inbound.content,
    files: inbound.files,
    channel_id: channel?.id,
    type: channel?.type ?? 'message',
    ref: channel?.ref,
    album: channel?.album,
    thread: channel?.thread,
    bot_turns: channel?.botTurns,
    context: channel?.context,
    bucket: channel?.bucket,
    hold_ms: channel?.album === undefined ? 0 : albumMs,
  };
}

/**
 * Adds to a conversation. `db` may be a transaction.
 *
 * @throws {DomainError} not_found: no such conversation of this agent in the team, or the agent was deleted
 */
export async function acceptReply(
  db: Pick<Database, 'query'>,
  inbound: Inbound & {
    agentId: string;
    conversationId: string;
    speaker?: Speaker;
    /** The speaker is one (`isGuest`). Absent: the conversation stays whose it is. */
    guest?: boolean;
  },
): Promise<Accepted> {
  const eventId = newId();
  const externalId = inbound.externalId ?? eventId;
  const item = {
    ...itemOf(inbound, externalId, eventId),
    conversation_id: inbound.conversationId,
    agent_id: inbound.agentId,
    identity_id: inbound.speaker?.identityId,
    person_id: inbound.speaker?.personId,
    vouched: inbound.speaker?.vouched,
    guest: inbound.guest,
  };
  const [row] = await db.query(acceptNext, [JSON.stringify([item])]);
  return row ? accepted(row) : earlierOrNotFound(db, inbound, externalId, 'conversation of this agent');
}
