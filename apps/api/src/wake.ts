import { signal } from '@nightshift/core/events';
import { type Accepted, busyBacklog } from '@nightshift/core/inbox';
import type { ApiDeps } from './deps.ts';

/** Tells the workers of an accepted message. */
export function wakeForMessage({ conversations, db, log }: ApiDeps, accepted: Accepted): void {
  const { conversationId, interruptedRunId, dueInMs, backlog, steered } = accepted;
  if (interruptedRunId) {
    signal(db.relaxed, 'cancel', interruptedRunId).catch((error: Error) =>
      log.warn(
        { err: error, runId: interruptedRunId },
        'interrupt not signalled; the next lease renewal finds it',
      ),
    );
  }
  // The worker that is at the run takes the message in by itself. A crowd is swept up: to wake each of it would cost
  // more than to take it in.
  if (!steered && backlog < busyBacklog)
    conversations.wakeSoon({ conversationId }, conversationId, { delayMs: dueInMs, priority: backlog });
}
