import { type Database, statement } from '../database/index.ts';

// The longest window is a calendar's month. A reservation that ran out is one of a run that nobody took over.
const prune = statement(`
  WITH gone AS (DELETE FROM budget_reservation WHERE expires_at < now())
  DELETE FROM budget_slot WHERE starts_at < now() - interval '40 days'`);

/** Removes what no window counts any more. */
export async function pruneBudgets(db: Database): Promise<void> {
  await db.queryRelaxed(prune);
}
