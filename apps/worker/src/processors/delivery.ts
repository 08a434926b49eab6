/** Sends what waits in one lane of the outbox, in order, until nothing of it is due. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ChannelError, type ChannelErrorKind, type Lookup, type SendReceipt } from '@nightshift/channels';
import type { Fetch, QueuePayload } from '@nightshift/contracts';
import { markAttention, type TrafficCounter } from '@nightshift/core/channels';
import { type Database, isPassing } from '@nightshift/core/database';
import type { Log } from '@nightshift/core/log';
import type { Metrics } from '@nightshift/core/metrics';
import {
  type ClaimedDelivery,
  claimDelivery,
  giveBack,
  leaseMs,
  markDead,
  markPart,
  markSent,
  markUnknown,
  nextDelayMs,
  nextDeliveryDueInMs,
  noteCut,
  pauseDestination,
  renewDelivery,
  retryLater,
  retryWithoutShown,
  type SentDelivery,
  sendTimeoutMs,
  takeTurn,
} from '@nightshift/core/outbox';
import type { Producer } from '@nightshift/core/queue';
import type { Sessions } from '../sessions.ts';
import { EditRefusedError, type OutgoingDeps, type OutgoingPart, prepareOutgoing } from './outgoing.ts';

export interface DeliveryDeps extends OutgoingDeps {
  fetch: Fetch;
  lookup: Lookup;
  sessions: Sessions;
  deliveries: Producer<'delivery'>;
  metrics: Metrics;
  traffic: TrafficCounter;
  isDraining(): boolean;
  /** Aborts when the process can wait no longer for what is being sent. */
  stop: AbortSignal;
}

export interface DeliveryProcessor {
  process(payload: QueuePayload<'delivery'>, log: Log): Promise<void>;
  /** Lanes that are worked on now. */
  readonly active: number;
}

export function createDeliveryProcessor(deps: DeliveryDeps): DeliveryProcessor {
  let active = 0;

  async function workOn(lane: string, log: Log): Promise<void> {
    while (!deps.isDraining()) {
      const claimedAt = performance.now();
      const delivery = await claimDelivery(deps.db, lane, deps.sessions.reach);
      if (!delivery) return wakeWhenDue(deps, lane);
      const { id: deliveryId, runId, traceId } = delivery;
      const deliveryLog = log.child({
        ...{ deliveryId, lane },
        ...(runId && { runId }),
        ...(traceId && { traceId }),
      });
      using claim = hold(deps.db, delivery, claimedAt, deliveryLog);
      // Whoever writes another one into the lane afterwards wakes it.
      if (await deliver(deps, claim, deliveryLog)) return;
    }
    // What is left in the lane is for another worker.
    deps.deliveries.wakeSoon({ lane }, lane);
  }

  return {
    process({ lane }, log) {
      active += 1;
      return workOn(lane, log).finally(() => {
        active -= 1;
      });
    },
    get active() {
      return active;
    },
  };
}

/** A longer wait is left to the sweep. In milliseconds. */
const longestWakeMs = 5_000;

/** Between two looks at a lane whose head has to wait for a delivery that is under way behind it. */
const shortestWakeMs = 100;

async function wakeWhenDue({ db, deliveries, sessions }: DeliveryDeps, lane: string): Promise<void> {
  const delayMs = await nextDeliveryDueInMs(db, lane, sessions.reach);
  if (delayMs === null || delayMs > longestWakeMs) return;
  deliveries.wakeSoon({ lane }, lane, { delayMs: Math.max(delayMs, shortestWakeMs) });
}

/** A delivery that is held while it is worked on. */
interface Claim {
  readonly delivery: ClaimedDelivery;
  /** False after the process was stopped for a while: another worker may be at it. */
  isHeld(): boolean;
  [Symbol.dispose](): void;
}

