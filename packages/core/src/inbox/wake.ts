/** Tells the workers what was accepted. Whatever of this is lost, the sweeper finds. */
import type { Database } from '../database/index.ts';
import { appendRunEvents, signal } from '../events/index.ts';
import type { Log } from '../log/index.ts';
import type { Metrics } from '../metrics/index.ts';
import type { Producer } from '../queue/index.ts';
import { type Accepted, busyBacklog } from './accept.ts';
import type { AcceptedEvents } from './accept-events.ts';

export interface WakeDeps {
  db: Database;
  conversations: Producer<'conversation'>;
  log: Log;
}

export function wakeForMessage({ conversations, db, log }: WakeDeps, accepted: Accepted): void {
  const { conversationId, interruptedRunId, dueInMs, backlog, steered } = accepted;
  if (interruptedRunId) signalCancel({ db, log }, interruptedRunId);
  // The worker that is at the run takes the message in by itself. A crowd is swept up: to wake each of it would cost
  // more than to take it in.
  if (!steered && backlog < busyBacklog)
    conversations.wakeSoon({ conversationId }, conversationId, { delayMs: dueInMs, priority: backlog });
}

function signalCancel({ db, log }: Pick<WakeDeps, 'db' | 'log'>, runId: string): void {
  signal(db.relaxed, 'cancel', runId).catch((error: Error) =>
    log.warn({ err: error, runId }, 'cancel not signalled; the next lease renewal finds it'),
  );
}

/** What a channel brought. */
export function wakeForEvents(
  deps: WakeDeps & { deliveries: Producer<'delivery'>; metrics: Pick<Metrics, 'channelUnsupported'> },
  { accepted, lanes, stopped, loops, unsupported }: AcceptedEvents,
): void {
  const { db, log, deliveries, metrics } = deps;
  for (const [what, count] of unsupported) metrics.channelUnsupported.inc({ what }, count);
  for (const each of loops) log.warn(each, 'a sender writes like a program and is not answered for a while');
  for (const each of accepted) wakeForMessage(deps, each);
  for (const lane of lanes) deliveries.wakeSoon({ lane }, lane);
  for (const { id: runId, over } of stopped) {
    if (!over) signalCancel(deps, runId);
    else
      appendRunEvents(db, runId, [{ type: 'run.finished', runId, status: 'cancelled' }]).catch(
        (error: Error) => log.warn({ err: error, runId }, 'end of a run not told to its watchers'),
      );
  }
}
