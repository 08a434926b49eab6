/**
 * What the queue carries. Jobs only wake: they name a row and hold no state, so a lost one delays work and a
 * doubled one changes nothing.
 */
import { z } from 'zod';
import { Id } from './primitives.ts';

export const queuePayloads = {
  /** Somebody should look at this conversation's lane. */
  conversation: z.strictObject({ conversationId: Id }),
  /** Somebody should look at this lane of the outbox: `<channel or webhook id>/<thread or conversation>`. */
  delivery: z.strictObject({ lane: z.string().max(100) }),
} as const;

export type QueueName = keyof typeof queuePayloads;
export type QueuePayload<Name extends QueueName> = z.infer<(typeof queuePayloads)[Name]>;
