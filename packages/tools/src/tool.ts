/**
 * The tool port. A tool is a name, a schema and a function; it knows no database and no queue.
 * What it needs from outside comes with the call's context.
 */
import type { ImagePart, Page, Schedule, ScheduleUpdate, TextPart } from '@nightshift/contracts';
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
  /**
   * Safe for guests, people whom nobody has approved: it keeps nothing and shows nothing that was kept. They have other
   * tools only where their channel lends them (`guestTools`).
   */
  readonly guests?: true;
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
  readonly schedules: ScheduleStore;
}

/** The notes of the run: an agent's, or those that it keeps for one guest. Small named texts that outlive a conversation. */
export interface NoteStore {
  list(): Promise<{ name: string; updatedAt: Date; size: number }[]>;
  read(name: string): Promise<string | null>;
  /** Creates or replaces. @throws {ToolError} over the quota. */
  write(name: string, text: string): Promise<void>;
  /** False when there was none. */
  delete(name: string): Promise<boolean>;
}

/** The schedules of the agent, or those that it made for one guest. It may change those that it made itself. */
export interface ScheduleStore {
  /** The newest. */
  list(): Promise<Page<Schedule>>;
  /** The same key again makes no second one. @throws {ToolError} for a wrong timing, or when there are too many */
  create(schedule: NewSchedule, idempotencyKey: string): Promise<Schedule>;
  /** @throws {ToolError} for a wrong timing, or when the agent may not change it */
  update(id: string, change: ScheduleUpdate): Promise<Schedule>;
  /** False when there was none. @throws {ToolError} when the agent may not change it */
  delete(id: string): Promise<boolean>;
}

/** Exactly one of cron, everySeconds and at. An `at` without an offset is a time in the timezone. */
export interface NewSchedule extends Pick<ScheduleUpdate, 'cron' | 'everySeconds' | 'at'> {
  name: string;
  prompt: string;
  timezone: string;
  /** Its answers go to the present conversation; else to one of its own. */
  here: boolean;
}

/** A failure that the model should read. Its message holds no secret. */
export class ToolError extends Error {
  override readonly name = 'ToolError';
}

/** Keeps a tool's input type while the registry holds them all as `Tool`. */
export function defineTool<Input>(tool: Tool<Input>): Tool {
  return tool as Tool;
}
