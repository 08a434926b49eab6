import { z } from 'zod';
import { TokenUsage } from './content.ts';
import { Id, Named, Timestamp, Usd } from './primitives.ts';
import { ListQuery, referenceTo, severalOf } from './references.ts';

export const RunStatus = z.enum(['queued', 'running', 'succeeded', 'failed', 'cancelled']);
export type RunStatus = z.infer<typeof RunStatus>;

/** Whether nothing more will happen in a run of this status, unless somebody retries it. */
export const isFinal = (status: RunStatus) => status !== 'queued' && status !== 'running';

/** The whole answer of a scheduled run that has nothing to say: no message is written and nothing is sent. */
export const nothingToReport = 'NOTHING_TO_REPORT';

export const RunTrigger = z.enum(['api', 'schedule', 'message']);
export type RunTrigger = z.infer<typeof RunTrigger>;

/** Why a run or step failed. `message` says what happened, `hint` what to do next. */
export const Failure = z.object({
  code: z.string(),
  message: z.string(),
  hint: z.string().optional(),
  /** Figures behind it: of `budget_exceeded` those of the budget. */
  details: z.record(z.string(), z.unknown()).optional(),
});
export type Failure = z.infer<typeof Failure>;

/** Why a run that had begun is queued again, and when it goes on by itself at the latest. */
export const Waiting = z.object({
  code: z.string(),
  message: z.string(),
  until: Timestamp,
  details: z.record(z.string(), z.unknown()).optional(),
});
export type Waiting = z.infer<typeof Waiting>;

export const Run = z.object({
  id: Id,
  agentId: Id,
  agent: Named,
  conversationId: Id,
  /** Where it came from, as far as it came from one: a channel, a schedule, a person that a channel knows. */
  channel: Named.nullable(),
  schedule: Named.nullable(),
  person: Named.nullable(),
  trigger: RunTrigger,
  status: RunStatus,
  attempt: z.number().int(),
  model: z.string().nullable(),
  error: Failure.nullable(),
  warnings: z.array(z.string()),
  /** Null: it waits for nothing but its turn. */
  waiting: Waiting.nullable(),
  traceId: z.string().nullable(),
  /** Sums over the ledger. Cost is null as soon as one attempt's price is unknown. */
  usage: z.object({
    attempts: z.number().int(),
    inputTokens: z.number().int(),
    outputTokens: z.number().int(),
    costUsd: Usd.nullable(),
    /** Attempts whose tokens are estimated. */
    estimated: z.number().int(),
  }),
  createdAt: Timestamp,
  startedAt: Timestamp.nullable(),
  endedAt: Timestamp.nullable(),
});
export type Run = z.infer<typeof Run>;

export const RunListQuery = ListQuery.extend({
  id: referenceTo('run').optional(),
  agentId: referenceTo('agent').optional(),
  conversationId: referenceTo('conversation').optional(),
  channelId: referenceTo('channel').optional(),
  scheduleId: referenceTo('schedule').optional(),
  personId: referenceTo('person').optional(),
  status: severalOf(RunStatus).optional(),
  trigger: severalOf(RunTrigger).optional(),
});
export type RunListQuery = z.infer<typeof RunListQuery>;

/** One call to a vendor, from the ledger. */
export const Attempt = z.object({
  task: z.string(),
  provider: z.string(),
  /** That was asked. */
  model: z.string(),
  /** The model that answered, where it is another one: a router's choice, a dated version. */
  answeredModel: z.string().nullable(),
  wire: z.string(),
  /** Null: the key of the environment, or none is needed. */
  credentialId: Id.nullable(),
  /** Null as well when the key is gone. */
  keyLabel: z.string().nullable(),
  outcome: z.string(),
  detail: z.string().nullable(),
  usage: TokenUsage.nullable(),
  /** The vendor did not say what was used, or not credibly: at least a part of `usage` is an estimate. */
  estimated: z.boolean(),
  /** Null: unknown, which is not 0. */
  costUsd: Usd.nullable(),
  /** The cost is what the vendor says that it charges, rather than computed from prices. */
  costReported: z.boolean(),
  firstTokenMs: z.number().int().nullable(),
  durationMs: z.number().int(),
  startedAt: Timestamp,
});
export type Attempt = z.infer<typeof Attempt>;

export const Step = z.object({
  index: z.number().int(),
  kind: z.enum(['model', 'tool']),
  name: z.string(),
  status: z.enum(['started', 'succeeded', 'failed']),
  /** Above one when a crash made it begin again. */
  attempts: z.number().int(),
  input: z.unknown(),
  output: z.unknown(),
  error: Failure.nullable(),
  usage: TokenUsage.nullable(),
  /** Every call to a model that this step made, from the ledger. */
  modelAttempts: z.array(Attempt),
  startedAt: Timestamp,
  endedAt: Timestamp.nullable(),
});
export type Step = z.infer<typeof Step>;
