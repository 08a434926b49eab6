import {
  type Conversation,
  type ConversationListQuery,
  type Message,
  type Page,
  type PageQuery,
  type StoredPart,
  textOf,
} from '@nightshift/contracts';
import { type Database, decodeCursor, pageArguments, statement, toPage } from '../database/index.ts';
import { notFound } from '../errors/index.ts';
import type { Conversation as ConversationRow, Message as MessageRow } from '../generated/prisma/client.ts';

function toConversation(row: ConversationRow): Conversation {
  return {
    id: row.id,
    agentId: row.agentId,
    title: row.title,
    messageCount: row.nextSeq - 1,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}

function toMessage(row: MessageRow): Message {
  return {
    id: row.id,
    seq: row.seq,
    role: row.role,
    text: textOf(row.content as StoredPart[]),
    runId: row.runId,
    createdAt: row.createdAt.toISOString(),
  };
}

export async function listConversations(
  db: Database,
  teamId: string,
  query: ConversationListQuery,
): Promise<Page<Conversation>> {
  const { where, ...page } = pageArguments(query);
  const rows = await db.prisma.conversation.findMany({
    ...page,
    where: { ...where, teamId, ...(query.agentId && { agentId: query.agentId }) },
  });
  return toPage(rows, query.limit, toConversation);
}

/** @throws {DomainError} not_found */
export async function getConversation(db: Database, teamId: string, id: string): Promise<Conversation> {
  const row = await db.prisma.conversation.findFirst({ where: { id, teamId } });
  if (!row) throw notFound('conversation');
  return toConversation(row);
}

/** The visible history, newest first. @throws {DomainError} not_found */
export async function listMessages(
  db: Database,
  teamId: string,
  conversationId: string,
  query: PageQuery,
): Promise<Page<Message>> {
  await getConversation(db, teamId, conversationId);
  const before = decodeCursor(query.cursor);
  // By `seq`: two messages that come at once may have their ids the other way round.
  const rows = await db.prisma.message.findMany({
    where: { conversationId },
    orderBy: { seq: 'desc' },
    take: query.limit + 1,
    ...(before ? { cursor: { id: before }, skip: 1 } : {}),
  });
  return toPage(rows, query.limit, toMessage);
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

const history = statement<HistoryRow>(`
  WITH first AS (
    SELECT r.created_at, (SELECT min(seq) FROM message WHERE run_id = r.id AND role = 'user') AS seq
    FROM run r WHERE r.id = $2
  ), summary AS (
    SELECT s.through_seq, s.text FROM conversation_summary s, first
    WHERE s.conversation_id = $1 AND s.through_seq < first.seq ORDER BY s.through_seq DESC LIMIT 1
  )
  (SELECT m.seq, m.role, m.content, 'before' AS part FROM message m, first
    WHERE m.conversation_id = $1 AND (m.seq < first.seq
      -- What an earlier run answered while this one waited was said before it, too.
      OR m.role = 'assistant' AND EXISTS (SELECT FROM run r WHERE r.id = m.run_id AND r.created_at < first.created_at))
      -- What a client says to the model as such is no part of what is summarized.
      AND (m.role = 'system' OR m.seq > coalesce((SELECT through_seq FROM summary), 0))
    ORDER BY m.seq DESC LIMIT ${readableMessages})
  UNION ALL
  SELECT m.seq, m.role, m.content, 'own' FROM message m
    WHERE m.conversation_id = $1 AND m.run_id = $2 AND m.role = 'user'
  UNION ALL
  SELECT through_seq, NULL, to_jsonb(text), 'summary' FROM summary
  ORDER BY seq`);

/** What a run answers to, and what went before. Messages that came later for another run are not in it. */
export async function readHistory(db: Database, conversationId: string, runId: string): Promise<RunHistory> {
  const found: RunHistory = { summary: null, before: [], own: [] };
  for (const row of await db.query(history, [conversationId, runId])) {
    if (row.part === 'summary') found.summary = { throughSeq: row.seq, text: row.content };
    else found[row.part].push({ seq: row.seq, role: row.role, content: row.content });
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
  SELECT seq, role, content FROM message
  WHERE conversation_id = $1 AND run_id = $2 AND role = 'user' AND seq > $3 ORDER BY seq`);

/** The messages that have joined a run after `seq`. */
export function readJoined(
  db: Database,
  conversationId: string,
  runId: string,
  seq: number,
): Promise<HistoryMessage[]> {
  return db.query(joined, [conversationId, runId, seq]);
}
