/** Watching a thread: what was said, what is said, and the answer that is being written. */
import { setTimeout as sleep } from 'node:timers/promises';
import { threadLane } from '../channels/index.ts';
import type { Database } from '../database/index.ts';
import { type EventBus, readRunEvents, signal as sendSignal } from '../events/index.ts';
import type { KeyEncryptionKey } from '../secrets/index.ts';
import {
  historyLimit,
  pageOf,
  readOpenRun,
  readTimeline,
  type Thread,
  type TimelineEntry,
} from './timeline.ts';

export type ThreadEvent =
  /** First of all. `older`: there are more before; `reset`: there may be a gap to what the watcher has. */
  | { type: 'history'; entries: TimelineEntry[]; older: boolean; reset: boolean }
  | { type: 'entry'; entry: TimelineEntry }
  /** The text of the answer under way, whole; empty: there is none yet. */
  | { type: 'draft'; runId: string; text: string }
  /** No run is under way any more. */
  | { type: 'idle' };

/**
 * Two transactions may be committed in another order than they began, so what is new is looked for from this long before
 * the newest entry that is known, in milliseconds. The watcher may be told of an entry twice, and goes by its id.
 */
const overlapMs = 30_000;

/** Signals can be lost, and not everything sends one: a schedule's answer is found by looking. In milliseconds. */
const lookAgainMs = 10_000;

/**
 * The least time between two drafts, in milliseconds. Each is the whole text, formatted and sent again: the pause grows
 * with its length, so that a long answer takes no more of the processor and the line in a second than a short one.
 */
const draftPauseMs = (text: string) => Math.min(5_000, 120 + text.length / 40);

/** The pause is at least so many times what the watcher took for the draft before, up to `longestPauseMs`. */
const pauseShare = 4;
const longestPauseMs = 20_000;

/** Says that something was said in the thread. It need not arrive. */
export const signalThread = (db: Database, { channelId, threadKey }: Thread): Promise<void> =>
  sendSignal(db.relaxed, 'thread', threadLane(channelId, threadKey));

/** Wakes whoever waits; a ring before the wait is not lost. */
function createBell(signal: AbortSignal) {
  let rung = false;
  let wake: (() => void) | undefined;
  const ring = () => {
    rung = true;
    wake?.();
  };
  signal.addEventListener('abort', ring);
  return {
    ring,
    /** @returns false when nobody rang for so long */
    async wait(timeoutMs: number): Promise<boolean> {
      let timer: NodeJS.Timeout | undefined;
      if (!rung) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          timer = setTimeout(resolve, timeoutMs);
        });
      }
      clearTimeout(timer);
      const was = rung;
      rung = false;
      return was;
    },
    [Symbol.dispose]: () => signal.removeEventListener('abort', ring),
  };
}

/** The run whose answer is being written, as far as its events were read. */
interface Draft {
  runId: string;
  seq: number;
  text: string;
  /** The step whose text it is. */
  step: number;
  shown: string;
  unsubscribe(): void;
}

/**
 * The thread's entries after the time `after`, or the newest ones, and then what happens in it until `signal` aborts.
 * An answer is an entry once it is committed; drafts are a courtesy. Without `isLive` they have no text.
 */
export async function* watchThread(
  { db, kek, bus }: { db: Database; kek: KeyEncryptionKey; bus: EventBus },
  { thread, after, isLive }: { thread: Thread; after: Date | undefined; isLive: () => boolean },
  signal: AbortSignal,
): AsyncGenerator<ThreadEvent> {
  using bell = createBell(signal);
  let isStale = false;
  let draft = null as Draft | null;
  const unsubscribe = bus.subscribe('thread', threadLane(thread.channelId, thread.threadKey), () => {
    isStale = true;
    bell.ring();
  });
  const since = (time: Date | undefined) => time && new Date(time.getTime() - overlapMs);
  try {
    const found = await readTimeline(db, kek, thread, { after: since(after), limit: historyLimit + 1 });
    const { entries, older } = pageOf(found);
    yield { type: 'history', entries, older, reset: after === undefined || older };
    let newest = entries.at(-1)?.createdAt;
    let told = new Set(found.map(({ id }) => id));
    let lookForRun = true;

    while (!signal.aborted) {
      if (isStale) {
        isStale = false;
        lookForRun = true;
        const read: TimelineEntry[] = await readTimeline(db, kek, thread, {
          after: since(newest),
          limit: 500,
        });
        for (const entry of read) if (!told.has(entry.id)) yield { type: 'entry', entry };
        told = new Set(read.map(({ id }) => id));
        newest = read.at(-1)?.createdAt ?? newest;
      }
      if (lookForRun) {
        lookForRun = false;
        const runId = await readOpenRun(db, thread);
        if (runId !== (draft?.runId ?? null)) {
          draft?.unsubscribe();
          draft = runId === null ? null : begin(bus, runId, bell.ring);
          yield runId === null ? { type: 'idle' } : { type: 'draft', runId, text: '' };
        }
      }
      let pauseMs = 0;
      if (draft) {
        if (await readOn(db, draft)) {
          // Its answer was committed before its end was told.
          draft.unsubscribe();
          draft = { ...draft, runId: '' };
          isStale = true;
          continue;
        }
        if (isLive() && draft.text !== '' && draft.text !== draft.shown) {
          draft.shown = draft.text;
          const told = performance.now();
          yield { type: 'draft', runId: draft.runId, text: draft.text };
          pauseMs = Math.min(longestPauseMs, pauseShare * (performance.now() - told));
        }
        pauseMs = Math.max(pauseMs, draftPauseMs(draft.text));
      }
      if (!(await bell.wait(lookAgainMs))) isStale = true;
      if (pauseMs > 0 && !isStale) await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    unsubscribe();
    draft?.unsubscribe();
  }
}

function begin(bus: EventBus, runId: string, ring: () => void): Draft {
  return {
    runId,
    seq: 0,
    text: '',
    step: -1,
    shown: '',
    unsubscribe: bus.subscribe('run', runId, ring),
  };
}

/** Reads what has happened since. @returns whether the run has ended */
async function readOn(db: Database, draft: Draft): Promise<boolean> {
  let hasEnded = false;
  for (;;) {
    const events = await readRunEvents(db, draft.runId, draft.seq);
    for (const { seq, event } of events) {
      draft.seq = seq;
      // A step that another worker begins anew is written anew.
      if (event.type === 'step.started' && event.kind === 'model')
        [draft.text, draft.step] = ['', event.index];
      if (event.type === 'text.delta' && event.index === draft.step) draft.text += event.text;
      if (event.type === 'run.started') hasEnded = false;
      if (event.type === 'run.finished' || event.type === 'run.waiting') hasEnded = true;
    }
    if (events.length === 0) return hasEnded;
  }
}
