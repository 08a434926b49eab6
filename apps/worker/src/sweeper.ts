/**
 * Looks for lanes that are due and that nobody works on, and works on them: a wake-up was lost, a worker died, or the
 * queue is down. The queue makes things fast; this makes them happen. Every worker sweeps, as far as it has room, and
 * claiming the lane decides who gets it.
 */
import type { Log } from '@nightshift/core/log';

const sweepMs = 1_000;

/** How many lanes are looked up at once. After an outage there are thousands, and looking costs more the more there are. */
const lookAhead = 256;

/** One kind of lane. */
export interface SweptLanes {
  name: string;
  /** Those that are due and that nobody works on, the most urgent first. */
  find(limit: number): Promise<string[]>;
  /** What the queue's processor does. */
  process(id: string): Promise<void>;
  /** How many more this worker could work on now. A busy worker leaves sweeping to others. `swept`: of the sweeper's own. */
  free(swept: number): number;
}

export interface Sweeper {
  /** Resolves when a sweep under way is done, and what it works on. */
  close(): Promise<void>;
}

export function startSweeper({ lanes, log }: { lanes: readonly SweptLanes[]; log: Log }): Sweeper {
  const sweeps = lanes.map((each) => sweepOf(each, log));
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  async function sweep(): Promise<void> {
    for (const each of sweeps) await each.look();
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
      await Promise.all(sweeps.map((each) => each.close()));
    },
  };
}

function sweepOf(lanes: SweptLanes, log: Log) {
  /** Found and not begun yet. Others may have taken them meanwhile; claiming tells. */
  let found: string[] = [];
  /** There was more than was looked up. */
  let more = false;
  let closed = false;
  const working = new Map<string, Promise<void>>();
  let looking: Promise<void> | undefined;

  function begin(id: string): void {
    const work = lanes
      .process(id)
      .catch((error: Error) => log.error({ err: error, lane: id, kind: lanes.name }, 'lane failed'))
      .finally(() => {
        working.delete(id);
        fill();
        if (more && found.length === 0)
          look().catch((error: Error) => log.warn({ err: error }, 'sweep failed'));
      });
    working.set(id, work);
  }

  /** Begins as many as there is room for. */
  function fill(): void {
    while (!closed && found.length > 0 && lanes.free(working.size) > 0) {
      const id = found.shift()!;
      if (!working.has(id)) begin(id);
    }
  }

  function look(): Promise<void> {
    looking ??= lookNow().finally(() => {
      looking = undefined;
    });
    return looking;
  }

  async function lookNow(): Promise<void> {
    if (closed || lanes.free(working.size) <= 0) return;
    const due = await lanes.find(lookAhead);
    more = due.length === lookAhead;
    found = due.filter((id) => !working.has(id));
    if (found.length > 0)
      log.info({ kind: lanes.name, lanes: found.length }, 'taking up lanes that nobody works on');
    fill();
  }

  return {
    look,
    async close() {
      closed = true;
      await looking?.catch(() => undefined);
      await Promise.all(working.values());
    },
  };
}
