/** Runs that wait for a budget. */
import { type Database, statement } from '../database/index.ts';

// Of all budgets: what a run waits for may be another one than it says, and it looks for itself.
const release = statement<{ conversation_id: string }>(`
  UPDATE run SET due_at = now() WHERE team_id = $1 AND status = 'queued' AND waiting IS NOT NULL AND due_at > now()
  RETURNING conversation_id`);

/** Lets the team's waiting runs look again, after a budget has changed. @returns the lanes to wake */
export async function releaseWaitingRuns(db: Database, teamId: string): Promise<string[]> {
  const rows = await db.query(release, [teamId]);
  return rows.map(({ conversation_id }) => conversation_id);
}
