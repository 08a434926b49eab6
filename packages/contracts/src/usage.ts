/** What the ledger says: sums, and its rows. */
import { z } from 'zod';
import { Id, Instant, Named, PageQuery, SearchText, Timestamp, Usd } from './primitives.ts';
import { referenceTo } from './references.ts';

export const UsageDimension = z.enum([
  'agent',
  'member',
  'person',
  'channel',
  'schedule',
  'model',
  'provider',
  'day',
]);
export type UsageDimension = z.infer<typeof UsageDimension>;

/** More groups than this are not answered: a shorter time, or fewer dimensions, gives fewer. */
export const maxUsageRows = 5000;

const filters = {
  from: Instant.optional().meta({ description: 'Inclusive, RFC 3339.' }),
  to: Instant.optional().meta({ description: 'Exclusive, RFC 3339.' }),
  agentId: referenceTo('agent').optional(),
  memberId: referenceTo('apiKey').optional().meta({ description: 'Id of an API key.' }),
  personId: referenceTo('person').optional(),
  channelId: referenceTo('channel').optional(),
  scheduleId: referenceTo('schedule').optional(),
  conversationId: referenceTo('conversation').optional(),
  runId: referenceTo('run').optional(),
  provider: SearchText.max(100).optional(),
  model: SearchText.max(200).optional().meta({ description: '`provider/model`, or the model alone.' }),
  task: SearchText.max(50).optional(),
  format: z.enum(['json', 'csv']).optional().meta({ description: 'csv: as `Accept: text/csv`.' }),
};

export const UsageQuery = z.strictObject({
  ...filters,
  groupBy: z
    .string()
    .max(200)
    .default('')
    .transform((text) => text.split(',', 10).filter(Boolean))
    .pipe(
      z
        .array(UsageDimension)
        .max(3, 'must name at most three')
        .refine((names) => new Set(names).size === names.length, 'must name each once'),
    )
    .meta({ description: 'Up to three of agent, member, person, channel, schedule, model, provider, day.' }),
  timezone: z.string().max(100).default('UTC').meta({ description: 'IANA name: whose days they are.' }),
});
export type UsageQuery = z.infer<typeof UsageQuery>;

/** Sums over rows of the ledger. */
export const UsageSums = z.object({
  attempts: z.number().int(),
  /** Runs that made at least one of these calls. A run with calls in several groups counts in each, and once in the totals. */
  runs: z.number().int(),
  inputTokens: z.number().int(),
  /** Of the input. */
  cachedTokens: z.number().int(),
  outputTokens: z.number().int(),
  /** Of the output. */
  reasoningTokens: z.number().int(),
  /** Of the attempts with a known cost: the whole only where `unpriced` is 0. */
  costUsd: Usd,
  /** Attempts whose cost is unknown. */
  unpriced: z.number().int(),
  /** Attempts whose vendor did not say what was used, or not credibly: their tokens are estimated. */
  estimated: z.number().int(),
});
export type UsageSums = z.infer<typeof UsageSums>;

/** Null: none, e.g. no schedule caused it. A name is null when the record is gone. */
const Subject = z.object({ id: Id, name: z.string().nullable() }).nullable();

export const UsageRow = UsageSums.extend({
  /** The dimensions that were asked for, and no others. */
  agent: Subject.optional(),
  member: Subject.optional(),
  person: Subject.optional(),
  channel: Subject.optional(),
  schedule: Subject.optional(),
  /** `provider/model` */
  model: z.string().optional(),
  provider: z.string().optional(),
  /** In the timezone that was asked for. */
  day: z.iso.date().optional(),
});
export type UsageRow = z.infer<typeof UsageRow>;

export const UsageReport = z.object({
  from: Timestamp.nullable(),
  to: Timestamp.nullable(),
  timezone: z.string(),
  groupBy: z.array(UsageDimension),
  totals: UsageSums,
  /** The dearest first; by day, oldest first. Empty without `groupBy`. */
  rows: z.array(UsageRow),
});
export type UsageReport = z.infer<typeof UsageReport>;

export const UsageEntryQuery = PageQuery.extend(filters);
export type UsageEntryQuery = z.infer<typeof UsageEntryQuery>;

/** A row of the ledger: one call to a model. */
export const UsageEntry = z.object({
  id: Id,
  createdAt: Timestamp,
  runId: Id.nullable(),
  stepIndex: z.number().int().nullable(),
  /** 1 on the first row of a run, else 0. */
  runs: z.number().int(),
  agentId: Id.nullable(),
  agent: Named.nullable(),
  conversationId: Id.nullable(),
  channelId: Id.nullable(),
  channel: Named.nullable(),
  scheduleId: Id.nullable(),
  schedule: Named.nullable(),
  /** The API key that asked for it. */
  memberId: Id.nullable(),
  member: Named.nullable(),
  personId: Id.nullable(),
  person: Named.nullable(),
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
  inputTokens: z.number().int().nullable(),
  cachedTokens: z.number().int().nullable(),
  cacheWriteTokens: z.number().int().nullable(),
  outputTokens: z.number().int().nullable(),
  reasoningTokens: z.number().int().nullable(),
  /** The vendor did not say what was used, or not credibly: at least a part of the tokens is an estimate. */
  estimated: z.boolean(),
  /** Null: unknown, which is not 0. */
  costUsd: Usd.nullable(),
  /** The cost is what the vendor says that it charges, rather than computed from prices. */
  costReported: z.boolean(),
  firstTokenMs: z.number().int().nullable(),
  durationMs: z.number().int(),
  startedAt: Timestamp,
});
export type UsageEntry = z.infer<typeof UsageEntry>;
