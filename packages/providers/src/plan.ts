/**
 * What to try next. A plan knows the candidates of one request, in order of preference, and what has failed so far; it
 * knows no network and waits for nothing.
 *
 * A failure rules something out: the key, the target, what is no larger, the whole call, or only the near future. The
 * next attempt goes to the first candidate that is neither ruled out nor resting. When all of them rest, the plan waits
 * for the one that is ready first. What only rests because it failed others is tried nevertheless when there is nobody
 * else to go to: a vendor in trouble may answer every second call. The last attempt waits until it may be well again.
 */
import { type Health, type HealthKey, healthKey, isRedirect, isRefusal, isTransient } from './health.ts';
import { nameOf, orderKeys } from './plan-order.ts';
import { type Endpoint, ModelError, type ModelErrorKind } from './provider.ts';

/** A way to reach a target: an endpoint with a key. */
export interface TargetKey {
  credentialId: string | null;
  endpoint: Endpoint;
  /** Its share among the target's keys. Default 1. 0: only when no other is left. */
  weight?: number;
  /** For people. */
  label?: string;
}

/** A model at a vendor, and the keys it can be reached with. */
export interface Target {
  provider: string;
  /** The vendor's own id, without the `provider/` prefix. */
  model: string;
  candidates: readonly TargetKey[];
  /** Only tried when nothing of the tiers before it can answer. Default 1. */
  tier?: number;
  /** Its share among the targets of its tier, for the pick `weight`. Default 1. 0: only when no other is left. */
  weight?: number;
  /** In tokens. Absent or null: unknown. */
  contextWindow?: number | null;
}

/** Within a tier. order: as listed · weight: by share · cheapest: by cost · fastest: by the time to the first token. */
export type Pick = 'order' | 'weight' | 'cheapest' | 'fastest';

export interface Candidate {
  readonly target: Target;
  readonly key: TargetKey;
  readonly health: HealthKey;
}

export type NextStep =
  /** `probe`: the circuit is half-open, and the attempt must be claimed first. */
  | { do: 'attempt'; candidate: Candidate; probe: boolean }
  | { do: 'wait'; ms: number }
  | { do: 'give up'; error: ModelError };

export interface Plan {
  next(now: number): NextStep;
  /** Takes a failed attempt into account. */
  failed(candidate: Candidate, error: ModelError, now: number): void;
}

/** What a failure rules out. `time`: nothing but the next moments. */
const rulesOut: Record<ModelErrorKind, 'key' | 'target' | 'smaller' | 'call' | 'time'> = {
  auth: 'key',
  billing: 'key',
  quota: 'key',
  model: 'target',
  context: 'smaller',
  content: 'call',
  request: 'call',
  aborted: 'call',
  rate: 'time',
  overload: 'time',
  server: 'time',
  network: 'time',
  timeout: 'time',
  empty: 'time',
  malformed: 'time',
  truncated: 'time',
};

/** An answer that a filter has stopped may pass the next time; a request that it refuses stays refused. */
const wasStopped = (error: ModelError): boolean => error.kind === 'content' && error.status === undefined;

function ruledOutBy(error: ModelError): (typeof rulesOut)[ModelErrorKind] {
  if (isRedirect(error)) return 'target';
  return wasStopped(error) ? 'time' : rulesOut[error.kind];
}

/** Before the one retry that a target gets at once. */
const RETRY_MS = 400;
/** A vendor that asks for more than this is not waited for while there are others. */
const RETRY_MAX_MS = 2_000;
const BACKOFF_BASE_MS = 1_000;
const BACKOFF_CAP_MS = 8_000;

/** What its keys have in common. */
interface Group {
  target: Target;
  tried: boolean;
  /** Those that may pass by themselves. */
  failures: number;
  /** Not tried before this, whatever the key. */
  readyAt: number;
}

interface State extends Candidate {
  group: Group;
  /** Why it is out for the rest of this request. */
  out: ModelError | null;
}

