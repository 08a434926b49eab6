/** How much there is to do, for those who watch the installation. */
import { type Database, statement } from '../database/index.ts';

export interface RunBacklog {
  queued: number;
  running: number;
  /** For how long the oldest queued run could have been begun; 0 when none waits. */
  oldestDueSeconds: number;
}

const backlog = statement<{ queued: string; running: string; oldest: string | null }>(`
  SELECT count(*) FILTER (WHERE status = 'queued') AS queued, count(*) FILTER (WHERE status = 'running') AS running,
    -- What is behind a run that waits for a budget could not have been begun.
    extract(epoch FROM now() - min(due_at) FILTER (WHERE status = 'queued' AND NOT EXISTS (
      SELECT FROM run w WHERE w.conversation_id = run.conversation_id AND w.status = 'queued' AND w.waiting IS NOT NULL
    ))) AS oldest
  FROM run WHERE status IN ('queued', 'running')`);

/** Over all teams. */
export async function readRunBacklog(db: Database): Promise<RunBacklog> {
  const [row] = await db.queryRelaxed(backlog);
  return {
    queued: Number(row?.queued),
    running: Number(row?.running),
    oldestDueSeconds: Math.max(0, Number(row?.oldest ?? 0)),
  };
}
