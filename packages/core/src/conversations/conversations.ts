import {
  type Conversation,
  type Message,
  type MessageContext,
  type Page,
  type PageQuery,
  type Place,
  type StoredPart,
  textOf,
} from '@nightshift/contracts';
import { type Database, decodeCursor, statement, toPage } from '../database/index.ts';
import { notFound } from '../errors/index.ts';
import type { Message as MessageRow, Prisma } from '../generated/prisma/client.ts';
import { contextWithQuote } from './quotes.ts';

/** The names beside a conversation's ids. */
export const withNames = {
  agent: { select: { id: true, name: true } },
  channel: { select: { id: true, name: true, kind: true } },
} as const satisfies Prisma.ConversationInclude;

type ConversationRow = Prisma.ConversationGetPayload<{ include: typeof withNames }>;

export function toConversation(row: ConversationRow, people: Conversation['people']): Conversation {
  return {
    id: row.id,
    agentId: row.agentId,
    agent: row.agent,
    title: row.title,
    channel: row.channel,
    place: row.place as Place | null,
    people,
    messageCount: row.nextSeq - 1,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}

/** People of one conversation that are told. */
const maxPeople = 20;

/** Who spoke before these messages of a conversation is not looked for. */
const maxLooked = 200;

const people = statement<{ conversation_id: string; id: string; name: string }>(`
  SELECT c.id AS conversation_id, p.id, p.name
  FROM unnest($1::uuid[]) AS c (id), LATERAL (
    SELECT m.person_id, max(m.seq) AS seq FROM (
      SELECT person_id, seq FROM message WHERE conversation_id = c.id AND person_id IS NOT NULL
      ORDER BY seq DESC LIMIT ${maxLooked}
    ) AS m GROUP BY m.person_id ORDER BY seq DESC LIMIT ${maxPeople}
  ) AS spoke JOIN person p ON p.id = spoke.person_id
  ORDER BY c.id, spoke.seq DESC`);

/** Who spoke in them lately, the last one first. */
export async function peopleOf(
  db: Database,
  rows: readonly { id: string; channelId: string | null }[],
): Promise<(id: string) => Conversation['people']> {
  const ids = rows.flatMap(({ id, channelId }) => (channelId === null ? [] : [id]));
  const found = new Map<string, Conversation['people']>();
  for (const { conversation_id, id, name } of ids.length > 0 ? await db.query(people, [ids]) : [])
    found.set(conversation_id, [...(found.get(conversation_id) ?? []), { id, name }]);
  return (id) => found.get(id) ?? [];
}

function toMessage(row: MessageRow, personName: string | null): Message {
  const content = row.content as StoredPart[];
  const context = row.context as MessageContext | null;
  return {
    id: row.id,
    seq: row.seq,
    role: row.role,
    text: textOf(content),
    sender:
      row.personId === null
        ? null
        : { personId: row.personId, name: context?.sender?.name ?? personName ?? null },
    quoted: context?.quoted ?? null,
    forwarded: context?.forwarded ?? null,
    addressees: context?.addressees
      ? { to: [...context.addressees.to], cc: [...context.addressees.cc] }
      : null,
    attachments: content.flatMap((part) =>
      part.type === 'attachment' ? [{ fileId: part.fileId, name: part.name, mediaType: part.mediaType }] : [],
    ),
    unsupported: [...(context?.unsupported ?? [])],
    saidBefore: (context?.before ?? []).map(({ name, text }) => ({ name, text })),
    amends: context?.amends ? { messageId: context.amends.messageId, how: context.amends.how } : null,
    amended: context?.amended ?? null,
    runId: row.runId,
    createdAt: row.createdAt.toISOString(),
  };
}

/** @throws {DomainError} not_found */
export async function getConversation(db: Database, teamId: string, id: string): Promise<Conversation> {
  const row = await db.prisma.conversation.findFirst({ where: { id, teamId }, include: withNames });
  if (!row) throw notFound('conversation');
  const spokeIn = await peopleOf(db, [row]);
  return toConversation(row, spokeIn(id));
}

/** The visible history, newest first. @throws {DomainError} not_found */
export async function listMessages(
  db: Database,
  teamId: string,
  conversationId: string,
  query: PageQuery,
): Promise<Page<Message>> {
  if ((await db.prisma.conversation.count({ where: { id: conversationId, teamId } })) === 0)
    throw notFound('conversation');
  const before = decodeCursor(query.cursor);
  // By `seq`: two messages that come at once may have their ids the other way round.
  const rows = await db.prisma.message.findMany({
    where: { conversationId },
    orderBy: { seq: 'desc' },
    take: query.limit + 1,
    ...(before ? { cursor: { id: before }, skip: 1 } : {}),
  });
  const ids = [...new Set(rows.flatMap(({ personId }) => personId ?? []))];
  const known = ids.length > 0 ? await db.prisma.person.findMany({ where: { id: { in: ids } } }) : [];
  const names = new Map(known.map(({ id, name }) => [id, name]));
  return toPage(rows, query.limit, (row) => toMessage(row, names.get(row.personId ?? '') ?? null));
}

/** A conversation whose older part was not summarized yet is, when it has so many messages. */
export const historyLimit = 200;

/** Whatever happens: more messages than these no model is shown as they are. */
export const mostMessages = 2 * historyLimit;

/**
 * More are not read: as many as a client may bring along at once, with what is said afterwards. They are read from the first
 * one on, since a summary of the same beginning is found by all of its messages (history-summaries.ts).
 */
const readableMessages = 1_200;

export interface HistoryMessage {
  seq: number;
  role: 'system' | 'user' | 'assistant';
  content: StoredPart[];
  /** Null: it came over the API or of a schedule, or before this was kept. */
  context: MessageContext | null;
  /** Who said it, where a channel knows: as they were called then, or else as they are known. */
  name: string | null;
}

/** What stands in for the oldest messages. */
export interface Summary {
  /** The last message that it covers. */
  throughSeq: number;
  text: string;
}

export interface RunHistory {
  summary: Summary | null;
  /** What was said before the run's first message and is not summarized, oldest first. */
  before: HistoryMessage[];
  /** What the run answers to, oldest first. More may join while it works. */
  own: HistoryMessage[];
}

type HistoryRow =
  | (HistoryMessage & { part: 'before' | 'own' })
  | { part: 'summary'; seq: number; content: string };

const columns = `m.seq, m.role, m.content, ${contextWithQuote('m')} AS context,
  CASE WHEN m.person_id IS NOT NULL THEN
    coalesce(m.context->'sender'->>'name', (SELECT p.name FROM person p WHERE p.id = m.person_id)) END AS name`;

const history = statement<HistoryRow>(`
  WITH first AS (
    SELECT r.created_at, (SELECT min(seq) FROM message WHERE run_id = r.id AND role = 'user') AS seq
    FROM run r WHERE r.id = $2
  ), summary AS (
    SELECT s.through_seq, s.text FROM conversation_summary s, first
    WHERE s.conversation_id = $1 AND s.through_seq < first.seq ORDER BY s.through_seq DESC LIMIT 1
  )
  (SELECT ${columns}, 'before' AS part FROM message m, first
    WHERE m.conversation_id = $1 AND (m.seq < first.seq
      -- What an earlier run answered while this one waited was said before it, too.
      OR m.role = 'assistant' AND EXISTS (SELECT FROM run r WHERE r.id = m.run_id AND r.created_at < first.created_at))
      -- What a client says to the model as such is no part of what is summarized.
      AND (m.role = 'system' OR m.seq > coalesce((SELECT through_seq FROM summary), 0))
    ORDER BY m.seq DESC LIMIT ${readableMessages})
  UNION ALL
  SELECT ${columns}, 'own' FROM message m
    WHERE m.conversation_id = $1 AND m.run_id = $2 AND m.role = 'user'
  UNION ALL
  SELECT through_seq, NULL, to_jsonb(text), NULL, NULL, 'summary' FROM summary
  ORDER BY seq`);

/** What a run answers to, and what went before. Messages that came later for another run are not in it. */
export async function readHistory(db: Database, conversationId: string, runId: string): Promise<RunHistory> {
  const found: RunHistory = { summary: null, before: [], own: [] };
  for (const row of await db.query(history, [conversationId, runId])) {
    if (row.part === 'summary') {
      found.summary = { throughSeq: row.seq, text: row.content };
      continue;
    }
    const { part, ...message } = row;
    found[part].push(message);
  }
  return found;
}

const lastSummary = statement<Summary>(`
  SELECT through_seq AS "throughSeq", text FROM conversation_summary WHERE conversation_id = $1
  ORDER BY through_seq DESC LIMIT 1`);

/** What the next run will be shown in place of the oldest messages. */
export async function readSummary(db: Database, conversationId: string): Promise<Summary | null> {
  const [summary] = await db.query(lastSummary, [conversationId]);
  return summary ?? null;
}

const joined = statement<HistoryMessage>(`
  SELECT ${columns} FROM message m
  WHERE m.conversation_id = $1 AND m.run_id = $2 AND m.role = 'user' AND m.seq > $3 ORDER BY m.seq`);

/** The messages that have joined a run after `seq`. */
export function readJoined(
  db: Database,
  conversationId: string,
  runId: string,
  seq: number,
): Promise<HistoryMessage[]> {
  return db.query(joined, [conversationId, runId, seq]);
}
