/** Works on one conversation's lane until nothing is left to do in it. */
import { executeRun, type LaneKeeper, type RunDeps } from '@nightshift/agent';
import type { QueuePayload } from '@nightshift/contracts';
import type { Log } from '@nightshift/core/log';
import type { Producer } from '@nightshift/core/queue';
import { claimRun, nextDueInMs } from '@nightshift/core/runs';

export interface ConversationDeps extends RunDeps {
  lanes: LaneKeeper;
  conversations: Producer<'conversation'>;
  deliveries: Producer<'delivery'>;
  /** Names this worker in the lease, for people who look at the row. */
  workerId: string;
  isDraining(): boolean;
}

/** With `swept`, nobody's wake-up brought us here. */
export function createConversationProcessor(deps: ConversationDeps) {
  return async (
    { conversationId }: QueuePayload<'conversation'>,
    log: Log,
    { swept = false } = {},
  ): Promise<void> => {
    while (!deps.isDraining()) {
      const run = await claimRun(deps.db, conversationId, deps.workerId);
      if (!run) return wakeWhenDue(deps, conversationId);
      const runLog = log.child({ runId: run.id, conversationId, traceId: run.traceId ?? undefined });
      if (run.takenOver) {
        deps.metrics.laneTakeovers.inc();
        runLog.warn('taking over a run that its worker did not end');
      }
      const held = deps.lanes.hold(run);
      try {
        const { outboxLanes, more } = await executeRun(deps, run, held.signal, runLog);
        for (const lane of outboxLanes) deps.deliveries.wakeSoon({ lane }, lane);
        // What is accepted from now on wakes the lane: while our own wake-up is under way, one more is kept for
        // afterwards. Swept up, another's wake-up may just have found the lane taken, so we look again.
        if (!more && !swept) return;
      } finally {
        held.release();
      }
    }
    // What is left in the lane is for another worker.
    deps.conversations.wakeSoon({ conversationId }, conversationId);
  };
}

/** A longer wait, for a budget, is left to the sweep: a job that waits would keep others for its lane from being added. */
const longestWakeMs = 15_000;

/** A run that collects a burst has a time before which it is not begun; the wake-up for it may have been this one. */
async function wakeWhenDue({ db, conversations }: ConversationDeps, conversationId: string): Promise<void> {
  const delayMs = await nextDueInMs(db, conversationId);
  if (delayMs === null || delayMs > longestWakeMs) return;
  conversations.wakeSoon({ conversationId }, conversationId, { delayMs });
}
