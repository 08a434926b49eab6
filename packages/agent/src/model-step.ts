/** A model step, before it is asked and after. */
import { createHash } from 'node:crypto';
import { textOf } from '@nightshift/contracts';
import {
  beginStep,
  type JournalStep,
  type LedgerEntry,
  type ModelInput,
  type StepResult,
} from '@nightshift/core/runs';
import type { ModelCall, Routing } from '@nightshift/providers';
import { type Admission, createAdmission } from './admission.ts';
import type { ModelOutcome } from './model-caller.ts';
import type { RunContext } from './run-context.ts';

export interface BegunModelStep {
  readonly index: number;
  /** `provider/model` that is to be asked first. */
  readonly name: string;
  readonly input: ModelInput;
  /** How many times it has begun. */
  readonly attempts: number;
  /** The team has budgets. */
  readonly budgeted: boolean;
  /** Its calls so far: grows while it is asked. */
  readonly ledger: LedgerEntry[];
  readonly admission: Admission;
  readonly startedAt: number;
  /** See `Begun.amendments`. */
  readonly amendments: number;
}

/** Writes into the journal that the step begins, and tells the watchers. @throws {LaneLostError} */
export async function beginModelStep(
  { deps: { db }, scope, events, warn }: RunContext,
  index: number,
  routing: Routing,
  input: ModelInput,
  call: Omit<ModelCall, 'model'>,
): Promise<BegunModelStep> {
  const name = `${routing.targets[0]?.provider}/${routing.targets[0]?.model}`;
  const inputHash = createHash('sha256').update(JSON.stringify(call)).digest('hex');
  const { attempts, budgeted, amendments } = await beginStep(db, scope, {
    index,
    kind: 'model',
    name,
    input,
    inputHash,
  });
  events.publish({ type: 'step.started', index, kind: 'model', name });
  const ledger: LedgerEntry[] = [];
  const admission = createAdmission({
    ...{ db, runId: scope.runId, stepIndex: index, budgeted, ledger },
    announce: index === 0 ? warn : null,
  });
  return {
    index,
    name,
    input,
    attempts,
    budgeted,
    ledger,
    admission,
    amendments,
    startedAt: performance.now(),
  };
}

export function resultOf({ index, ledger }: BegunModelStep, outcome: ModelOutcome): StepResult {
  const { message, stop, usage, failure } = outcome;
  const status = failure ? 'failed' : 'succeeded';
  return { index, status, output: { message, stop }, error: failure ?? null, usage, ledger };
}

/** The step as it will be read back. */
export const journaled = (
  { index, name, input, attempts }: BegunModelStep,
  { status, usage }: StepResult,
  { message, stop }: ModelOutcome,
): JournalStep => ({ kind: 'model', index, name, status, attempts, input, output: { message, stop }, usage });

/** `model`: who answered. */
export function tellFinished(
  { events }: RunContext,
  { startedAt }: BegunModelStep,
  { index, status, error }: StepResult,
  { message }: ModelOutcome,
  model: string,
): void {
  const durationMs = Math.round(performance.now() - startedAt);
  const output = textOf(message.content);
  const finished = {
    type: 'step.finished',
    index,
    kind: 'model',
    name: model,
    status,
    output,
    durationMs,
  } as const;
  events.publish(error ? { ...finished, error } : finished);
}

/** Of the largest model that may answer, in tokens; null: nobody knows. */
export function windowOf({ targets }: Routing): number | null {
  const known = targets.flatMap(({ contextWindow }) => contextWindow ?? []);
  return known.length > 0 ? Math.max(...known) : null;
}
