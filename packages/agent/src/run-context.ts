/** What everything that works on a run is given. */
import type { RunEventWriter } from '@nightshift/core/events';
import type { Log } from '@nightshift/core/log';
import type { Metrics } from '@nightshift/core/metrics';
import type { ClaimedRun, JournalScope } from '@nightshift/core/runs';
import type { Router } from '@nightshift/providers';
import type { Tool } from '@nightshift/tools';
import type { AttachmentReader } from './attachments.ts';
import type { LiveReplies, LiveReply } from './live-reply.ts';
import type { PlaceLimits } from './place-limits.ts';
import type { TargetDeps } from './targets.ts';

export interface RunDeps extends TargetDeps {
  router: Router;
  tools: readonly Tool[];
  metrics: Metrics;
  /** Fetches what comes with messages. Absent: nothing but its name is shown. */
  attachments?: AttachmentReader;
  /** What the place of a conversation takes of an answer. Absent: nothing is known of places. */
  places?: PlaceReader;
  /** Shows answers of conversations in channels while they are written. */
  live?: LiveReplies;
}

export interface PlaceReader {
  /** Null: there is no place, or nothing is known of it. */
  read(run: ClaimedRun): Promise<PlaceLimits | null>;
}

/** One run, while this worker works on it. */
export interface RunContext {
  readonly deps: RunDeps;
  readonly run: ClaimedRun;
  readonly scope: JournalScope;
  /** Aborts when somebody outside stops the run. */
  readonly stop: AbortSignal;
  /** Also aborts when the run's time is up. */
  readonly signal: AbortSignal;
  readonly events: RunEventWriter;
  readonly live: LiveReply | undefined;
  readonly log: Log;
  /** For the run's record and its watchers; the same words count once. */
  warn(message: string): void;
}
