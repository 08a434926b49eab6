import { z } from 'zod';
import { Id, Named, Timestamp } from './primitives.ts';
import { ListQuery, referenceTo, severalOf } from './references.ts';

/**
 * pending: waits for its turn or its next attempt · sending · sent · unknown: it may have arrived, and the receiver
 * could not tell a repetition · dead: given up · failed: the platform took it, and said later that it did not arrive.
 * The last three can be retried.
 */
export const DeliveryStatus = z.enum(['pending', 'sending', 'sent', 'unknown', 'dead', 'failed']);
export type DeliveryStatus = z.infer<typeof DeliveryStatus>;

/** What became of an answer that was too long for its place. */
export const DeliveryCut = z.object({
  as: z.enum(['parts', 'file']).meta({
    description: 'parts: only its beginning was sent, and said so; file: it was sent as a file.',
  }),
  /** Messages that hold it. */
  parts: z.number().int(),
  /** How much of it was sent. */
  percent: z.number().int(),
  /** The last words that were sent; empty for a file. */
  end: z.string(),
});
export type DeliveryCut = z.infer<typeof DeliveryCut>;

/** One thing that leaves: a message to its channel, or an event to a webhook. */
export const Delivery = z.object({
  id: Id,
  /**
   * What it is about: message.created, run.finished, run.failed, notice, budget.warning, channel.attention,
   * channel.unreadable, channel.loop, provider.key_refused.
   */
  event: z.string(),
  status: DeliveryStatus,
  /** Where it goes: one of both is set. */
  channelId: Id.nullable(),
  channel: Named.nullable(),
  webhookId: Id.nullable(),
  /** A webhook without a name goes by its address. */
  webhook: Named.nullable(),
  /** Null where a stranger is told something. */
  conversationId: Id.nullable(),
  /** Null where no run said it: the answer to a command. */
  runId: Id.nullable(),
  messageId: Id.nullable(),
  /** What is said without being part of the conversation: the answer to a command, an error. */
  text: z.string().nullable(),
  attempts: z.number().int(),
  /** How many parts of a message that had to be split have been sent. When it failed: those before the first that did. */
  partsSent: z.number().int(),
  /** Null: all of it goes out as messages. */
  cut: DeliveryCut.nullable(),
  /** Not tried before. */
  dueAt: Timestamp,
  /** What went wrong last. */
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  /** What the receiver answered to each part. */
  receipts: z.array(z.unknown()),
  createdAt: Timestamp,
  endedAt: Timestamp.nullable(),
});
export type Delivery = z.infer<typeof Delivery>;

export const DeliveryListQuery = ListQuery.extend({
  id: referenceTo('delivery').optional(),
  status: severalOf(DeliveryStatus).optional(),
  conversationId: referenceTo('conversation').optional(),
  runId: referenceTo('run').optional(),
  webhookId: referenceTo('webhook').optional(),
  channelId: referenceTo('channel').optional(),
});
export type DeliveryListQuery = z.infer<typeof DeliveryListQuery>;
