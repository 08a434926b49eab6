import { signal } from '@nightshift/core/events';
import type { Accepted } from '@nightshift/core/inbox';
import type { ApiDeps } from './deps.ts';

type WakeDeps = Pick<ApiDeps, 'conversations' | 'db' | 'log'>;

/**
 * Tells the workers of an accepted message. Its row is committed already, so the caller need not wait for this and
 * must not fail with it: a wake-up that does not arrive is made good by the workers' sweep within seconds.
 */
export function wakeForMessage(deps: WakeDeps, accepted: Accepted): void {
  const { conversationId, interruptedRunId, dueInMs, backlog, steered } = accepted;
  if (interruptedRunId) {
    signal(deps.db.relaxed, 'cancel', interruptedRunId).catch((error: Error) =>
      deps.log.warn(
        { err: error, runId: interruptedRunId },
        'interrupt not signalled; the next lease renewal finds it',
      ),
    );
  }
  // The worker that is at the run takes the message in by itself.
  if (!steered) wakeLane(deps, conversationId, { delayMs: dueInMs, priority: backlog });
}

/** Wakes a conversation's lane, as above. */
export function wakeLane(
  { conversations, log }: WakeDeps,
  conversationId: string,
  when?: { delayMs?: number; priority?: number },
): void {
  conversations
    .wake({ conversationId }, conversationId, when)
    .catch((error: Error) =>
      log.warn({ err: error, conversationId }, 'wake-up not sent; the sweep will find it'),
    );
}