export interface PlanOptions {
  health: Health;
  /** Whose keys they are. */
  scope: string;
  /** Whose call it is; null: nobody's in particular. */
  origin: string | null;
  /** What the choice of a key goes by. */
  seed: string;
  /** At least so many tokens go in. */
  inputTokens: number;
  maxAttempts: number;
  /** Epoch milliseconds. No attempt begins and no wait goes beyond it. */
  deadlineAt: number;
  /** How long an attempt may take until it shows something. */
  firstTokenMs: number;
  /** 0 ≤ n < 1, for the jitter of the backoff. */
  random: () => number;
}

/** `targets`: best first. */
export function createPlan(targets: readonly Target[], options: PlanOptions): Plan {
  const { health, scope, origin, seed, inputTokens, maxAttempts, deadlineAt, firstTokenMs, random } = options;
  const states = targets.flatMap((target): State[] => {
    const group = { target, tried: false, failures: 0, readyAt: 0 };
    const out = tooSmall(target, inputTokens);
    return orderKeys(target.candidates, seed).map((key) => ({
      target,
      key,
      group,
      out,
      health: healthKey(scope, key.endpoint, target.model, key.credentialId, origin),
    }));
  });
  let attempts = 0;
  let last: ModelError | null = null;
  /** Set when a failure rules out the whole call. */
  let final: ModelError | null = null;
  /** The same candidate once more, before anybody else. */
  let retry: { state: State; at: number } | null = null;

  /** Whether its turn could be now. `error`: what it rests for, unless that was in this request. */
  function look(state: State, now: number): { until: number; error: ModelError | null } | 'try' | 'probe' {
    const verdict = health.look(state.health);
    const until = Math.max(state.group.readyAt, typeof verdict === 'string' ? 0 : verdict.until);
    if (until <= now) return verdict === 'probe' ? 'probe' : 'try';
    return { until, error: typeof verdict === 'string' ? null : verdict.error };
  }

  /** The other targets that have not had their turn and could have it now. */
  function untried(now: number): number {
    const groups = new Set<Group>();
    for (const state of states) {
      const { group: other, out } = state;
      if (!other.tried && !out && typeof look(state, now) === 'string') groups.add(other);
    }
    return groups.size;
  }

  /** Whether the target gets its retry: once, soon, and not at the cost of another's first turn. */
  function mayRetry(group: Group, error: ModelError, ms: number, now: number): boolean {
    if (group.failures > 1 || ms > RETRY_MAX_MS) return false;
    const others = untried(now);
    if (maxAttempts - attempts <= others) return false;
    return error.kind !== 'timeout' || deadlineAt - now - ms >= firstTokenMs * (1 + others);
  }

  return {
    next(now) {
      if (final) return { do: 'give up', error: final };
      if (last && now >= deadlineAt) return { do: 'give up', error: last };
      if (last && attempts >= maxAttempts) return { do: 'give up', error: tooOften(last, attempts) };
      if (retry) {
        if (now < retry.at && retry.at < deadlineAt) return { do: 'wait', ms: retry.at - now };
        const { state } = retry;
        retry = null;
        // Other calls may have found out meanwhile that it is no use.
        if (look(state, now) === 'try') return { do: 'attempt', candidate: state, probe: false };
      }
      let soonest: { state: State; until: number; error: ModelError | null } | null = null;
      for (const state of states) {
        if (state.out) continue;
        const verdict = look(state, now);
        if (typeof verdict === 'string')
          return { do: 'attempt', candidate: state, probe: verdict === 'probe' };
        if (verdict.error && isRefusal(verdict.error.kind)) state.out = verdict.error;
        else {
          const insists = verdict.error && isTransient(verdict.error) && attempts < maxAttempts - 1;
          const until = insists ? state.group.readyAt : verdict.until;
          if (!soonest || until < soonest.until) soonest = { state, until, error: verdict.error };
        }
      }
      if (!soonest) return { do: 'give up', error: nothingLeft(targets, states) };
      if (soonest.until <= now) return { do: 'attempt', candidate: soonest.state, probe: false };
      const ms = soonest.until - now;
      const remaining = deadlineAt - now;
      if (ms < remaining) return { do: 'wait', ms };
      return { do: 'give up', error: tooLong(last ?? soonest.error!, ms, remaining) };
    },

    failed(candidate, error, now) {
      attempts++;
      last = error;
      const state = states.find((state) => state === candidate)!;
      const { group } = state;
      group.tried = true;
      switch (ruledOutBy(error)) {
        case 'key':
          state.out = error;
          break;
        case 'target':
          for (const other of states) if (other.group === group) other.out = error;
          break;
        case 'smaller': {
          const window = Math.max(group.target.contextWindow ?? 0, inputTokens);
          for (const other of states) if (!((other.target.contextWindow ?? 0) > window)) other.out ??= error;
          if (states.every(({ out }) => out)) final = error;
          break;
        }
        case 'call':
          final = error;
          break;
        case 'time': {
          // A rate limit is one key's, and its circuit is open now: the others go on at once.
          if (error.kind === 'rate') break;
          group.failures++;
          const pause = error.retryAfterMs ?? jitter(RETRY_MS, random);
          if (mayRetry(group, error, pause, now)) retry = { state, at: now + pause };
          else group.readyAt = now + (error.retryAfterMs ?? backoff(group.failures, random));
        }
      }
    },
  };
}

