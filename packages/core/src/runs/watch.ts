/** Watching a run, live or after the fact. */
import type { RunEvent } from '@nightshift/contracts';
import { isFinal, textOf } from '@nightshift/contracts';
import type { Database } from '../database/index.ts';
import { type EventBus, type NumberedEvent, readRunEvents, type Topic } from '../events/index.ts';
import { type JournalStep, readJournal } from './journal.ts';
import { getOutcome, type RunOutcome } from './runs.ts';

/** Signals can be lost; whoever waits looks again after this long, in milliseconds. */
const lookAgainMs = 2_000;

/** The end of a run is committed before its last events are written, by a few milliseconds; by this many at most. */
const lastEventsMs = 500;

/** Resolves on the next signal of `topic` about the run, after `timeoutMs`, or when `signal` aborts. */
function createWaiter(bus: EventBus, topic: Topic, runId: string, signal: AbortSignal) {
  let signalled = false;
  let wake: (() => void) | undefined;
  const notice = () => {
    signalled = true;
    wake?.();
  };
  const unsubscribe = bus.subscribe(topic, runId, notice);
  signal.addEventListener('abort', notice);
  return {
    async wait(timeoutMs = lookAgainMs): Promise<void> {
      if (!signalled) {
        let timer: NodeJS.Timeout | undefined;
        await new Promise<void>((resolve) => {
          wake = resolve;
          timer = setTimeout(resolve, timeoutMs);
        });
        clearTimeout(timer);
      }
      signalled = false;
    },
    [Symbol.dispose]() {
      unsubscribe();
      signal.removeEventListener('abort', notice);
    },
  };
}

/**
 * The run's events after number `after`, until it ends or `signal` aborts. When the events are gone (after an hour,
 * or a crash of the database), a finished run is told from its journal: each step whole, without deltas.
 *
 * @throws {DomainError} not_found
 */
export async function* watchRun(
  { db, bus }: { db: Database; bus: EventBus },
  { teamId, runId, after }: { teamId: string; runId: string; after: number },
  signal: AbortSignal,
): AsyncGenerator<NumberedEvent> {
  using waiter = createWaiter(bus, 'run', runId, signal);
  let seq = after;
  // The outcome is read before the events: a run that had ended by then has all its events written or lost.
  let outcome = await getOutcome(db, teamId, runId);
  let ended = false;
  while (!signal.aborted) {
    const events = await readRunEvents(db, runId, seq);
    for (const numbered of events) {
      seq = numbered.seq;
      yield numbered;
    }
    if (ended && events.length === 0) return;
    ended = false;
    if (events.at(-1)?.event.type === 'run.finished') {
      // A retried run has several ends. This one is the last when the run is over and nothing follows.
      outcome = await getOutcome(db, teamId, runId);
      ended = isFinal(outcome.status);
    }
    if (ended) continue;
    if (isFinal(outcome.status)) {
      await waiter.wait(lastEventsMs);
      const rest = await readRunEvents(db, runId, seq);
      if (rest.length > 0) continue;
      yield* retell(runId, outcome, seq === 0 ? await readJournal(db, runId) : [], seq);
      return;
    }
    await waiter.wait();
    outcome = await getOutcome(db, teamId, runId);
  }
}

function* retell(
  runId: string,
  outcome: RunOutcome,
  steps: readonly (JournalStep & { durationMs: number })[],
  after: number,
): Generator<NumberedEvent> {
  let seq = after;
  const next = (event: RunEvent): NumberedEvent => ({ seq: ++seq, event });
  for (const step of steps) {
    const { index, kind, name, status, output } = step;
    if (status === 'started') continue;
    const text =
      output === null ? undefined : textOf('message' in output ? output.message.content : output.content);
    const input = step.kind === 'tool' ? { input: step.input.arguments } : {};
    yield next({ type: 'step.started', index, kind, name, ...input });
    if (kind === 'model' && text) yield next({ type: 'text.delta', index, text });
    yield next({
      type: 'step.finished',
      index,
      kind,
      name,
      status,
      output: text,
      durationMs: Math.round(step.durationMs),
    });
  }
  if (outcome.status === 'queued' || outcome.status === 'running') return;
  yield next({
    type: 'run.finished',
    runId,
    status: outcome.status,
    ...(outcome.error ? { error: outcome.error } : {}),
  });
}

/**
 * Waits until the run has ended or `signal` aborts, whichever is first, and returns how it stands then. `fresh`: it has
 * only just been opened, and cannot have ended before this call. `isEnough`: ends the wait sooner; looked at every 2 s.
 *
 * @throws {DomainError} not_found
 */
export async function waitForRun(
  { db, bus }: { db: Database; bus: EventBus },
  {
    teamId,
    runId,
    fresh = false,
    isEnough = () => false,
  }: {
    teamId: string;
    runId: string;
    fresh?: boolean;
    isEnough?: (outcome: RunOutcome) => boolean;
  },
  signal: AbortSignal,
): Promise<RunOutcome> {
  using waiter = createWaiter(bus, 'run_end', runId, signal);
  if (fresh) await waiter.wait();
  for (;;) {
    const outcome = await getOutcome(db, teamId, runId);
    if (isFinal(outcome.status) || signal.aborted || isEnough(outcome)) return outcome;
    await waiter.wait();
  }
}
