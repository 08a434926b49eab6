/** How a run stands that has not ended: what it waits for. */
import type { RunProgress, RunStatus, Waiting } from '@nightshift/contracts';
import { type Database, statement } from '../database/index.ts';
import { notFound } from '../errors/index.ts';

type Row = {
  status: RunStatus;
  waiting: Waiting | null;
  due_at: Date;
  is_due: boolean;
  ahead: number;
  step: { index: number; kind: string; name: string; startedAt: string } | null;
};

/** Counting runs before it stops there. */
const counted = 1_000;

const read = statement<Row>(`
  SELECT r.status, r.waiting, r.due_at, r.due_at <= now() AS is_due,
    (SELECT count(*)::int FROM (SELECT FROM run o WHERE o.conversation_id = r.conversation_id AND o.id <> r.id
      AND o.status IN ('queued', 'running') AND (o.created_at, o.id) < (r.created_at, r.id) LIMIT ${counted}) AS before) AS ahead,
    (SELECT jsonb_build_object('index', s.index, 'kind', s.kind, 'name', s.name, 'startedAt',
        to_char(s.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
      FROM step s WHERE s.run_id = r.id AND s.status = 'started' ORDER BY s.index DESC LIMIT 1) AS step
  FROM run r WHERE r.id = $1 AND r.team_id = $2`);

/** @throws {DomainError} not_found */
export async function readProgress(db: Database, teamId: string, runId: string): Promise<RunProgress> {
  const [row] = await db.query(read, [runId, teamId]);
  if (!row) throw notFound('run');
  const look = { run: `/v1/runs/${runId}`, events: `/v1/runs/${runId}/events` };
  return { status: row.status, waitsFor: waitsFor(row), look };
}

function waitsFor({ status, waiting, due_at, is_due, ahead, step }: Row): RunProgress['waitsFor'] {
  if (status === 'running') {
    if (!step) return null;
    const what = step.kind === 'model' ? `the model ${step.name} to answer` : `the tool ${step.name} to end`;
    return { code: 'step', message: `The run waits for ${what} (step ${step.index}).`, step };
  }
  if (status !== 'queued') return null;
  if (waiting) return { code: waiting.code, message: waiting.message, until: waiting.until };
  if (ahead > 0) {
    const runs = ahead === 1 ? 'one other run' : `${ahead} other runs`;
    return {
      code: 'turn',
      message: `The run waits for its turn: ${runs} of the conversation come before it.`,
      ahead,
    };
  }
  if (!is_due) {
    const message = 'The run waits for more messages of a burst.';
    return { code: 'collecting', message, until: due_at.toISOString() };
  }
  return { code: 'worker', message: 'The run waits for a worker to begin it.' };
}
