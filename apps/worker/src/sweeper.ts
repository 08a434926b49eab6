/**
 * Looks for lanes that are due and that nobody works on, and works on them: a wake-up was lost, a worker died, or the
 * queue is down. The queue makes things fast; this makes them happen. Every worker sweeps, as far as it has room, and
 * claiming the lane decides who gets it.
 */
import type { Database } from '@nightshift/core/database';
import { pruneRunEvents } from '@nightshift/core/events';
import { pruneIdempotency } from '@nightshift/core/idempotency';
import type { Log } from '@nightshift/core/log';

const sweepMs = 3_000;
const pruneMs = 10 * 60_000;

/** One kind of lane. */
export interface SweptLanes {
  name: string;
  /** Those that are due and that nobody works on, the oldest first. */
  find(limit: number): Promise<string[]>;
  /** What the queue's processor does. */
  process(id: string): Promise<void>;
  /** How many more this worker could work on now. A busy worker leaves sweeping to others. */
  free(): number;
}

export interface Sweeper {
  /** Resolves when a sweep under way is done, and what it works on. */
  close(): Promise<void>;
}

export function startSweeper(deps: { db: Database; lanes: readonly SweptLanes[]; log: Log }): Sweeper {
  const { db, log } = deps;
  const working = new Map<string, Promise<void>>();
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let prunedAt = 0;
  /** The last sweep left some for want of room. */
  let more = false;

  function workOn(lanes: SweptLanes, id: string): void {
    const work = lanes
      .process(id)
      .catch((error: Error) => log.error({ err: error, lane: id, kind: lanes.name }, 'lane failed'))
      .finally(() => {
        working.delete(id);
        // After a flushed queue there are thousands; they must not wait for the next sweep one roomful at a time.
        if (more && working.size === 0) sweepSoon(0);
      });
    working.set(id, work);
  }

  async function sweep(): Promise<void> {
    more = false;
    for (const lanes of deps.lanes) {
      const free = lanes.free();
      const due = free > 0 ? (await lanes.find(free)).filter((id) => !working.has(id)) : [];
      if (due.length > 0)
        log.info({ kind: lanes.name, lanes: due.length }, 'taking up lanes that nobody works on');
      more ||= due.length === free;
      for (const id of due) workOn(lanes, id);
    }
    if (Date.now() - prunedAt > pruneMs) {
      prunedAt = Date.now();
      await pruneRunEvents(db);
      await pruneIdempotency(db);
    }
  }

  function next(): Promise<void> {
    return sweep()
      .catch((error: Error) => log.warn({ err: error }, 'sweep failed; trying again'))
      .then(() => sweepSoon(sweepMs));
  }

  function sweepSoon(ms: number): void {
    clearTimeout(timer);
    if (!closed) timer = setTimeout(() => (running = next()), ms);
  }

  // At once: what was under way when the last process died is due now.
  let running = next();
  return {
    async close() {
      closed = true;
      clearTimeout(timer);
      await running;
      await Promise.all(working.values());
    },
  };
}
