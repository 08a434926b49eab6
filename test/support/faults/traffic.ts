/** People who talk to agents whatever happens, and the model that answers them so that the history proves itself. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../api/client.ts';
import type { RecordedRequest, Step } from '../model-server/index.ts';

/** A message that the api has accepted. */
export interface Sent {
  conversationId: string;
  messageId: string;
  runId: string;
  /** What it says, unique in its conversation. */
  mark: string;
}

const marks = /<c\d+-\d+>/g;

/** The marks in a text, in its order. */
export const marksIn = (text: string): string[] => text.match(marks) ?? [];

export interface Conversations {
  /** Conversations are spread over these. */
  agentIds: readonly string[];
  conversations: number;
  /** In each of them. */
  messages: number;
  /** Between one message's acceptance and the next one, on average, in milliseconds. */
  pauseMs: number;
}

/**
 * Holds so many conversations at once. Nobody waits for an answer, so messages join runs that are under way. A message
 * that is refused for the server's own trouble is sent again, under the same Idempotency-Key, until it is accepted.
 */
export async function converse(client: Client, options: Conversations): Promise<Sent[]> {
  const { agentIds, conversations, messages, pauseMs } = options;
  async function conversation(number: number): Promise<Sent[]> {
    const agentId = agentIds[number % agentIds.length]!;
    const sent: Sent[] = [];
    for (let index = 0; index < messages; index += 1) {
      await sleep(Math.random() * 2 * pauseMs);
      const mark = `<c${number}-${index}>`;
      sent.push(await sendUntilAccepted(client, agentId, mark, sent[0]?.conversationId));
    }
    return sent;
  }
  return (
    await Promise.all(Array.from({ length: conversations }, (_, number) => conversation(number)))
  ).flat();
}

/** @throws when it is refused for a reason that will not pass */
export async function sendUntilAccepted(
  client: Client,
  agentId: string,
  mark: string,
  conversationId?: string,
): Promise<Sent> {
  const headers = { 'idempotency-key': crypto.randomUUID() };
  for (;;) {
    const answer = await client
      .post(`/v1/agents/${agentId}/messages`, { text: `Message ${mark}`, conversationId }, headers)
      // The connection was refused or broke.
      .catch((error: Error) => error);
    if (!(answer instanceof Error)) {
      if (answer.status === 202) return { ...answer.body, mark };
      const passes = answer.status >= 500 || answer.body?.code === 'idempotency_in_progress';
      if (!passes) throw new Error(`${mark} was refused with ${answer.status}: ${answer.text}`);
    }
    await sleep(200);
  }
}

export interface Echo {
  /** How long each answer takes, in milliseconds. Default 5. */
  delayMs?: number;
  /** Each so many-th answer is preceded by a tool call. Default: none is. */
  toolEvery?: number;
}

/**
 * A model that answers with the marks of everything that was said since its last answer. In a history where each mark
 * is answered exactly once and in order, nothing was lost, answered twice or swapped.
 */
export function echoMarks({ delayMs = 5, toolEvery }: Echo = {}): (request: RecordedRequest) => Step {
  return ({ body }) => {
    const { messages } = body as { messages: ChatMessage[] };
    const answered = messages.findLastIndex(({ role, tool_calls }) => role === 'assistant' && !tool_calls);
    const since = messages.slice(answered + 1);
    const said = marksIn(JSON.stringify(since.filter(({ role }) => role === 'user')));
    const calledTool = since.some(({ role }) => role === 'tool');
    const number = Number(said[0]?.match(/-(\d+)>/)?.[1]);
    if (toolEvery && !calledTool && number % toolEvery === toolEvery - 1) {
      const note = { name: 'last message', text: said.join() };
      return { delayMs, toolCalls: [{ name: 'notes.write', arguments: note }] };
    }
    return { delayMs, text: said.join(' ') };
  };
}

interface ChatMessage {
  role: string;
  content: unknown;
  tool_calls?: unknown;
}
