import {
  type Conversation,
  type ConversationListQuery,
  type Message,
  type Page,
  type PageQuery,
  type TextPart,
  textOf,
} from '@nightshift/contracts';
import { type Database, pageArguments, statement, toPage } from '../database/index.ts';
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
    text: textOf(row.content as TextPart[]),
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
  const { where, ...page } = pageArguments(query);
  const rows = await db.prisma.message.findMany({ ...page, where: { ...where, conversationId } });
  return toPage(rows, query.limit, toMessage);
}

/** How much of a conversation a model is shown: its last messages, this many. */
export const historyLimit = 200;

export interface HistoryMessage {
  role: 'system' | 'user' | 'assistant';
  content: { type: 'text'; text: string }[];
}

const history = statement<HistoryMessage & { seq: number }>(`
  SELECT m.seq, m.role, m.content FROM message m
  WHERE m.conversation_id = $1
    AND m.seq <= (SELECT max(own.seq) FROM message own WHERE own.run_id = $2 AND own.role = 'user')
  ORDER BY m.seq DESC LIMIT ${historyLimit}`);

/**
 * What a run answers to: the conversation up to the last message that the run was opened for, oldest first.
 * Messages that came later have a run of their own.
 */
export async function readHistory(
  db: Database,
  conversationId: string,
  runId: string,
): Promise<HistoryMessage[]> {
  const rows = await db.query(history, [conversationId, runId]);
  return rows.reverse();
}
