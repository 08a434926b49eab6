/** Removes what is no longer needed, now and then. It is its own task, so that nothing that is due waits for it. */
import { pruneBudgets } from '@nightshift/core/budgets';
import { pruneHistorySummaries } from '@nightshift/core/conversations';
import type { Database } from '@nightshift/core/database';
import { pruneRunEvents } from '@nightshift/core/events';
import { pruneIdempotency } from '@nightshift/core/idempotency';
import { pruneRoomMessages } from '@nightshift/core/inbox';
import type { Log } from '@nightshift/core/log';
import { pruneOpenaiRequests } from '@nightshift/core/openai-requests';
import { pruneRecords, type Retention } from '@nightshift/core/retention';

const pruneMs = 10 * 60_000;

export interface Pruner {
  /** Resolves when the statement under way is done. */
  close(): Promise<void>;
}

export function startPruner({
  db,
  retention,
  log,
}: {
  db: Database;
  retention: Retention;
  log: Log;
}): Pruner {
  const stop = new AbortController();
  let timer: NodeJS.Timeout | undefined;

  async function prune(): Promise<void> {
    await pruneRunEvents(db);
    await pruneIdempotency(db);
    await pruneOpenaiRequests(db);
    await pruneHistorySummaries(db);
    await pruneBudgets(db);
    await pruneRoomMessages(db);
    const removed = await pruneRecords(db, retention, stop.signal);
    if (removed > 0) log.info({ removed }, 'records that were kept long enough are removed');
  }

  function next(): Promise<void> {
    return prune()
      .catch((error: Error) => log.warn({ err: error }, 'pruning failed; trying again later'))
      .then(() => {
        if (!stop.signal.aborted) timer = setTimeout(() => (running = next()), pruneMs);
      });
  }

  let running = next();
  return {
    async close() {
      stop.abort();
      clearTimeout(timer);
      await running;
    },
  };
}
