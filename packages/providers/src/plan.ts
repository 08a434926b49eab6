/**
 * What to try next. A plan knows the candidates of one request (each target's keys, in order of preference) and what
 * has failed so far; it knows no network and no clock of its own.
 *
 * A failure rules something out: the key, the target, the whole call, or only the near future. The next attempt goes
 * to the first candidate in order that is not ruled out and not resting; when all of them rest, the plan waits for
 * the one that is ready first.
 */
import type { Health } from './health.ts';
import { type Endpoint, ModelError, type ModelErrorKind } from './provider.ts';

/** A model at a vendor, and the keys it can be reached with, in order of preference. */
export interface Target {
  provider: string;
  /** The vendor's own id, without the `provider/` prefix. */
  model: string;
  candidates: readonly { credentialId: string | null; endpoint: Endpoint }[];
}

export interface Candidate {
  readonly target: Target;
  readonly credentialId: string | null;
  readonly endpoint: Endpoint;
}

export type NextStep =
  | { do: 'attempt'; candidate: Candidate }
  | { do: 'wait'; ms: number }
  | { do: 'give up'; error: ModelError };

export interface Plan {
  next(now: number): NextStep;
  /** Takes a failed attempt into account. */
  failed(candidate: Candidate, error: ModelError, now: number): void;
}

/** What a failure rules out. `time`: nothing but the next moments. */
const rulesOut: Record<ModelErrorKind, 'key' | 'target' | 'call' | 'time'> = {
  auth: 'key',
  billing: 'key',
  quota: 'key',
  model: 'target',
  context: 'call',
  content: 'call',
  request: 'call',
  aborted: 'call',
  rate: 'time',
  overload: 'time',
  server: 'time',
  network: 'time',
  timeout: 'time',
  truncated: 'time',
};

const BACKOFF_BASE_MS = 500;
const BACKOFF_CAP_MS = 8000;

interface State extends Candidate {
  readyAt: number;
  failures: number;
  /** Why it is out for the rest of this request. */
  out: ModelError | null;
}

export interface PlanOptions {
  health: Health;
  maxAttempts: number;
  /** Epoch milliseconds. No wait goes beyond it. */
  deadlineAt: number;
  /** 0 ≤ n < 1, for the jitter of the backoff. */
  random: () => number;
  now: number;
}

export function createPlan(targets: readonly Target[], options: PlanOptions): Plan {
  const { health, maxAttempts, deadlineAt, random } = options;
  const states = targets.flatMap((target) =>
    target.candidates.map(({ credentialId, endpoint }): State => {
      const out = health.refusal(endpoint, target.model, options.now);
      return { target, credentialId, endpoint, readyAt: 0, failures: 0, out };
    }),
  );
  let attempts = 0;
  let last: ModelError | null = null;
  /** Set when a failure rules out the whole call. */
  let final: ModelError | null = null;

  return {
    next(now) {
      if (final) return { do: 'give up', error: final };
      const usable = states.filter((state) => state.out === null);
      if (usable.length === 0) return { do: 'give up', error: nothingLeft(targets, states) };
      if (last && now >= deadlineAt) return { do: 'give up', error: last };
      if (last && attempts >= maxAttempts) return { do: 'give up', error: tooOften(last, attempts) };

      const ready = usable.find((state) => state.readyAt <= now);
      if (ready) {
        attempts++;
        return { do: 'attempt', candidate: ready };
      }
      const ms = Math.min(...usable.map((state) => state.readyAt)) - now;
      const remaining = deadlineAt - now;
      return ms < remaining ? { do: 'wait', ms } : { do: 'give up', error: tooLong(last!, ms, remaining) };
    },

    failed(candidate, error, now) {
      last = error;
      const state = states.find((state) => state === candidate)!;
      const siblings = states.filter((other) => other.target === state.target);
      switch (rulesOut[error.kind]) {
        case 'key':
          state.out = error;
          if (error.kind === 'auth') health.coolDown(state.endpoint, state.target.model, error, now);
          break;
        case 'target':
          for (const sibling of siblings) sibling.out = error;
          break;
        case 'call':
          final = error;
          break;
        case 'time': {
          state.failures++;
          const readyAt = now + (error.retryAfterMs ?? backoff(state.failures, random));
          // A rate limit is one key's; whatever else is wrong is so for every key of the target.
          for (const resting of error.kind === 'rate' ? [state] : siblings) resting.readyAt = readyAt;
        }
      }
    },
  };
}

/** Half of it is jitter, so that many waiting runs do not come back together. */
function backoff(failures: number, random: () => number): number {
  const full = Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** (failures - 1));
  return Math.round(full / 2 + (full / 2) * random());
}

function tooOften(last: ModelError, attempts: number): ModelError {
  return attempts === 1
    ? last
    : explain(last, `Gave up after ${attempts} attempts. The last one: ${last.message}`);
}

function tooLong(last: ModelError, ms: number, remaining: number): ModelError {
  const seconds = (value: number) => Math.max(0, Math.ceil(value / 1000));
  return explain(
    last,
    `The next attempt would have to wait ${seconds(ms)} s, and ${seconds(remaining)} s of the deadline are left. The last one: ${last.message}`,
  );
}

/** Every key of every target is out: its own error, which names each cause. */
function nothingLeft(targets: readonly Target[], states: readonly State[]): ModelError {
  if (states.length === 0) {
    const names = targets.map((target) => `${target.provider}/${target.model}`).join(', ');
    return new ModelError('auth', names ? `No key is connected for ${names}.` : 'No model is given.');
  }
  const only = states.length === 1 ? states[0]!.out! : null;
  if (only) return only;
  const causes = states.map(
    ({ target, credentialId, out }) =>
      `${target.provider}/${target.model}${credentialId ? ` with key ${credentialId}` : ''}: ${out!.message}`,
  );
  return explain(states[0]!.out!, `No key works. ${causes.join(' · ')}`);
}

function explain(error: ModelError, message: string): ModelError {
  return new ModelError(error.kind, message, {
    ...(error.status === undefined ? {} : { status: error.status }),
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
    ...(error.requestId === undefined ? {} : { requestId: error.requestId }),
    cause: error,
  });
}
