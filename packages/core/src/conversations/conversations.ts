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

/** How much of a conversation before a run a model is shown: the last messages, this many. */
export const historyLimit = 200;

export interface HistoryMessage {
  seq: number;
  role: 'system' | 'user' | 'assistant';
  content: StoredPart[];
}

export interface RunHistory {
  /** What was said before the run's first message, oldest first. */
  before: HistoryMessage[];
  /** What the run answers to, oldest first. More may join while it works. */
  own: HistoryMessage[];
}

const history = statement<HistoryMessage & { own: boolean }>(`
  WITH first AS (
    SELECT r.created_at, (SELECT min(seq) FROM message WHERE run_id = r.id AND role = 'user') AS seq
    FROM run r WHERE r.id = $2
  )
  (SELECT m.seq, m.role, m.content, false AS own FROM message m, first
    WHERE m.conversation_id = $1 AND (m.seq < first.seq
      -- What an earlier run answered while this one waited was said before it, too.
      OR m.role = 'assistant' AND EXISTS (SELECT FROM run r WHERE r.id = m.run_id AND r.created_at < first.created_at))
    ORDER BY m.seq DESC LIMIT ${historyLimit})
  UNION ALL
  SELECT m.seq, m.role, m.content, true FROM message m
    WHERE m.conversation_id = $1 AND m.run_id = $2 AND m.role = 'user'
  ORDER BY seq`);

/** What a run answers to, and what went before. Messages that came later for another run are not in it. */
export async function readHistory(db: Database, conversationId: string, runId: string): Promise<RunHistory> {
  const rows = await db.query(history, [conversationId, runId]);
  const { own = [], before = [] } = Object.groupBy(rows, (row) => (row.own ? 'own' : 'before'));
  return { before, own };
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
