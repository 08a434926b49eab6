/**
 * Reserving before an attempt. Settling is the ledger's: the statement that writes what was used also frees what was
 * reserved (runs/journal.ts).
 */
import type { BudgetAction, BudgetFigures, BudgetUnit, BudgetWindow } from '@nightshift/contracts';
import { type Database, statement } from '../database/index.ts';
import { decimal } from './decimal.ts';
import { describeUse } from './words.ts';

/** An attempt about to be made in a step of a run. */
export interface ReservationRequest {
  runId: string;
  stepIndex: number;
  /** `provider/model` */
  model: string;
  /** What it may cost, with what the step's attempts before have; a decimal string. Null: the price is unknown. */
  costUsd: string | null;
  /** Input and output, likewise. */
  tokens: number;
  /** Budgets that the step has gone around already, by taking the cheaper model that they name. */
  passed: readonly string[];
}

/** Why an attempt is not let in, by one budget. */
export interface Refusal {
  /** busy: others have reserved what is left; they may use less. */
  reason: 'exceeded' | 'unpriced' | 'busy';
  /** What becomes of the run. */
  action: BudgetAction;
  downgradeTo: string | null;
  figures: BudgetFigures;
  message: string;
  hint: string;
  /** When it may be let in. Null for `unpriced`: not by waiting. */
  until: Date | null;
}

/** How a budget stood when an attempt was let in. `left`: before it, reservations of others deducted. */
export interface BudgetRoom {
  name: string;
  unit: BudgetUnit;
  left: number;
}

export type Admission = { refused: Refusal } | { refused: null; budgets: BudgetRoom[] };

type Row = {
  id: string;
  name: string;
  unit: BudgetUnit;
  window: BudgetWindow;
  rolling: boolean;
  action: BudgetAction;
  downgrade_to: string | null;
  max: string;
  used: string;
  reserved: string;
  verdict: 'ok' | Refusal['reason'];
  resets_at: Date | null;
};

const reserve = statement<Row>(`
  SELECT b.id, b.name, b.unit, b."window", b.rolling, b.action, b.downgrade_to, b.max, r.used, r.reserved, r.verdict, r.resets_at
  FROM reserve_budgets($1, $2, $3, $4, $5, $6) r JOIN budget b ON b.id = r.budget ORDER BY b.id`);

/**
 * Reserves the attempt in every budget that is about its run, or in none when one of them refuses. What the step had
 * reserved before is replaced.
 *
 * The commit need not be durable: a reservation that is lost in a crash of the database is one of an attempt whose
 * worker has lost the database too, and begins again.
 */
export async function reserveAttempt(db: Database, request: ReservationRequest): Promise<Admission> {
  const { runId, stepIndex, model, costUsd, tokens, passed } = request;
  const rows = await db.queryRelaxed(reserve, [runId, stepIndex, model, costUsd, tokens, passed]);
  const refusals = rows.flatMap((row) => (row.verdict === 'ok' ? [] : refusalOf(row, row.verdict, model)));
  const worst = refusals.sort((a, b) => rank(a) - rank(b) || Number(b.until) - Number(a.until))[0];
  if (worst) return { refused: worst };
  return {
    refused: null,
    budgets: rows.map(({ name, unit, max, used, reserved }) => ({
      name,
      unit,
      left: Number(max) - Number(used) - Number(reserved),
    })),
  };
}

/** What ends the run comes before what makes it wait, and that before what it can go around. */
const actionRanks: Record<BudgetAction, number> = { stop: 1, queue: 2, downgrade: 3 };
const rank = ({ reason, action }: Refusal): number =>
  reason === 'unpriced' ? 0 : reason === 'busy' ? 4 : actionRanks[action];

function refusalOf(row: Row, reason: Refusal['reason'], model: string): Refusal {
  const used = decimal(row.used);
  const max = decimal(row.max);
  const resetsAt = reason === 'exceeded' ? row.resets_at!.toISOString() : null;
  const use = describeUse({ used, max, unit: row.unit, window: row.window, rolling: row.rolling });
  return {
    reason,
    action: reason === 'unpriced' ? 'stop' : row.action,
    downgradeTo: row.downgrade_to,
    figures: {
      budgetId: row.id,
      limit: row.name,
      unit: row.unit,
      window: row.window,
      used,
      reserved: decimal(row.reserved),
      max,
      resetsAt,
    },
    ...wordsFor[reason]({ name: row.name, model, use, resetsAt }),
    until: row.resets_at,
  };
}

type Said = { name: string; model: string; use: string; resetsAt: string | null };

const wordsFor: Record<Refusal['reason'], (said: Said) => Pick<Refusal, 'message' | 'hint'>> = {
  exceeded: ({ name, use, resetsAt }) => ({
    message: `The budget "${name}" is used up: ${use}. The next call is let in at ${resetsAt}.`,
    hint: 'Retry the run then, or raise the budget (nightshift budgets update, or PATCH /v1/budgets/:id).',
  }),
  busy: ({ name, use }) => ({
    message: `Calls under way have reserved what is left of the budget "${name}" (${use}). It goes on when they have used less, or is refused.`,
    hint: 'It goes on by itself.',
  }),
  unpriced: ({ name, model }) => ({
    message: `The price of ${model} is unknown, and the budget "${name}" is in USD: what it costs could not be counted.`,
    hint: 'Give its price, in USD per million tokens (PATCH /v1/provider-credentials/:id {"prices": {"input": "1", "output": "2"}}), or let such models pass (allowUnpriced of the budget).',
  }),
};
