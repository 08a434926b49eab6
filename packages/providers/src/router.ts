/**
 * The router: one model call that survives a bad key, a busy vendor and a broken connection.
 *
 *   plan.next ─▶ attempt ─▶ first content? ── yes ─▶ committed: pass everything on, to the end
 *       ▲                        │ no
 *       │                     failure ─▶ plan.failed
 *       └── wait ◀───────────────┘
 *
 * Until an attempt shows content nothing of it is passed on, so another may take its place unseen. From then on the
 * answer is that attempt's, and its failure is the call's. Attempts and time are one budget, however they are spent.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { TokenUsage } from '@nightshift/contracts';
import { abortedError, truncatedError } from './errors.ts';
import { createHealth } from './health.ts';
import { type Candidate, createPlan, type Target } from './plan.ts';
import { costUsd } from './pricing.ts';
import { createProtocols, type Protocols } from './protocols/index.ts';
import type { ModelCall, ModelError, ModelErrorKind, ModelEvent, WireName } from './provider.ts';
import { createWatchdog, type Limits } from './watchdog.ts';

export interface RouterRequest extends Partial<Limits> {
  call: Omit<ModelCall, 'model'>;
  /** In order of preference. */
  targets: readonly Target[];
  /**
   * Asked before each attempt, e.g. to reserve its cost in a budget. A refusal ends the call with that error; nothing
   * is sent. What it throws is thrown.
   */
  admit?: ((attempt: PlannedAttempt) => Promise<ModelError | null>) | undefined;
  /** Over all targets and keys. Default 4. */
  maxAttempts?: number;
  /** For the whole call: attempts, waits and streaming. Default 120. */
  deadlineSeconds?: number;
  /** From an attempt's start to its first content. Default 60. */
  firstTokenSeconds?: number;
  /** Longest silence after that. Default 60. */
  idleSeconds?: number;
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
  model: string;
  wire: WireName;
  credentialId: string | null;
  outcome: 'ok' | ModelErrorKind;
  /** For people; null when it went well. */
  error: string | null;
  /** HTTP status of a failure, where there was one. */
  status: number | null;
  /** Null: the vendor did not say. */
  usage: TokenUsage | null;
  /** Decimal string. Null: unknown, which is not 0. */
  costUsd: string | null;
  startedAt: Date;
  /** To the first content, in milliseconds. Null when none came. */
  firstTokenMs: number | null;
  durationMs: number;
}

export interface Router {
  /**
   * Calls a model. Never throws and never rejects; the last event is exactly one of `done` or `error`. Leaving the
   * iteration early stops the call, as aborting `signal` does.
   */
  stream(request: RouterRequest, signal: AbortSignal): AsyncIterable<RouterEvent>;
}

export interface RouterOptions {
  /** Epoch milliseconds. */
  now?: () => number;
  /** Resolves after that many milliseconds; rejects when the signal aborts. */
  sleep?: (ms: number, signal: AbortSignal) => Promise<unknown>;
  random?: () => number;
  protocols?: Protocols;
}

type Terminal = Extract<ModelEvent, { type: 'done' | 'error' }>;

export function createRouter(options: RouterOptions = {}): Router {
  const now = options.now ?? Date.now;
  const sleep = options.sleep ?? ((ms, signal) => delay(ms, undefined, { signal }));
  const random = options.random ?? Math.random;
  const protocols = options.protocols ?? createProtocols();
  const health = createHealth();

  async function* stream(
    request: RouterRequest,
    signal: AbortSignal,
  ): AsyncGenerator<RouterEvent, void, undefined> {
    const limits: Limits = {
      deadlineSeconds: request.deadlineSeconds ?? 120,
      firstTokenSeconds: request.firstTokenSeconds ?? 60,
      idleSeconds: request.idleSeconds ?? 60,
    };
    const began = now();
    const deadlineAt = began + limits.deadlineSeconds * 1000;
    const plan = createPlan(request.targets, {
      health,
      maxAttempts: request.maxAttempts ?? 4,
      deadlineAt,
      random,
      now: began,
    });

    for (let index = 0; ; ) {
      if (signal.aborted) return yield failure(abortedError());
      const step = plan.next(now());
      if (step.do === 'give up') return yield failure(step.error);
      if (step.do === 'wait') {
        // An abort during the wait is seen at the top of the loop.
        await sleep(step.ms, signal).catch(() => undefined);
        continue;
      }
      const { terminal, committed } = yield* attempt(step.candidate, {
        index: index++,
        call: { ...request.call, model: step.candidate.target.model },
        limits,
        deadlineAt,
        signal,
      });
      if (terminal.type === 'done' || committed) return yield terminal;
      plan.failed(step.candidate, terminal.error, now());
    }
  }

  /** One call to one vendor. What it shows is passed on from its first content; how it ended is returned. */
  async function* attempt(
    candidate: Candidate,
    context: AttemptContext,
  ): AsyncGenerator<RouterEvent, Outcome, undefined> {
    const { target, endpoint, credentialId } = candidate;
    const startedAt = now();
    const watchdog = createWatchdog(context.limits, context.deadlineAt - startedAt, context.signal);
    const events = protocols[endpoint.wire]
      .stream(context.call, endpoint, watchdog.signal)
      [Symbol.asyncIterator]();
    const held: ModelEvent[] = [];
    let firstTokenMs: number | null = null;
    let terminal: Terminal | null = null;

    try {
      while (terminal === null) {
        watchdog.waiting();
        const next = await events.next();
        const event: ModelEvent = next.done ? failure(truncatedError()) : next.value;
        watchdog.heard(isContent(event));
        if (event.type === 'done' || event.type === 'error') {
          terminal = event;
        } else if (firstTokenMs !== null) {
          yield event;
        } else {
          held.push(event);
          if (isContent(event)) {
            firstTokenMs = now() - startedAt;
            for (const early of held) yield early;
          }
        }
      }
    } finally {
      watchdog.stop(terminal === null);
      // The reader left early: let the protocol clean up too.
      if (terminal === null) events.return?.().catch(() => undefined);
    }

    if (terminal.type === 'error' && terminal.error.kind === 'aborted' && watchdog.expired) {
      terminal = { ...terminal, error: watchdog.expired };
    }
    const error = terminal.type === 'error' ? terminal.error : null;
    // An empty answer is an answer.
    if (error === null && firstTokenMs === null) for (const early of held) yield early;
    yield {
      type: 'attempt',
      attempt: {
        index: context.index,
        provider: target.provider,
        model: target.model,
        wire: endpoint.wire,
        credentialId,
        outcome: error?.kind ?? 'ok',
        error: error?.message ?? null,
        status: error?.status ?? null,
        usage: terminal.usage,
        costUsd: await costUsd(target.provider, target.model, terminal.usage),
        startedAt: new Date(startedAt),
        firstTokenMs,
        durationMs: now() - startedAt,
      },
    };
    return { terminal, committed: firstTokenMs !== null };
  }

  return { stream };
}

interface AttemptContext {
  index: number;
  call: ModelCall;
  limits: Limits;
  deadlineAt: number;
  signal: AbortSignal;
}

interface Outcome {
  terminal: Terminal;
  /** Content was passed on: nobody else may answer now. */
  committed: boolean;
}

/** Whether a reader sees something of it. */
function isContent(event: ModelEvent): boolean {
  return event.type === 'text' || event.type === 'thinking' || event.type === 'toolStart';
}

function failure(error: ModelError): Terminal {
  return { type: 'error', error, partial: { role: 'assistant', content: [] }, usage: null };
}
