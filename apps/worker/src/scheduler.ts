/**
 * Schedules: takes up the slots that are due and opens their runs. Every worker does; the database decides which one
 * gets a slot. Taking up never waits for the runs to be opened, so that a thousand slots at once are all taken up in
 * time.
 */
import type { Database } from '@nightshift/core/database';
import type { Log } from '@nightshift/core/log';
import type { Metrics } from '@nightshift/core/metrics';
import type { Producer } from '@nightshift/core/queue';
import {
  claimDueSlots,
  type DueFire,
  findUnopenedFires,
  nextDueInMs,
  openFire,
  pauseFailing,
  pruneFires,
} from '@nightshift/core/schedules';

/** A schedule that is made or changed is seen after this long at the latest. */
const maxSleepMs = 500;
/** Slots that another worker is just taking up are due for a moment longer. */
const minSleepMs = 20;
const pruneMs = 10 * 60_000;
/** Runs that are opened at once. The connections are for the runs under way too. */
const openers = 3;

export interface Scheduler {
  /** Takes up nothing more, and resolves when what is under way is done. Other workers open what is left. */
  close(): Promise<void>;
}

export function startScheduler(deps: {
  db: Database;
  conversations: Producer<'conversation'>;
  metrics: Metrics;
  log: Log;
}): Scheduler {
  const { db, conversations, metrics, log } = deps;
  /** One entry a schedule: its fires are opened in the order of their slots. */
  const waiting: DueFire[][] = [];
  const known = new Set<string>();
  const opening = new Set<Promise<void>>();
  let closed = false;
  let prunedAt = 0;

  async function openOne(fire: DueFire): Promise<void> {
    try {
      const accepted = await openFire(db, fire);
      if (!accepted)
        return log.warn(
          { scheduleId: fire.scheduleId },
          'schedule paused: its agent or conversation is gone',
        );
      const { conversationId, backlog, dueInMs } = accepted;
      conversations.wakeSoon({ conversationId }, conversationId, { delayMs: dueInMs, priority: backlog });
    } catch (error) {
      log.warn({ err: error, fireId: fire.id }, 'run not opened; trying again');
    } finally {
      known.delete(fire.id);
    }
  }

  async function openWaiting(): Promise<void> {
    for (let fires = waiting.shift(); fires; fires = waiting.shift()) {
      for (const fire of fires) {
        if (closed) return;
        await openOne(fire);
      }
    }
  }

  function open(fires: readonly DueFire[]): void {
    const fresh = fires.filter(({ id }) => !known.has(id));
    for (const { id } of fresh) known.add(id);
    waiting.push(...Map.groupBy(fresh, ({ scheduleId }) => scheduleId).values());
    while (opening.size < openers && waiting.length > 0) {
      const opener: Promise<void> = openWaiting().finally(() => opening.delete(opener));
      opening.add(opener);
    }
  }

  async function takeUpDue(): Promise<void> {
    for (let more = true; more && !closed; ) {
      const { due, taken, full } = await claimDueSlots(db);
      for (const { outcome, slots, driftMs } of taken) {
        metrics.scheduleFires.inc({ outcome }, slots);
        metrics.scheduleDriftSeconds.observe(driftMs / 1000);
      }
      open(due);
      more = full;
    }
  }

  /** @returns milliseconds until the next look */
  async function look(): Promise<number> {
    await takeUpDue();
    for (const { id, teamId, name } of await pauseFailing(db)) {
      metrics.schedulePauses.inc();
      log.warn({ scheduleId: id, teamId, schedule: name }, 'schedule paused itself after repeated failures');
    }
    open(await findUnopenedFires(db));
    if (Date.now() - prunedAt > pruneMs) {
      prunedAt = Date.now();
      await pruneFires(db);
    }
    const nextMs = (await nextDueInMs(db)) ?? maxSleepMs;
    return Math.min(maxSleepMs, Math.max(minSleepMs, Math.ceil(nextMs)));
  }

  let timer: NodeJS.Timeout | undefined;
  function next(): Promise<void> {
    return look()
      .catch((error: Error) => {
        log.warn({ err: error }, 'schedules not looked at; trying again');
        return maxSleepMs;
      })
      .then((ms) => {
        if (!closed) timer = setTimeout(() => (looking = next()), ms);
      });
  }

  let looking = next();
  return {
    async close() {
      closed = true;
      clearTimeout(timer);
      await looking;
      await Promise.all(opening);
    },
  };
}
