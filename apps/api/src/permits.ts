/**
 * What a long answer was let in by, watched while it lasts: a key that is revoked, a chat that is closed, a visitor who is
 * blocked. Signals come over the bus from whichever process made the change; one that is lost is made good by looking
 * again now and then.
 */
import { roleIncludes } from '@nightshift/contracts';
import { readApiKeyRole } from '@nightshift/core/api-keys';
import type { Database } from '@nightshift/core/database';
import { DomainError } from '@nightshift/core/errors';
import type { EventBus, Topic } from '@nightshift/core/events';
import type { Log } from '@nightshift/core/log';
import type { FastifyRequest } from 'fastify';
import { neededRole } from './plugins/auth.ts';

/** How often it is looked again without a signal, in milliseconds. */
const defaultRecheckMs = 30_000;
/** It may have ended between the request's own check and the subscription. Most answers are over by then. */
const firstRecheckMs = 1_000;

export interface Permit {
  /** What the bus signals when it may have ended. */
  readonly signals: readonly { topic: Topic; id: string }[];
  /** @returns why it does not hold any more; null while it does */
  recheck(): Promise<DomainError | null>;
}

export interface WatchedPermit {
  /** Aborts with the `DomainError` that says why. */
  readonly signal: AbortSignal;
  stop(): void;
}

export function watchPermit(
  { bus, log, permitRecheckMs = defaultRecheckMs }: { bus: EventBus; log: Log; permitRecheckMs?: number },
  permit: Permit,
): WatchedPermit {
  const controller = new AbortController();
  let asked = false;
  let asking = false;

  async function recheck(): Promise<void> {
    asked = true;
    if (asking) return;
    asking = true;
    try {
      while (asked && !controller.signal.aborted) {
        asked = false;
        const refusal = await permit.recheck();
        if (refusal) end(refusal);
      }
    } catch (error) {
      // Without the database nothing is read either; the next look decides.
      log.warn({ err: error }, 'permit of an open stream not checked');
    } finally {
      asking = false;
    }
  }

  const subscriptions = permit.signals.map(({ topic, id }) => bus.subscribe(topic, id, recheck));
  const timers = [
    setTimeout(recheck, Math.min(firstRecheckMs, permitRecheckMs)).unref(),
    setInterval(recheck, permitRecheckMs).unref(),
  ];
  function stop(): void {
    for (const timer of timers) clearTimeout(timer);
    for (const unsubscribe of subscriptions) unsubscribe();
  }
  function end(refusal: DomainError): void {
    stop();
    controller.abort(refusal);
  }
  return { signal: controller.signal, stop };
}

/** Why a signal was aborted, if it was because a permit ended. */
export function refusalOf(signal: AbortSignal): DomainError | null {
  return signal.aborted && signal.reason instanceof DomainError ? signal.reason : null;
}

/** Lasts until the caller's key is revoked, or its role is less than what the route needs. */
export function keyPermit(db: Database, request: FastifyRequest): Permit {
  const { keyId } = request.caller;
  const needed = neededRole(request);
  return {
    signals: [{ topic: 'api_key', id: keyId }],
    async recheck() {
      const role = await readApiKeyRole(db, keyId);
      if (role === null) return new DomainError('unauthorized', 'The key was revoked.');
      if (roleIncludes(role, needed)) return null;
      return new DomainError('forbidden', `This needs the role ${needed}; your key is ${role} by now.`);
    },
  };
}
