import { z } from 'zod';
import { Id, PageQuery, Timestamp } from './primitives.ts';
import { Failure, RunStatus } from './runs.ts';

export const Conversation = z.object({
  id: Id,
  agentId: Id,
  title: z.string().nullable(),
  messageCount: z.number().int(),
  createdAt: Timestamp,
  updatedAt: Timestamp,
});
export type Conversation = z.infer<typeof Conversation>;

export const ConversationListQuery = PageQuery.extend({ agentId: Id.optional() });
export type ConversationListQuery = z.infer<typeof ConversationListQuery>;

export const Message = z.object({
  id: Id,
  seq: z.number().int(),
  role: z.enum(['system', 'user', 'assistant']),
  text: z.string(),
  runId: Id.nullable(),
  createdAt: Timestamp,
});
export type Message = z.infer<typeof Message>;

/** The longest text of one message, in UTF-16 units. */
export const maxMessageLength = 200_000;

export const TalkBody = z.strictObject({
  text: z.string().min(1).max(maxMessageLength),
  conversationId: Id.optional().meta({ description: 'Absent: a new conversation.' }),
});
export type TalkBody = z.infer<typeof TalkBody>;

export const TalkQuery = z.strictObject({
  wait: z.coerce
    .number()
    .int()
    .min(0)
    .max(300)
    .optional()
    .meta({ description: 'Hold the call up to this many seconds for the reply.' }),
});

/** 202: accepted, the row is committed. */
export const TalkAccepted = z.object({ conversationId: Id, messageId: Id, runId: Id });
export type TalkAccepted = z.infer<typeof TalkAccepted>;

/** 200: the run ended while the call waited. `reply` is null when it did not succeed; `error` says why. */
export const TalkReply = TalkAccepted.extend({
  status: RunStatus,
  reply: z.object({ text: z.string() }).nullable(),
  /** `provider/model` that answered last; null when none was asked. */
  model: z.string().nullable(),
  error: Failure.nullable(),
});
export type TalkReply = z.infer<typeof TalkReply>;
