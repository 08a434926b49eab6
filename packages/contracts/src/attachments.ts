import { z } from 'zod';
import type { TextPart, ToolCallPart, ToolResultPart } from './content.ts';
import { Id } from './primitives.ts';

/** A file that came with a message, in its stored content. What a model is shown of it is decided when it is asked. */
export const AttachmentPart = z.object({
  type: z.literal('attachment'),
  fileId: Id,
  name: z.string(),
  mediaType: z.string(),
});
export type AttachmentPart = z.infer<typeof AttachmentPart>;

/**
 * What messages of a conversation are stored as. Tool calls and results are those of a history that a client brought along:
 * the calls in a message of the assistant, their results alone in a message of the user.
 */
export type StoredPart = TextPart | AttachmentPart | ToolCallPart | ToolResultPart;

/** The largest attachment that is kept, in bytes. */
export const maxAttachmentBytes = 20 * 1024 * 1024;

/** What comes with one message beyond this is left out, and the agent is told so. */
export const maxAttachments = 20;
