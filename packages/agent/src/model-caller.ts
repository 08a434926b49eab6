/** Asks the model of a run: which one, through which budgets, and what it cost. */
import type { AssistantMessage, Failure, ModelSetting, ModelTask, TokenUsage } from '@nightshift/contracts';
import { newId } from '@nightshift/core/database';
import type { LedgerEntry } from '@nightshift/core/runs';
import type { AttemptRecord, Routing, StopReason } from '@nightshift/providers';
import { type Admission, refusalFailure } from './admission.ts';
import { modelFailure, TargetError } from './failure.ts';
import type { buildCall } from './prompt.ts';
import type { RunContext } from './run-context.ts';
import { resolveTargets } from './targets.ts';

/** One model step under way. */
export interface ModelStep {
  index: number;
  task: ModelTask;
  call: ReturnType<typeof buildCall>;
  /** Its attempts so far: grows while it is asked. */
  ledger: LedgerEntry[];
  admission: Admission;
}

export type ModelOutcome = {
  message: AssistantMessage;
  stop: StopReason | 'error';
  usage: TokenUsage | null;
  failure?: Failure;
};

export interface ModelCaller {
  /** `provider/model` that was asked last to answer in this run. */
  readonly model: string | null;
  /** @throws {TargetError} when there is nothing to try */
  route(model: ModelSetting, task: ModelTask): Promise<Routing>;
  /** Asks it, and where a budget is used up the cheaper one that the budget names. */
  ask(step: ModelStep, routing: Routing): Promise<ModelOutcome>;
}

export function createModelCaller({ deps, run, signal, events, live, log, warn }: RunContext): ModelCaller {
  let asked: string | null = null;
  /** Has answered in this run: its prompt cache is warm. */
  let answeredBy: string | null = null;

  function route(model: ModelSetting, task: ModelTask): Promise<Routing> {
    const { teamId, lane } = run;
    return resolveTargets(deps, { teamId, conversationId: lane.conversationId, task, answeredBy }, model);
  }

  function account(attempt: AttemptRecord, task: ModelTask): LedgerEntry {
    const { provider, model, wire, credentialId, outcome, usage } = attempt;
    if (task === 'turn') {
      asked = `${provider}/${model}`;
      if (outcome === 'ok') answeredBy = asked;
    }
    deps.metrics.modelAttempts.inc({ provider, outcome });
    if (usage) {
      deps.metrics.modelTokens.inc({ provider, direction: 'input' }, usage.input);
      deps.metrics.modelTokens.inc({ provider, direction: 'output' }, usage.output);
    }
    if (outcome !== 'ok')
      log.warn({ provider, model, outcome, detail: attempt.error }, 'model attempt failed');
    const { answeredModel, estimated, costUsd, costReported, firstTokenMs, durationMs, startedAt } = attempt;
    return {
      ...{ id: newId(), task, provider, model, answeredModel, wire, credentialId, outcome },
      ...{ detail: attempt.error, usage, estimated, costUsd, costReported },
      ...{ firstTokenMs, durationMs, startedAt },
    };
  }

  async function stream(step: ModelStep, routing: Routing): Promise<ModelOutcome> {
    const { index, task, call, ledger, admission } = step;
    const isShown = task === 'turn';
    for await (const event of deps.router.stream({ ...routing, call, admit: admission.admit }, signal)) {
      switch (event.type) {
        case 'text':
          if (!isShown) break;
          events.publish({ type: 'text.delta', index, text: event.delta });
          live?.write(index, event.delta);
          break;
        case 'thinking':
          if (isShown) events.publish({ type: 'thinking.delta', index, text: event.delta });
          break;
        case 'attempt':
          ledger.push(account(event.attempt, task));
          break;
        case 'done':
          return { message: event.message, stop: event.stop, usage: event.usage };
        case 'error':
          return {
            message: event.partial,
            stop: 'error',
            usage: event.usage,
            failure: admission.refusal ? refusalFailure(admission.refusal) : modelFailure(event.error),
          };
      }
    }
    throw new Error('The router ended without done or error.');
  }

  return {
    get model() {
      return asked;
    },
    route,
    async ask(step, routing) {
      for (let next = routing; ; ) {
        const outcome = await stream(step, next);
        const detour = step.admission.detour();
        if (!detour) return outcome;
        warn(detour.message);
        try {
          next = await route(detour.model, step.task);
        } catch (error) {
          if (!(error instanceof TargetError)) throw error;
          return { ...outcome, failure: error.failure };
        }
      }
    },
  };
}