/** @param claimedAt when it was claimed at the earliest, on this process's clock */
function hold(db: Database, delivery: ClaimedDelivery, claimedAt: number, log: Log): Claim {
  let renewedAt = claimedAt;
  const timer = setInterval(() => {
    const asked = performance.now();
    renewDelivery(db, delivery).then(
      (renewed) => {
        if (renewed) renewedAt = asked;
      },
      (error: Error) => log.warn({ err: error }, 'lease not renewed'),
    );
  }, leaseMs / 4);
  return {
    delivery,
    isHeld: () => performance.now() - renewedAt < leaseMs,
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/**
 * @returns true: it is sent, and there is nothing else in its lane
 * @throws when the database stays away; the lease then runs out, and whoever claims next decides
 */
async function deliver(deps: DeliveryDeps, claim: Claim, log: Log): Promise<boolean> {
  const begun = performance.now();
  let outcome: Outcome | 'lost';
  let isLast = false;
  try {
    const result = await sendParts(deps, claim, log);
    outcome = typeof result === 'string' ? result : 'sent';
    isLast = typeof result !== 'string' && !result.more;
  } catch (error) {
    if (error instanceof EditRefusedError) outcome = await sendAnew(deps, claim.delivery, error, log);
    else if (!(error instanceof ChannelError)) throw error;
    else outcome = await settle(deps, claim.delivery, { failure: error, ms: performance.now() - begun }, log);
  }
  if (outcome === 'lost') {
    log.warn('no longer ours to send: taken over, or deleted');
    return false;
  }
  const { kind, id } = claim.delivery.destination;
  deps.metrics.deliveries.inc({ destination: kind, outcome });
  if (outcome === 'sent')
    log.info({ destination: kind, ms: Math.round(performance.now() - begun) }, 'delivered');
  if (kind === 'channel' && outcome === 'sent') deps.traffic.count(id, { sent: 1 });
  return isLast;
}

type Outcome = 'sent' | 'waiting' | 'retried' | 'unknown' | 'dead';

/**
 * The answer goes out as a message of its own. That it does is written down before it is sent, so that a crash in between
 * does not make two of it.
 */
async function sendAnew(
  { db }: DeliveryDeps,
  delivery: ClaimedDelivery,
  { message }: EditRefusedError,
  log: Log,
): Promise<Outcome | 'lost'> {
  log.info(
    { reason: message },
    'the message that showed the answer cannot be edited: it is sent as a new one',
  );
  const error = { code: 'edit_refused', message };
  return (await persist(() => retryWithoutShown(db, delivery, error))) ? 'retried' : 'lost';
}

/** @throws {ChannelError | EditRefusedError} */
async function sendParts(
  deps: DeliveryDeps,
  claim: Claim,
  log: Log,
): Promise<SentDelivery | 'waiting' | 'lost'> {
  const { db } = deps;
  const { delivery } = claim;
  const { parts: outgoing, cut } = await prepareOutgoing(deps, delivery).catch((error) => {
    throw unlessChannelError(error, 'retry', log);
  });
  if (cut && !(await persist(() => noteCut(db, delivery, cut)))) return 'lost';
  for (let sent = delivery.partsSent; sent < outgoing.length; sent += 1) {
    const part = outgoing[sent]!;
    if (delivery.interrupted && sent === delivery.partsSent) assertRepeatable(part, delivery);
    if (!claim.isHeld()) throw new ChannelError('retry', 'The server was too slow to send it.');
    const waitMs = await waitForTurn(deps, part);
    if (waitMs > 0) {
      const error = { code: 'rate_limited', message: paced };
      return (await persist(() => retryLater(db, delivery, error, waitMs))) ? 'waiting' : 'lost';
    }
    const receipt = await sendPart(deps, part, log);
    const done = { partsSent: sent + 1, receipt };
    if (done.partsSent === outgoing.length)
      return (await persist(() => markSent(db, delivery, done))) ?? 'lost';
    const marked = await persist(() => markPart(db, delivery, done));
    if (!marked) return 'lost';
    // Paused, or changed: what is left goes out when and as the channel says now.
    if (marked.changed) return (await persist(() => giveBack(db, delivery))) ? 'waiting' : 'lost';
  }
  return (await persist(() => markSent(db, delivery))) ?? 'lost';
}

/** For people who look at a delivery that waits. */
const paced =
  'The platform takes only so many messages in a time. The next part goes out when it takes one more.';

/** A shorter wait is waited for here, in milliseconds; in a longer one the lane is given back. */
const shortWaitMs = 1_500;

/** @returns 0: it may be sent now · how many milliseconds are too long to wait here */
async function waitForTurn({ db, stop }: DeliveryDeps, { limits }: OutgoingPart): Promise<number> {
  for (;;) {
    const waitMs = await persist(() => takeTurn(db, limits));
    if (waitMs === 0 || waitMs > shortWaitMs || stop.aborted) return waitMs;
    await sleep(waitMs, undefined, { signal: stop }).catch(() => undefined);
  }
}

/** @throws {ChannelError} when the next part may have been sent already, and should not be sent twice */
function assertRepeatable({ repeatable }: OutgoingPart, delivery: ClaimedDelivery): void {
  const message = 'The server stopped while it was being sent.';
  if (!repeatable) throw new ChannelError('ambiguous', message);
  // Or else one that stops every worker would be tried for ever.
  if (nextDelayMs(delivery.destination.kind, delivery) === null) throw new ChannelError('retry', message);
}

async function sendPart(
  { fetch, lookup, stop }: DeliveryDeps,
  part: OutgoingPart,
  log: Log,
): Promise<SendReceipt> {
  const signal = AbortSignal.any([AbortSignal.timeout(sendTimeoutMs), stop]);
  try {
    return await part.send({ fetch, lookup, signal });
  } catch (cause) {
    if (cause instanceof EditRefusedError) throw cause;
    const error = unlessChannelError(cause, 'ambiguous', log);
    if (error.kind === 'ambiguous' && part.repeatable)
      throw new ChannelError('retry', error.message, { cause });
    throw error;
  }
}

/** A defect of ours, or the database's absence, as what it means for the delivery. */
function unlessChannelError(error: unknown, kind: ChannelErrorKind, log: Log): ChannelError {
  if (error instanceof ChannelError) return error;
  log.error({ err: error }, 'delivery failed for an internal reason');
  return new ChannelError(kind, 'The server failed. Its log has the details.', { cause: error });
}

/** Writes down what a failure, after so many milliseconds, means for the delivery. */
async function settle(
  deps: DeliveryDeps,
  delivery: ClaimedDelivery,
  { failure, ms }: { failure: ChannelError; ms: number },
  log: Log,
): Promise<Outcome | 'lost'> {
  const { db } = deps;
  const error = { code: codes[failure.kind], message: deps.kek.redactor.redact(failure.message) };
  log.warn({ code: error.code, reason: error.message, attempts: delivery.attempts }, 'not delivered');
  const unlessLost = async (outcome: Outcome, write: () => Promise<boolean>) =>
    (await persist(write)) ? outcome : 'lost';

  const { destination, attempts } = delivery;
  if (destination.kind === 'channel') deps.traffic.note(destination.id, { failure: error });
  if (failure.kind === 'ambiguous') return unlessLost('unknown', () => markUnknown(db, delivery, error));
  if (failure.kind === 'auth' && destination.kind === 'channel')
    await persist(() => tellOfTrouble(deps, destination.id, error, log));
  const { retryAfterMs } = failure;
  const spentMs = delivery.spentMs + ms;
  const delayMs =
    failure.kind === 'rejected' || failure.kind === 'gone'
      ? null
      : nextDelayMs(destination.kind, { attempts, spentMs, retryAfterMs });
  if (delayMs === null) return unlessLost('dead', () => markDead(db, delivery, error));
  if (retryAfterMs !== undefined && failure.pauses === 'channel') {
    await persist(() => pauseDestination(db, destination, delayMs));
  }
  return unlessLost('retried', () => retryLater(db, delivery, error, delayMs));
}

/** Nothing goes through this channel before somebody mends it: its owner is told, once. */
export async function tellOfTrouble(
  { db, deliveries }: Pick<DeliveryDeps, 'db' | 'deliveries'>,
  channelId: string,
  problem: { code: string; message: string },
  log: Log,
): Promise<void> {
  const lanes = await markAttention(db, channelId, problem);
  if (!lanes) return;
  log.error({ channelId, reason: problem.message }, 'a channel needs attention: the platform refuses us');
  for (const lane of lanes) deliveries.wakeSoon({ lane }, lane);
}

/** What people and programs read of a failure. */
const codes: Record<ChannelErrorKind, string> = {
  rejected: 'rejected',
  gone: 'gone',
  retry: 'not_delivered',
  ambiguous: 'unconfirmed',
  auth: 'credentials_refused',
};

/** How long a mark waits for the database to come back, in milliseconds. */
const markPatienceMs = 30_000;

/**
 * Writes, also when the database is away for a while: a mark that gets lost makes the outcome of a send unknown. It
 * may come late, since a mark does nothing once another worker has claimed the delivery.
 */
async function persist<T>(write: () => Promise<T>): Promise<T> {
  const giveUpAt = performance.now() + markPatienceMs;
  for (;;) {
    try {
      return await write();
    } catch (error) {
      if (!isPassing(error) || performance.now() > giveUpAt) throw error;
      await sleep(200);
    }
  }
}
