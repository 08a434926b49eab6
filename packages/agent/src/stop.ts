/** Why somebody outside stops a run. */
export type StopCause = 'cancelled' | 'handover' | 'lane_lost';

/** The reason of the signal that stops a run. */
export class RunStopped extends Error {
  override readonly name = 'RunStopped';
  readonly stop: StopCause;

  constructor(stop: StopCause) {
    super(`The run was stopped: ${stop}.`);
    this.stop = stop;
  }
}

/** Our signal's reason, when it was one of us who stopped the run. */
export function stopCause(signal: AbortSignal): StopCause | undefined {
  return signal.reason instanceof RunStopped ? signal.reason.stop : undefined;
}
