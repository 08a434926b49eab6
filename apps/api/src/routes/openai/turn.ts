/**
 * One request of an OpenAI client and the run that answers it: a new one, or the one that it joins since it repeats an earlier
 * request (core/openai-requests).
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Agent, isFinal, type RunEvent, type RunOptions, type Waiting } from '@nightshift/contracts';
import { DomainError } from '@nightshift/core/errors';
import { acceptFirst, wakeForMessage } from '@nightshift/core/inbox';
import {
  abandonRun,
  claimRequest,
  forgetRequest,
  leaveRequest,
  type RunResult,
  readRunResult,
} from '@nightshift/core/openai-requests';
import { cancelRun, type RunOutcome, waitForRun, watchRun } from '@nightshift/core/runs';
import { builtInTools } from '@nightshift/tools';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ApiDeps } from '../../deps.ts';
import { OpenaiError } from '../../openai-errors.ts';
import { keyPermit, refusalOf } from '../../permits.ts';
import { permitSignal, untilClosed } from '../../sse.ts';
import { runError, waitingError } from './failures.ts';
import type { Said } from './messages.ts';

/**
 * A client that went away may be about to repeat its request, after a timeout of its own: OpenAI's clients come back within a
 * second, Vercel's after two, LangChain within two. The run is cancelled when nobody has by then. In milliseconds.
 */
const defaultGraceMs = 5_000;

/** A budget that lets the run go on within this time is waited for. In milliseconds. */
const defaultBudgetWaitMs = 20_000;

/**
 * A stream begins with its first content, so that a failure before it has a status. After this long it begins without: proxies
 * close connections on which nothing comes. In milliseconds.
 */
const defaultHoldMs = 10_000;

export const harmlessTools = builtInTools.flatMap(({ name, effect }) => (effect === 'none' ? [name] : []));

/** What happens in a run, once its stream may begin. */
export type TurnEvent = RunEvent | { type: 'open' };

export interface Turn {
  readonly runId: string;
  /** Aborts when the client goes away or its key is revoked. */
  readonly gone: AbortSignal;
  /** Waits for the end. @throws {OpenaiError} the run failed, or waits for a budget; {DomainError} the key was revoked */
  end(): Promise<RunResult>;
  /** How it stands. @throws as `end` */
  result(): Promise<RunResult>;
  /**
   * `open` comes first, before what `isShown` says the client is shown, or when the run takes long. Ends with the run, when
   * the client is gone, or with the same errors as `end`.
   */
  watch(isShown: (event: RunEvent) => boolean): AsyncGenerator<TurnEvent>;
}

export interface TurnRequest {
  agent: Agent;
  said: Said;
  options: RunOptions;
}

const keyOf = ({ headers }: FastifyRequest): string | undefined => {
  const key = headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key === 'string' && /^[\x21-\x7e]{1,255}$/.test(key)) return key;
  throw new DomainError('invalid_request', 'Idempotency-Key: must be 1 to 255 printable ASCII characters.');
};

/** Another request under a key stays another one, however often it is repeated. */
function conflictOf(error: DomainError): Error {
  if (error.code !== 'idempotency_conflict') return error;
  const { code, message: detail } = error;
  return new OpenaiError({ status: 409, code, detail, headers: { 'x-should-retry': 'false' } });
}

