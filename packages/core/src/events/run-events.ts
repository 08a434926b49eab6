/**
 * The events of a run, as its watchers see them: numbered from 1, kept for an hour, so that a watcher that lost its
 * connection goes on where it was. They are derived from the journal and need not survive a crash of the database.
 */
import type { RunEvent } from '@nightshift/contracts';
import { type Database, type GatheringStatement, statement } from '../database/index.ts';
import type { Log } from '../log/index.ts';

export interface NumberedEvent {
  seq: number;
  event: RunEvent;
}

/** Deltas are gathered this long before they are written, in milliseconds. */
const gatherMs = 25;

// A worker that was stopped past its lease may still have some to write; what its successor did is what counts. The
// epoch is looked up rather than asked for with EXISTS, which the planner answers by reading all conversations.
const append: GatheringStatement<object> = statement(`
  WITH item AS (
    SELECT i.*, i.ordinality::int AS item
    FROM ROWS FROM (jsonb_to_recordset($1::jsonb) AS (run_id uuid, events jsonb, conversation_id uuid, epoch int, ended boolean))
      WITH ORDINALITY AS i
  ), written AS (
    INSERT INTO run_event (run_id, seq, type, data)
    SELECT item.run_id, (SELECT coalesce(max(seq), 0) FROM run_event e WHERE e.run_id = item.run_id) + v.ordinality,
      v.value->>'type', v.value
    FROM item, jsonb_array_elements(item.events) WITH ORDINALITY AS v (value, ordinality)
    WHERE item.conversation_id IS NULL
      OR (SELECT c.epoch FROM conversation c WHERE c.id = item.conversation_id) = item.epoch
    ON CONFLICT DO NOTHING
  )
  SELECT item, pg_notify('nightshift_run', run_id::text),
    CASE WHEN ended THEN pg_notify('nightshift_run_end', run_id::text) END
  FROM item`);

/** The lane that the writer holds, as in runs/lane.ts. */
type WriterLane = { readonly conversationId: string; readonly epoch: number };

/** Writes events of a run and tells its watchers. With `lane`: only while nobody has claimed it since. */
export async function appendRunEvents(
  db: Database,
  runId: string,
  events: readonly RunEvent[],
  lane?: WriterLane,
): Promise<void> {
  await db.gatherRelaxed(append, {
    run_id: runId,
    events,
    conversation_id: lane?.conversationId,
    epoch: lane?.epoch,
    ended: events.some(({ type }) => type === 'run.finished'),
  });
}

const read = statement<{ seq: number; data: RunEvent }>(`
  SELECT seq, data FROM run_event WHERE run_id = $1 AND seq > $2 ORDER BY seq LIMIT 1000`);

export async function readRunEvents(db: Database, runId: string, after: number): Promise<NumberedEvent[]> {
  const rows = await db.queryRelaxed(read, [runId, after]);
  return rows.map(({ seq, data }) => ({ seq, event: data }));
}

const prune = statement(`DELETE FROM run_event WHERE created_at < now() - interval '1 hour'`);

export async function pruneRunEvents(db: Database): Promise<void> {
  await db.queryRelaxed(prune);
}

export interface RunEventWriter {
  /** Never waits and never throws: the run goes on whether or not somebody watches. */
  publish(event: RunEvent): void;
  /** Resolves when everything published is written. */
  flush(): Promise<void>;
}

/** Gathers the events of one run and writes them in order, deltas of one step joined. */
export function createRunEventWriter(
  db: Database,
  runId: string,
  log: Log,
  lane?: WriterLane,
): RunEventWriter {
  let pending: RunEvent[] = [];
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  function write(): void {
    clearTimeout(timer);
    timer = undefined;
    if (pending.length === 0) return;
    const events = pending;
    pending = [];
    writing = writing
      .then(() => appendRunEvents(db, runId, events, lane))
      .catch((error: Error) => log.warn({ err: error, runId }, 'run events not written'));
  }

  return {
    publish(event) {
      const last = pending.at(-1);
      if (
        last &&
        (event.type === 'text.delta' || event.type === 'thinking.delta') &&
        last.type === event.type &&
        last.index === event.index
      ) {
        last.text += event.text;
      } else {
        pending.push({ ...event });
      }
      if (event.type === 'run.finished') write();
      else timer ??= setTimeout(write, gatherMs);
    },
    async flush() {
      write();
      await writing;
    },
  };
}
