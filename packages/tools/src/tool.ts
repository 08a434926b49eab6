/**
 * The tool port. A tool is a name, a schema and a function; it knows no database and no queue.
 * What it needs from outside comes with the call's context.
 */
import type { ImagePart, TextPart } from '@nightshift/contracts';
import type { z } from 'zod';

/**
 * What happens when a call is repeated after a crash.
 *
 * none: it changes nothing · idempotent: repeating it with the same `idempotencyKey` changes nothing more ·
 * once: it must not be repeated; after a crash the model is told that the outcome is unknown.
 */
export type ToolEffect = 'none' | 'idempotent' | 'once';

export interface Tool<Input = unknown> {
  /** `area.verb`, e.g. `notes.write`. */
  readonly name: string;
  /** For the model: what it does, when to use it, what it returns. */
  readonly description: string;
  readonly input: z.ZodType<Input>;
  readonly effect: ToolEffect;
  /** Default 60. */
  readonly timeoutSeconds?: number;
  /** @throws {ToolError} when the call cannot be done; the model reads the message and may try otherwise. */
  execute(input: Input, context: ToolContext): Promise<ToolOutput>;
}

export type ToolOutput = string | readonly (TextPart | ImagePart)[];

export interface ToolContext {
  /** Stable over retries and takeovers of the same call. */
  readonly idempotencyKey: string;
  /** Aborts on cancel, timeout and shutdown. */
  readonly signal: AbortSignal;
  readonly now: () => Date;
  readonly notes: NoteStore;
}

/** An agent's scratch notes: small named texts that outlive a conversation. */
export interface NoteStore {
  list(): Promise<{ name: string; updatedAt: Date; size: number }[]>;
  read(name: string): Promise<string | null>;
  /** Creates or replaces. @throws {ToolError} over the quota. */
  write(name: string, text: string): Promise<void>;
  /** False when there was none. */
  delete(name: string): Promise<boolean>;
}

/** A failure that the model should read. Its message holds no secret. */
export class ToolError extends Error {
  override readonly name = 'ToolError';
}

/** Keeps a tool's input type while the registry holds them all as `Tool`. */
export function defineTool<Input>(tool: Tool<Input>): Tool {
  return tool as Tool;
}