/** @throws {DomainError} see `claimRequest` and `Attachments.load` */
export async function openTurn(
  deps: ApiDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  read: () => Promise<TurnRequest>,
): Promise<Turn> {
  const { db } = deps;
  const { teamId, keyId } = request.caller;
  const {
    graceMs = defaultGraceMs,
    budgetWaitMs = defaultBudgetWaitMs,
    holdMs = defaultHoldMs,
  } = deps.openaiTimes ?? {};
  // From here on: a client may leave, or lose its key, while its message is being stored.
  const gone = AbortSignal.any([untilClosed(reply), permitSignal(deps, reply, keyPermit(db, request))]);
  const key = keyOf(request);
  const { agent, said, options } = await read();
  const { runId, joined } = await claimRequest(db, {
    teamId,
    callerId: keyId,
    key,
    hash: createHash('sha256')
      .update(JSON.stringify([request.url, request.body]))
      .digest(),
    isRetry: Number(request.headers['x-stainless-retry-count'] ?? 0) > 0,
    harmlessTools,
  }).catch((error: unknown) => {
    throw error instanceof DomainError ? conflictOf(error) : error;
  });
  if (joined) reply.header('idempotency-replayed', 'true');
  else await accept();
  request.ledTo ??= { runId };
  reply.header('nightshift-run-id', runId);

  async function accept(): Promise<void> {
    try {
      const brought = await said.attachments.load(deps.imageFetch, gone);
      const accepted = await acceptFirst(db, {
        ...{ teamId, runId, agentId: agent.id, source: 'api', apiKeyId: keyId, trigger: 'api' },
        ...{ content: said.content, earlier: said.earlier, brought, traceId: request.traceId },
        options: said.earlier.length > 0 ? { ...options, brought: true } : options,
      });
      request.ledTo = accepted;
      wakeForMessage(deps, accepted);
    } catch (error) {
      await forgetRequest(db, teamId, runId);
      throw error;
    }
  }

  let ended = false;
  async function leave(): Promise<void> {
    await leaveRequest(db, teamId, runId);
    // A revoked key comes back under no other connection.
    if (!refusalOf(gone)) await sleep(graceMs, undefined, { ref: false });
    if (await abandonRun(db, teamId, runId)) await cancelRun(db, teamId, runId);
  }
  const left = () => {
    if (ended) return;
    leave().catch((error: Error) => {
      if (!(error instanceof DomainError)) request.log.warn({ err: error, runId }, 'run not cancelled');
    });
  };
  if (gone.aborted) left();
  else gone.addEventListener('abort', left, { once: true });

  let waitingSince: number | null = null;
  /** It waits for a budget, longer than a request does. */
  function isStuck({ waiting }: Pick<RunOutcome, 'waiting'>): boolean {
    if (!waiting) waitingSince = null;
    else waitingSince ??= Date.now();
    if (!waiting || waitingSince === null) return false;
    // One that others have reserved is often free again long before.
    const left = waiting.code === 'budget_busy' ? 0 : Date.parse(waiting.until) - Date.now();
    return Math.max(left, Date.now() - waitingSince) > budgetWaitMs;
  }

  async function giveUp(waiting: Waiting): Promise<never> {
    ended = true;
    await cancelRun(db, teamId, runId).catch((error: Error) => {
      // It has ended meanwhile, or another request has given up on it.
      if (!(error instanceof DomainError)) throw error;
    });
    throw waitingError(waiting);
  }

  async function result(): Promise<RunResult> {
    const refusal = refusalOf(gone);
    if (refusal) throw refusal;
    const found = await readRunResult(db, { teamId, runId, harmlessTools });
    ended = isFinal(found.status);
    if (ended && found.status !== 'succeeded') throw runError(found);
    return found;
  }

  return {
    runId,
    gone,
    result,
    async end() {
      const what = { teamId, runId, fresh: !joined, isEnough: isStuck };
      const outcome = await waitForRun(deps, what, gone);
      if (!isFinal(outcome.status) && outcome.waiting && isStuck(outcome)) await giveUp(outcome.waiting);
      return result();
    },
    async *watch(isShown) {
      const source = watchRun(deps, { teamId, runId, after: 0 }, gone);
      const timeUp = sleep(holdMs, 'time is up' as const, { ref: false });
      let open = false;
      /** What the run waits for, and until when that is waited for here. */
      let stuck: { waiting: Waiting; over: Promise<'waited'> } | null = null;
      try {
        for (let next = source.next(); ; ) {
          const timers: Promise<'waited' | 'time is up'>[] = open ? [] : [timeUp];
          if (stuck) timers.push(stuck.over);
          const first: Awaited<typeof next> | 'waited' | 'time is up' = await Promise.race([next, ...timers]);
          if (first === 'waited') await giveUp(stuck!.waiting);
          if (first === 'time is up') {
            open = true;
            yield { type: 'open' };
          }
          if (typeof first === 'string') continue;
          if (first.done) break;
          const { event } = first.value;
          stuck = null;
          // It has gone on: what it waits for later is waited for anew.
          if (event.type === 'step.finished') waitingSince = null;
          if (event.type === 'run.waiting') {
            const { waiting } = event;
            if (isStuck(event)) await giveUp(waiting);
            stuck = { waiting, over: sleep(budgetWaitMs, 'waited' as const, { ref: false }) };
          }
          if (!open && isShown(event)) {
            open = true;
            yield { type: 'open' };
          }
          yield event;
          next = source.next();
        }
      } finally {
        await source.return(undefined);
      }
      if (gone.aborted && (open || !refusalOf(gone))) return;
      await result();
      if (!open) yield { type: 'open' };
    },
  };
}
