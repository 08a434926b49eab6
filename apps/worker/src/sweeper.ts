/**
 * Looks for what is due and wakes it, so that nothing depends on a wake-up having arrived. Every worker sweeps;
 * waking twice changes nothing.
 */
import type { Database } from '@nightshift/core/database';
import { pruneRunEvents } from '@nightshift/core/events';
import { pruneIdempotency } from '@nightshift/core/idempotency';
import type { Log } from '@nightshift/core/log';
import type { Producer } from '@nightshift/core/queue';
import { findDueLanes } from '@nightshift/core/runs';

const sweepMs = 5_000;
const pruneMs = 10 * 60_000;

export interface Sweeper {
  /** Resolves when a sweep under way is done. */
  close(): Promise<void>;
}

export function startSweeper(deps: {
  db: Database;
  conversations: Producer<'conversation'>;
  log: Log;
}): Sweeper {
  const { db, conversations, log } = deps;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let prunedAt = 0;

  async function sweep(): Promise<void> {
    const due = await findDueLanes(db);
    if (due.length > 0) log.info({ lanes: due.length }, 'waking lanes that nobody works on');
    for (const conversationId of due) await conversations.wake({ conversationId }, conversationId);
    if (Date.now() - prunedAt > pruneMs) {
      prunedAt = Date.now();
      await pruneRunEvents(db);
      await pruneIdempotency(db);
    }
  }

  function next(): Promise<void> {
    return sweep()
      .catch((error: Error) => log.warn({ err: error }, 'sweep failed; trying again'))
      .then(() => {
        if (!closed) timer = setTimeout(() => (running = next()), sweepMs);
      });
  }

  // At once: what was under way when the last process died is due now.
  let running = next();
  return {
    async close() {
      closed = true;
      clearTimeout(timer);
      await running;
    },
  };
}
