/** The lanes that this worker holds: renews their leases, and stops a run whose lane was lost or that was cancelled. */
import type { Database } from '@nightshift/core/database';
import type { EventBus } from '@nightshift/core/events';
import type { Log } from '@nightshift/core/log';
import { type ClaimedRun, leaseMs, renewLanes } from '@nightshift/core/runs';
import { RunStopped, type StopCause } from './stop.ts';

export interface LaneKeeper {
  /** Keeps the run's lane until `release`. The signal's reason is a `RunStopped`. */
  hold(run: ClaimedRun): { signal: AbortSignal; release(): void };
  /** Stops all runs under way, and those held from now on, for another worker to go on with. */
  handOver(): void;
  readonly size: number;
  close(): void;
}

interface Held {
  run: ClaimedRun;
  controller: AbortController;
  renewedAt: number;
}

export function createLaneKeeper(deps: { db: Database; bus: EventBus; log: Log }): LaneKeeper {
  const held = new Set<Held>();
  let handingOver = false;
  let renewing = false;
  let again = false;

  const stop = (lane: Held, cause: StopCause) => lane.controller.abort(new RunStopped(cause));

  async function renew(): Promise<void> {
    const mine = [...held];
    const asked = performance.now();
    const renewed = await renewLanes(
      deps.db,
      mine.map(({ run }) => ({ lane: run.lane, runId: run.id })),
    );
    const answers = new Map(
      renewed.map(({ lane, cancelled }) => [`${lane.conversationId}/${lane.epoch}`, cancelled]),
    );
    for (const lane of mine) {
      const cancelled = answers.get(`${lane.run.lane.conversationId}/${lane.run.lane.epoch}`);
      lane.renewedAt = cancelled === undefined ? lane.renewedAt : asked;
      if (cancelled === undefined && held.has(lane)) stop(lane, 'lane_lost');
      else if (cancelled) stop(lane, 'cancelled');
    }
  }

  /** Now, or once more after the renewal under way, which may have read too early. */
  function renewSoon(): void {
    again = renewing;
    if (renewing || held.size === 0) return;
    renewing = true;
    renew()
      .catch((error: Error) => deps.log.warn({ err: error }, 'leases not renewed'))
      .finally(() => {
        renewing = false;
        if (again) renewSoon();
      });
  }

  const timer = setInterval(() => {
    // A process that was stopped for longer than its leases must not go on as if it still held them.
    for (const lane of held) {
      if (performance.now() - lane.renewedAt > leaseMs) stop(lane, 'lane_lost');
    }
    renewSoon();
  }, leaseMs / 4);

  return {
    hold(run) {
      const lane: Held = { run, controller: new AbortController(), renewedAt: performance.now() };
      // The signal may be spurious (after a reconnect everybody is called): renewing tells whether it was meant.
      const unsubscribe = deps.bus.subscribe('cancel', run.id, renewSoon);
      held.add(lane);
      if (handingOver) stop(lane, 'handover');
      return {
        signal: lane.controller.signal,
        release() {
          held.delete(lane);
          unsubscribe();
        },
      };
    },
    handOver() {
      handingOver = true;
      for (const lane of held) stop(lane, 'handover');
    },
    get size() {
      return held.size;
    },
    close() {
      clearInterval(timer);
    },
  };
}
