/**
 * The router: one model call that survives a bad key, a busy vendor and a broken connection.
 *
 *   plan.next ─▶ admit ─▶ attempt ─▶ first text? ── yes ─▶ committed: pass everything on, to the end
 *       ▲                               │ no
 *       │                            failure ─▶ health, plan.failed
 *       └── wait ◀──────────────────────┘
 *
 * Until an attempt shows text only its thinking is passed on, so another may take its place: a reader then
 * sees the thinking of both, and one answer. From then on the answer is that attempt's, and its failure is
 * the call's. An answer without text or tool call is a failure. Attempts and time are one budget, however
 * they are spent.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { ModelMessage, TokenUsage } from '@nightshift/contracts';
import { abortedError } from './errors.ts';
import { estimateInput, USUAL_OUTPUT_TOKENS } from './estimate.ts';
import { createHealth, type Health, healthKey } from './health.ts';
import { createPlan, type Pick, type Plan, type Target, type TargetKey } from './plan.ts';
import { orderTargets } from './plan-order.ts';
import { costUsd } from './pricing.ts';
import { createProtocols, type Protocols } from './protocols/index.ts';
import type { ModelCall, ModelError, ModelErrorKind, ModelEvent, WireName } from './provider.ts';
import { type AttemptEnd, attempt, failure } from './router-attempt.ts';
import type { Limits } from './watchdog.ts';

/** Who may answer and how they are chosen: a policy, resolved. */
export interface Routing extends Partial<Limits> {
  targets: readonly Target[];
  /** Which target of a tier comes first. Default `order`. */
  pick?: Pick;
  /** Whose keys they are: what is learned of a key in one scope (a team) is nothing to another. Default ''. */
  scope?: string;
  /** What the call belongs to, a conversation: it stays with its target and key. Default: each call is for itself. */
  stickTo?: string;
  /** `provider/model` that answered there last. */
  lastTarget?: string | null;
  /** Over all targets and keys. Default 4. */
  maxAttempts?: number;
}

/** By default an answer begins within 120 s, a first token comes within 60 s, and a silence is no longer than that. */
export interface RouterRequest extends Routing {
  call: Omit<ModelCall, 'model'>;
  /**
   * Asked before each attempt, e.g. to reserve its cost in a budget. A refusal ends the call with that error; nothing
   * is sent. What it throws is thrown.
   */
  admit?: ((attempt: PlannedAttempt) => Promise<ModelError | null>) | undefined;
}

/** An attempt about to be made, and what it may use at most, as far as can be known before. */
export interface PlannedAttempt {
  index: number;
  provider: string;
  model: string;
  credentialId: string | null;
  /** Estimated from the length of what is asked, on the high side. */
  inputTokens: number;
  /** The output cap of the call, or a usual answer's length. */
  outputTokens: number;
  /** Decimal string. Null: the price is unknown. */
  costUsd: string | null;
}

/** The events of the attempt that answers, and one `attempt` for each that was made, before `done` or `error`. */
export type RouterEvent = ModelEvent | { type: 'attempt'; attempt: AttemptRecord };

/** One call to one vendor, for the ledger and for people who ask what happened. */
export interface AttemptRecord {
  /** From 0, over the request. */
  index: number;
  provider: string;
  /** That was asked. */
  model: string;
  /** The model that answered, as the vendor names it. Null: the one that was asked, or it does not say. */
  answeredModel: string | null;
  wire: WireName;
  credentialId: string | null;
  outcome: 'ok' | ModelErrorKind;
  /** For people; null when it went well. */
  error: string | null;
  /** HTTP status of a failure, where there was one. */
  status: number | null;
  /** Null: nothing was used, since the vendor refused the call or was not reached. */
  usage: TokenUsage | null;
  /** The vendor did not say what was used, or not credibly: at least a part of `usage` is our estimate. */
  estimated: boolean;
  /** Decimal string; '0' where nothing was used. Null: unknown, which is not 0. */
  costUsd: string | null;
  /** It is what the vendor says that it charges, rather than computed from prices. */
  costReported: boolean;
  startedAt: Date;
  /** For how long the request had waited before it, in milliseconds: for a retry, a rate limit, a budget. */
  waitedMs: number;
  /** To the first content, in milliseconds. Null when none came. */
  firstTokenMs: number | null;
  durationMs: number;
}

export interface Router {
  /**
   * Calls a model. Never throws and never rejects, unless `admit` does; the last event is exactly one of `done` or
   * `error`. Leaving the iteration early stops the call, as aborting `signal` does.
   */
  stream(request: RouterRequest, signal: AbortSignal): AsyncIterable<RouterEvent>;
}

export interface RouterOptions {
  /** Default: one of its own, which shares with nobody. */
  health?: Health;
  /** Told of every attempt that is over, and of the one before it in the same request. It must not throw. */
  observe?: (attempt: AttemptRecord, previous: AttemptRecord | null) => void;
  /** Epoch milliseconds. */
  now?: () => number;
  /** Resolves after that many milliseconds; rejects when the signal aborts. */
  sleep?: (ms: number, signal: AbortSignal) => Promise<unknown>;
  random?: () => number;
  protocols?: Protocols;
}

