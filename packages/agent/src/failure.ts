/** What a run's failure says to the people who read it: what happened, and what to do next. */
import type { Failure } from '@nightshift/contracts';
import type { ModelError, ModelErrorKind } from '@nightshift/providers';

const hints: Partial<Record<ModelErrorKind, string>> = {
  auth: 'The vendor refuses the key. Store a new one (nightshift providers add, or PATCH /v1/provider-credentials/:id), then retry the run.',
  billing: "The vendor's account needs payment. Settle it there, then retry the run.",
  quota:
    "The plan's quota is used up. Wait for its reset, use another key or another model, then retry the run.",
  rate: 'The vendor limits the rate. Retry the run later, or add another key.',
  overload: 'The vendor is overloaded. Retry the run later, or use another model.',
  server: 'The vendor failed. Retry the run later, or use another model.',
  network: 'The vendor could not be reached. Check the base URL and the network, then retry the run.',
  timeout: 'The model was too slow. Retry the run, or use another model.',
  context:
    'It is too long for this model, also with the conversation before it in short. Ask for less at once, or use a model with a larger window.',
  content: "The vendor's filter refused this. Change the message or the model.",
  model:
    "The vendor does not know this model, or the key may not use it. Change the agent's model, then retry the run.",
  request: 'The vendor calls the request invalid. The steps of the run show what it said.',
  empty: 'Retry the run, ask for less at once, or use another model.',
  malformed:
    "The model's tool call could not be read. Retry the run, or use a model that is better with tools.",
  truncated: 'The answer broke off. Retry the run.',
};

export function modelFailure(error: ModelError): Failure {
  const hint = hints[error.kind];
  return { code: `model_${error.kind}`, message: error.message, ...(hint ? { hint } : {}) };
}

/** No model can be called at all, before anything was tried. */
export class TargetError extends Error {
  override readonly name = 'TargetError';
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

export type LimitName = 'steps' | 'seconds' | 'tokens';

const limitSettings = { steps: 'maxSteps', seconds: 'maxSeconds', tokens: 'maxTokens' } as const;

export function limitFailure(limit: LimitName, used: number, max: number): Failure {
  return {
    code: `limit_${limit}`,
    message: `The run reached its limit of ${max} ${limit} (used ${Math.floor(used)}).`,
    hint: `Raise limits.${limitSettings[limit]} of the agent, or ask for less at once.`,
  };
}

/** The model ended without a word. `stop`: why. */
export function emptyAnswer(stop: string): Failure {
  return stop === 'length'
    ? {
        code: 'model_empty',
        message: 'The model reached its output limit before it said anything.',
        hint: 'Ask for less at once, or use another model.',
      }
    : {
        code: 'model_empty',
        message: 'The model answered nothing.',
        hint: 'Retry the run, or use another model.',
      };
}

/** The answer is not in the format that the request asked for, also when it was asked for again. */
export const formatFailure = (problem: string): Failure => ({
  code: 'output_invalid',
  message: `The model did not answer in the format that was asked for. ${problem}`,
  hint: 'Use a simpler schema, or a model that is better with structured output.',
});

/** The model answered, and its answer cannot be stored. What it used is in the ledger. */
export const outputNotStored: Failure = {
  code: 'output_not_stored',
  message: "The database refused to store the model's answer.",
  hint: "The server's log has the reason under this run's id. Retry the run, or use another model.",
};

export const internalFailure: Failure = {
  code: 'internal_error',
  message: 'The run failed for an internal reason.',
  hint: "The server's log has the details under this run's id. Retry the run, or report it.",
};
