/**
 * What people, models and tools say to each other, independent of any vendor's wire.
 * Providers translate it to and from a wire, tools return it, the journal stores it.
 */
import { z } from 'zod';

export const TextPart = z.object({ type: z.literal('text'), text: z.string() });

/** `data` is base64. */
export const ImagePart = z.object({ type: z.literal('image'), mediaType: z.string(), data: z.string() });

/** A document. `data` is base64; `name` is what people call it, with its extension. */
export const FilePart = z.object({
  type: z.literal('file'),
  mediaType: z.string(),
  name: z.string(),
  data: z.string(),
});

/** Something said or heard. `data` is base64. */
export const AudioPart = z.object({ type: z.literal('audio'), mediaType: z.string(), data: z.string() });

/**
 * A model's reasoning. `signature` is opaque provider state; it is replayed only to `issuer`
 * (`provider/wire/model`), since any other model refuses or misreads it.
 */
export const ThinkingPart = z.object({
  type: z.literal('thinking'),
  text: z.string(),
  signature: z.string().optional(),
  redacted: z.boolean().optional(),
  issuer: z.string(),
});

/** `arguments` is the parsed JSON; when the model sent none that parses, `invalid` holds its text and `arguments` is `{}`. */
export const ToolCallPart = z.object({
  type: z.literal('toolCall'),
  id: z.string(),
  name: z.string(),
  arguments: z.record(z.string(), z.unknown()),
  invalid: z.string().optional(),
});

export const ToolResultPart = z.object({
  type: z.literal('toolResult'),
  callId: z.string(),
  name: z.string(),
  content: z.array(z.discriminatedUnion('type', [TextPart, ImagePart, FilePart])),
  isError: z.boolean(),
});

export const UserMessage = z.object({
  role: z.literal('user'),
  content: z.array(z.discriminatedUnion('type', [TextPart, ImagePart, FilePart, AudioPart])),
});
export const AssistantMessage = z.object({
  role: z.literal('assistant'),
  content: z.array(z.discriminatedUnion('type', [TextPart, ThinkingPart, ToolCallPart])),
});
export const ToolMessage = z.object({ role: z.literal('tool'), content: z.array(ToolResultPart) });
export const ModelMessage = z.discriminatedUnion('role', [UserMessage, AssistantMessage, ToolMessage]);

export type TextPart = z.infer<typeof TextPart>;
export type ImagePart = z.infer<typeof ImagePart>;
export type FilePart = z.infer<typeof FilePart>;
export type AudioPart = z.infer<typeof AudioPart>;
export type ThinkingPart = z.infer<typeof ThinkingPart>;
export type ToolCallPart = z.infer<typeof ToolCallPart>;
export type ToolResultPart = z.infer<typeof ToolResultPart>;
export type UserMessage = z.infer<typeof UserMessage>;
export type AssistantMessage = z.infer<typeof AssistantMessage>;
export type ToolMessage = z.infer<typeof ToolMessage>;
export type ModelMessage = z.infer<typeof ModelMessage>;

/** The text of a message, its other parts left out. */
export function textOf(content: readonly { type: string; text?: string }[]): string {
  return content
    .filter((part) => part.type === 'text')
    .map((part) => part.text ?? '')
    .join('');
}

/** A tool as a model is told of it. `parameters` is a JSON Schema of type object. */
export type ToolSpec = { name: string; description: string; parameters: Record<string, unknown> };

/**
 * Tokens of one model attempt. `input` includes `cachedInput`; `output` includes `reasoning`.
 * A vendor that reports nothing leaves the whole record null: unknown, not zero.
 */
export const TokenUsage = z.object({
  input: z.number().int().nonnegative(),
  cachedInput: z.number().int().nonnegative(),
  cacheWrite: z.number().int().nonnegative(),
  output: z.number().int().nonnegative(),
  reasoning: z.number().int().nonnegative(),
});
export type TokenUsage = z.infer<typeof TokenUsage>;
