/** Answers that are shown while they are written. */
import type { Log } from '@nightshift/core/log';
import type { ClaimedRun } from '@nightshift/core/runs';

export interface LiveReplies {
  /** Begins to show that a run works; `signal` stops it. Undefined: there is nobody to show it to. */
  open(run: ClaimedRun, signal: AbortSignal, log: Log): LiveReply | undefined;
}

export interface LiveReply {
  /** More of the text of a step. Never waits and never throws. */
  write(index: number, delta: string): void;
  /** The answer is whole: drops what was not shown yet, and resolves when nothing of it is under way any more. */
  settle(): Promise<void>;
  /** The run is over, here. */
  close(): void;
}
