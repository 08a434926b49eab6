/** Budgets: limits that a team sets itself on what its agents may use (docs/providers/budgets.md). */
import { z } from 'zod';
import { maxMessageLength } from './conversations.ts';
import { ExactModelRef } from './policies.ts';
import { Id, Named, Timestamp, Usd } from './primitives.ts';
import { Name, NamedListQuery, referenceTo } from './references.ts';

/** Whose use counts. member: who holds the API key that the message came with. */
export const BudgetScope = z.enum(['team', 'member', 'agent', 'channel', 'schedule']);
export type BudgetScope = z.infer<typeof BudgetScope>;

export const BudgetWindow = z.enum(['5h', 'day', 'week', 'month']);
export type BudgetWindow = z.infer<typeof BudgetWindow>;

export const BudgetUnit = z.enum(['usd', 'tokens', 'runs']);
export type BudgetUnit = z.infer<typeof BudgetUnit>;

/** What becomes of a run when the budget is used up. */
export const BudgetAction = z.enum(['stop', 'queue', 'downgrade']);
export type BudgetAction = z.infer<typeof BudgetAction>;

/** How much, in the budget's unit: a decimal string, so that no float rounding reaches a bill. */
const Amount = z.string().meta({ description: "Decimal string in the budget's unit" });

const fields = {
  name: Name,
  scope: BudgetScope,
  scopeId: z
    .string()
    .min(1)
    .max(200)
    .nullable()
    .meta({
      description:
        'The one member (API key), agent, channel or schedule that it is for: its id, or its name. Null: each of them has it on an ' +
        'account of its own.',
    }),
  window: BudgetWindow,
  rolling: z.boolean().meta({
    description:
      'true: the last 5 hours, 24 hours, 7 or 30 days. false: the day, the week from Monday, or the month of the ' +
      'calendar. 5h is always rolling. Default: false for the others.',
  }),
  timezone: z
    .string()
    .min(1)
    .max(100)
    .meta({ description: 'IANA name: whose calendar it is.', examples: ['Europe/Berlin'] }),
  unit: BudgetUnit,
  max: z
    .string()
    .regex(/^\d{1,15}(\.\d{1,10})?$/, 'must be a decimal string of 0 or more, with at most 10 decimals')
    .meta({
      description: "Decimal string in the budget's unit; whole for tokens and runs.",
      examples: ['25.00'],
    }),
  action: BudgetAction.meta({
    description:
      'stop: the run fails and says so. queue: it waits until the window lets it go on. downgrade: it goes on with ' +
      '`downgradeTo`.',
  }),
  downgradeTo: ExactModelRef.nullable().meta({ description: 'Needed for downgrade, and only there.' }),
  allowUnpriced: z.boolean().meta({
    description: 'Unit usd: let models pass whose price is unknown. They are counted as `unpriced`.',
  }),
  enabled: z.boolean(),
};

export const BudgetListQuery = NamedListQuery;
export type BudgetListQuery = z.infer<typeof BudgetListQuery>;

export const BudgetCreate = z.strictObject({
  name: fields.name,
  scope: fields.scope,
  scopeId: fields.scopeId.default(null),
  window: fields.window,
  rolling: fields.rolling.optional(),
  timezone: fields.timezone.default('UTC'),
  unit: fields.unit,
  max: fields.max,
  action: fields.action.default('stop'),
  downgradeTo: fields.downgradeTo.default(null),
  allowUnpriced: fields.allowUnpriced.default(false),
  enabled: fields.enabled.default(true),
});
export type BudgetCreate = z.infer<typeof BudgetCreate>;

/** All of a budget, under the name in the path. */
export const BudgetReplace = BudgetCreate.extend({ name: fields.name.optional() }).meta({
  examples: [{ scope: 'agent', scopeId: 'assistant', window: 'day', unit: 'usd', max: '5' }],
});

/** What comes of it is checked as a whole, as a new budget is. */
export const BudgetUpdate = z.strictObject(fields).partial();
export type BudgetUpdate = z.infer<typeof BudgetUpdate>;

export const Budget = z.object({
  id: Id,
  name: z.string(),
  scope: BudgetScope,
  scopeId: Id.nullable(),
  /** Whose it is, where it is one record's alone. */
  subject: Named.nullable(),
  window: BudgetWindow,
  rolling: z.boolean(),
  timezone: z.string(),
  unit: BudgetUnit,
  max: Amount,
  action: BudgetAction,
  downgradeTo: z.string().nullable(),
  allowUnpriced: z.boolean(),
  enabled: z.boolean(),
  createdAt: Timestamp,
  updatedAt: Timestamp,
});
export type Budget = z.infer<typeof Budget>;

/** How an account of a budget stands. `used` is the sum of the ledger's rows from `windowStart` on. */
export const BudgetAccount = z.object({
  /** Whose account it is; null where the budget has one only. A name is null when the record is gone. */
  subject: z.object({ id: Id, name: z.string().nullable() }).nullable(),
  used: Amount,
  /** By attempts under way, at most. */
  reserved: Amount,
  max: Amount,
  /** Of `max`, rounded down; 100 when `max` is 0. */
  percent: z.number().int(),
  windowStart: Timestamp,
  /**
   * The end of a calendar's window. Of a rolling one: when so much has slid out that a run may go on, or while one may
   * go on, when the oldest of what was used slides out; null when nothing was used.
   */
  resetsAt: Timestamp.nullable(),
  /** warning: from 80 % on. */
  state: z.enum(['ok', 'warning', 'exceeded']),
  /** Attempts in the window whose price, or for tokens whose use, is unknown: `used` lacks them. */
  unpriced: z.number().int(),
});
export type BudgetAccount = z.infer<typeof BudgetAccount>;

/** A budget with its accounts: those that used most come first. */
export const Limit = z.object({
  budget: Budget,
  accounts: z.array(BudgetAccount),
  /** How many accounts there are, where not all of them are listed. */
  accountCount: z.number().int(),
});
export type Limit = z.infer<typeof Limit>;

/** The `details` of a refusal, and what a warning tells. */
export const BudgetFigures = z.object({
  budgetId: Id,
  /** The budget's name. */
  limit: z.string(),
  unit: BudgetUnit,
  window: BudgetWindow,
  used: Amount,
  reserved: Amount,
  max: Amount,
  resetsAt: Timestamp.nullable(),
});
export type BudgetFigures = z.infer<typeof BudgetFigures>;

export const EstimateBody = z.strictObject({
  text: z.string().min(1).max(maxMessageLength),
  conversationId: referenceTo('conversation').optional(),
});
export type EstimateBody = z.infer<typeof EstimateBody>;

const Range = <T extends z.ZodType>(bound: T) => z.object({ low: bound, high: bound });

/** What the first model call of a run would use. Tools and further steps come on top, and cannot be foreseen. */
export const Estimate = z.object({
  inputTokens: z.number().int(),
  outputTokens: Range(z.number().int()),
  /** Every model that the agent's policy may ask, in the policy's order. */
  targets: z.array(
    z.object({
      model: z.string(),
      /** Null: the price is unknown. */
      costUsd: Range(Usd).nullable(),
      /** Budgets that would not let it begin now, and why. */
      refusedBy: z.array(
        z.object({ budgetId: Id, limit: z.string(), code: z.string(), message: z.string() }),
      ),
    }),
  ),
});
export type Estimate = z.infer<typeof Estimate>;