export function createRouter(options: RouterOptions = {}): Router {
  const now = options.now ?? Date.now;
  const sleep = options.sleep ?? ((ms, signal) => delay(ms, undefined, { signal }));
  const random = options.random ?? Math.random;
  const health = options.health ?? createHealth({ now });
  const tools = { now, health, protocols: options.protocols ?? createProtocols() };

  /** Everything that is known before the first attempt. */
  async function prepare(request: RouterRequest): Promise<Prepared> {
    const { call, scope = '', stickTo = null, lastTarget = null, pick = 'order', maxAttempts = 4 } = request;
    const { deadlineSeconds = 120, firstTokenSeconds = 60, idleSeconds = 60 } = request;
    const firstTokenMs = firstTokenSeconds * 1000;
    const deadlineAt = now() + deadlineSeconds * 1000;
    const seed = stickTo ?? String(random());
    const size = estimateInput(call);
    const expected = { input: size.high, output: call.maxOutputTokens ?? USUAL_OUTPUT_TOKENS };
    const costs = pick === 'cheapest' ? await costsOf(request.targets, expected) : null;
    const targets = orderTargets(request.targets, {
      pick,
      seed,
      lastTarget,
      hasImages: size.hasImages,
      costOf: (target) => costs?.get(target) ?? null,
      firstTokenOf: ({ candidates, model }) =>
        smallest(
          candidates.map(({ endpoint, credentialId }) =>
            health.firstTokenMs(healthKey(scope, endpoint, model, credentialId)),
          ),
        ),
    });
    const inputTokens = size.low;
    const timing = { maxAttempts, deadlineAt, firstTokenMs };
    return {
      plan: createPlan(targets, { health, scope, origin: stickTo, seed, inputTokens, ...timing, random }),
      call: stickTo === null ? call : { cacheKey: stickTo, ...call },
      expected,
      limits: { deadlineSeconds, firstTokenSeconds, idleSeconds },
      deadlineAt,
      firstTokenMs,
    };
  }

  async function* stream(
    request: RouterRequest,
    signal: AbortSignal,
  ): AsyncGenerator<RouterEvent, void, undefined> {
    const { plan, expected, limits, deadlineAt, firstTokenMs, ...prepared } = await prepare(request);
    let { call } = prepared;
    let previous: AttemptRecord | null = null;
    let isAgain = false;
    for (let index = 0, idleSince = now(); ; ) {
      if (signal.aborted) return yield failure(abortedError());
      const step = plan.next(now());
      if (step.do === 'give up') return yield failure(step.error);
      if (step.do === 'wait') {
        // An abort during the wait is seen at the top of the loop.
        await sleep(step.ms, signal).catch(() => undefined);
        continue;
      }
      const { candidate, probe } = step;
      // When somebody else is at it, the plan finds the candidate resting and goes elsewhere.
      if (probe && !(await health.claimProbe(candidate.health, firstTokenMs))) continue;
      const refusal = await request.admit?.(await planned(candidate, index, expected));
      if (refusal) {
        if (probe) health.releaseProbe(candidate.health);
        return yield failure(refusal);
      }
      const ended: AttemptEnd = yield* attempt(tools, {
        index,
        candidate,
        probe,
        call: { ...call, model: candidate.target.model },
        inputTokens: expected.input,
        limits,
        deadlineAt,
        waitedMs: now() - idleSince,
        isAgain,
        signal,
      });
      const { record, terminal, committed, shown } = ended;
      options.observe?.(record, previous);
      yield { type: 'attempt', attempt: record };
      if (terminal.type === 'done' || committed) return yield terminal;
      plan.failed(candidate, terminal.error, now());
      call = withFailedGeneration(prepared.call, terminal.error);
      isAgain ||= shown;
      previous = record;
      idleSince = now();
      index++;
    }
  }

  return { stream };
}

/**
 * After a tool call that the vendor could not read, the model is shown what it wrote, and asked to do better.
 */
function withFailedGeneration(call: RouterRequest['call'], error: ModelError): RouterRequest['call'] {
  const { failedGeneration: written } = error;
  if (written === undefined) return call;
  const text = `Your answer was not accepted: ${error.message}\nIf you want to call a tool, do it again in the form that was asked for, with valid JSON. Otherwise answer in plain text.`;
  const repair: ModelMessage[] = [
    { role: 'assistant', content: [{ type: 'text', text: written }] },
    { role: 'user', content: [{ type: 'text', text }] },
  ];
  return { ...call, messages: [...call.messages, ...repair.slice(written.trim() === '' ? 1 : 0)] };
}

interface Prepared {
  plan: Plan;
  call: RouterRequest['call'];
  expected: Expected;
  limits: Limits;
  /** Epoch milliseconds. */
  deadlineAt: number;
  firstTokenMs: number;
}

/** Tokens that a call may use. */
interface Expected {
  input: number;
  output: number;
}

function expectedCost(
  { provider, model }: Target,
  { endpoint: { prices } }: TargetKey,
  { input, output }: Expected,
): Promise<string | null> {
  return costUsd(provider, model, { input, cachedInput: 0, cacheWrite: 0, output, reasoning: 0 }, { prices });
}

async function costsOf(targets: readonly Target[], expected: Expected): Promise<Map<Target, number | null>> {
  const costs = targets.map(async (target): Promise<[Target, number | null]> => {
    const [key] = target.candidates;
    const cost = key ? await expectedCost(target, key, expected) : null;
    return [target, cost === null ? null : Number(cost)];
  });
  return new Map(await Promise.all(costs));
}

async function planned(
  { target, key }: { target: Target; key: TargetKey },
  index: number,
  expected: Expected,
): Promise<PlannedAttempt> {
  return {
    index,
    provider: target.provider,
    model: target.model,
    credentialId: key.credentialId,
    inputTokens: expected.input,
    outputTokens: expected.output,
    costUsd: await expectedCost(target, key, expected),
  };
}

function smallest(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.min(...known);
}