/** Half of it is chance, so that many waiting runs do not come back together. */
const jitter = (ms: number, random: () => number): number => Math.round(ms / 2 + (ms / 2) * random());

const backoff = (failures: number, random: () => number): number =>
  jitter(Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** Math.max(0, failures - 2)), random);

function tooSmall(target: Target, inputTokens: number): ModelError | null {
  const window = target.contextWindow ?? null;
  if (window === null || inputTokens <= window) return null;
  const [needed, held] = [inputTokens, window].map((tokens) => tokens.toLocaleString('en-US'));
  return new ModelError(
    'context',
    `The conversation is at least ${needed} tokens long, and the window of ${nameOf(target)} holds ${held}.`,
  );
}

function tooOften(last: ModelError, attempts: number): ModelError {
  return attempts === 1
    ? last
    : explain(last, `Gave up after ${attempts} attempts. The last one: ${last.message}`);
}

function tooLong(why: ModelError, ms: number, remaining: number): ModelError {
  const seconds = (value: number) => Math.max(0, Math.ceil(value / 1000));
  return explain(
    why,
    `The next attempt would have to wait ${seconds(ms)} s, and ${seconds(remaining)} s of the deadline are left. The last one: ${why.message}`,
  );
}

/** Every key of every target is out: its own error, which names each cause. */
function nothingLeft(targets: readonly Target[], states: readonly State[]): ModelError {
  const missing = targets.filter(({ candidates }) => candidates.length === 0);
  if (states.length === 0) {
    const names = missing.map(nameOf).join(', ');
    return new ModelError('auth', names ? `No key is connected for ${names}.` : 'No model is given.');
  }
  const [first] = states;
  if (states.length === 1 && missing.length === 0) return first!.out!;
  const causes = new Set([
    ...states.map(({ target, key, out }) =>
      // It names its target, and is the same for every key.
      out!.kind === 'context' ? out!.message : `${nameOf(target)}${keyName(key)}: ${out!.message}`,
    ),
    ...missing.map((target) => `${nameOf(target)}: no key is connected.`),
  ]);
  const heading = states.every(({ out }) => isRefusal(out!.kind)) ? 'No key works.' : 'No model can answer.';
  return explain(first!.out!, `${heading} ${[...causes].join(' · ')}`);
}

function keyName({ credentialId, label }: TargetKey): string {
  const name = label ?? credentialId;
  return name === null ? '' : ` with key ${name}`;
}

function explain(error: ModelError, message: string): ModelError {
  return new ModelError(error.kind, message, {
    ...(error.status === undefined ? {} : { status: error.status }),
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
    ...(error.requestId === undefined ? {} : { requestId: error.requestId }),
    cause: error,
  });
}
