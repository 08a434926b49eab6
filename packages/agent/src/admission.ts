/** Whether the team's budgets let a model call begin, and what becomes of the step when they do not. */
import type { Failure } from '@nightshift/contracts';
import { type BudgetRoom, type Refusal, reserveAttempt } from '@nightshift/core/budgets';
import type { Database } from '@nightshift/core/database';
import type { LedgerEntry } from '@nightshift/core/runs';
import { ModelError, type PlannedAttempt } from '@nightshift/providers';

/** A run whose first call is estimated to be larger says so before it begins: in tokens, and of what a budget has left. */
const large = { inputTokens: 100_000, ofWhatIsLeft: 0.2 };

export interface AdmissionOptions {
  db: Database;
  runId: string;
  stepIndex: number;
  /** The team has budgets. */
  budgeted: boolean;
  /** What the step's attempts have used so far. It grows with them. */
  ledger: readonly LedgerEntry[];
  /** It is the run's first step: the place to say that it is large. */
  announce: ((message: string) => void) | null;
}

export interface Admission {
  /** Reserves the attempt, in place of what the step's attempts before had reserved. For `RouterRequest.admit`. */
  admit(attempt: PlannedAttempt): Promise<ModelError | null>;
  /** Why the last call was not let in; null when it was. */
  readonly refusal: Refusal | null;
  /** Goes around the budget that refused, if it names a cheaper model to go on with. */
  detour(): { model: string; message: string } | null;
}

export function createAdmission(options: AdmissionOptions): Admission {
  const { db, runId, stepIndex, budgeted, ledger, announce } = options;
  const passed: string[] = [];
  let refusal: Refusal | null = null;

  async function reserve(attempt: PlannedAttempt): Promise<BudgetRoom[] | null> {
    if (!budgeted) return [];
    const admission = await reserveAttempt(db, {
      runId,
      stepIndex,
      model: nameOf(attempt),
      costUsd: attempt.costUsd && (Number(attempt.costUsd) + sum(ledger, costOf)).toFixed(10),
      tokens: tokensOf(attempt) + sum(ledger, usedTokensOf),
      passed,
    });
    refusal = admission.refused;
    return admission.refused ? null : admission.budgets;
  }

  return {
    async admit(attempt) {
      const budgets = await reserve(attempt);
      if (refusal) return new ModelError('quota', refusal.message);
      const message = attempt.index === 0 && passed.length === 0 && sizeWarning(attempt, budgets ?? []);
      if (message) announce?.(message);
      return null;
    },
    get refusal() {
      return refusal;
    },
    detour() {
      if (refusal?.reason !== 'exceeded' || refusal.action !== 'downgrade' || !refusal.downgradeTo)
        return null;
      const { downgradeTo: model, figures } = refusal;
      passed.push(figures.budgetId);
      refusal = null;
      return {
        model,
        message: `The budget "${figures.limit}" is used up: the run goes on with ${model}.`,
      };
    },
  };
}

const nameOf = ({ provider, model }: PlannedAttempt) => `${provider}/${model}`;
const tokensOf = ({ inputTokens, outputTokens }: PlannedAttempt) => inputTokens + outputTokens;
const costOf = ({ costUsd }: LedgerEntry) => Number(costUsd ?? 0);
const usedTokensOf = ({ usage }: LedgerEntry) => (usage ? usage.input + usage.output : 0);
const sum = (ledger: readonly LedgerEntry[], of: (entry: LedgerEntry) => number) =>
  ledger.reduce((total, entry) => total + of(entry), 0);

function sizeWarning(attempt: PlannedAttempt, budgets: readonly BudgetRoom[]): string | undefined {
  const amounts = { usd: Number(attempt.costUsd ?? 0), tokens: tokensOf(attempt), runs: 0 };
  const narrow = budgets.filter(({ unit, left }) => amounts[unit] > left * large.ofWhatIsLeft);
  if (attempt.inputTokens < large.inputTokens && narrow.length === 0) return undefined;
  const cost = attempt.costUsd === null ? 'at an unknown price' : `for up to ${attempt.costUsd} USD`;
  const part = narrow.map(({ name }) => `"${name}"`).join(', ');
  return (
    `The first call is large: some ${attempt.inputTokens.toLocaleString('en')} tokens for ${nameOf(attempt)}, ${cost}` +
    (part ? `, more than a fifth of what is left of the budget ${part}.` : '.')
  );
}

/** The end of a run that a budget does not let go on. */
export const refusalFailure = ({ reason, message, hint, figures }: Refusal): Failure => ({
  code: `budget_${reason}`,
  message,
  hint,
  details: figures,
});

/** Whether the run is to wait rather than to end. */
export const waits = ({ reason, action }: Refusal): boolean =>
  reason === 'busy' || (reason === 'exceeded' && action === 'queue');
