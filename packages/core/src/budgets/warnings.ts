/** Telling a team that a budget comes to its end, once a window and account. */
import type { BudgetFigures, BudgetUnit, BudgetWindow } from '@nightshift/contracts';
import { type Database, statement } from '../database/index.ts';
import { decimal } from './decimal.ts';
import { describeUse } from './words.ts';

/** Of a budget: from here on its state is `warning`, and the team is told. */
export const warnedFrom = 0.8;

type Row = {
  id: string;
  account_id: string;
  starts_at: Date;
  name: string;
  unit: BudgetUnit;
  window: BudgetWindow;
  rolling: boolean;
  max: string;
  percent: number;
  used: string;
  reserved: string;
  resets_at: Date | null;
};

const near = statement<Row>(`
  SELECT b.id, a.id AS account_id, w.starts_at, b.name, b.unit, b."window", b.rolling, b.max, w.used,
    least(floor(w.used * 100 / b.max), 1000000)::int AS percent,
    (SELECT coalesce(sum(v.amount), 0) FROM budget_reservation v
      WHERE v.budget_id = b.id AND v.account_id = a.id AND v.expires_at > now()) AS reserved,
    budget_resets_at(b, a.id, now()) AS resets_at
  FROM run r JOIN conversation c ON c.id = r.conversation_id JOIN budget b ON b.team_id = r.team_id AND b.enabled,
    LATERAL (SELECT budget_account(b, r.agent_id, c.channel_id, r.schedule_id, r.api_key_id) AS id) AS a,
    LATERAL (
      SELECT sum(s.used) AS used, max(s.starts_at) AS starts_at, count(s.warned_at) AS warnings FROM budget_slot s
      WHERE s.budget_id = b.id AND s.account_id = a.id AND s.starts_at >= budget_window_start(b, now())
    ) AS w
  WHERE r.id = $1 AND a.id IS NOT NULL AND w.warnings = 0 AND b.max > 0 AND w.used >= b.max * ${warnedFrom}`);

// Of those who find it at once the first one marks the slot; the others, when they get to the row, see the mark.
const warn = statement<{ lanes: string[] | null }>(`
  WITH marked AS (
    UPDATE budget_slot SET warned_at = now()
    WHERE budget_id = $1 AND account_id = $2 AND starts_at = $3 AND warned_at IS NULL
    RETURNING budget_id
  ), noted AS (
    UPDATE run r SET warnings = r.warnings || $5::text FROM marked WHERE r.id = $4
    RETURNING r.id, r.team_id, r.conversation_id
  ), subscribed AS (
    -- Locked, so that a webhook that is deleted meanwhile is left out rather than missed by the foreign key.
    SELECT w.id, noted.id AS run_id, noted.team_id, noted.conversation_id
    FROM noted JOIN webhook w ON w.team_id = noted.team_id AND 'budget.warning' = ANY (w.events) FOR KEY SHARE OF w
  ), outbox AS (
    INSERT INTO delivery (team_id, lane, webhook_id, conversation_id, run_id, event, data)
    SELECT team_id, id || '/' || conversation_id, id, conversation_id, run_id, 'budget.warning', $6 FROM subscribed
    RETURNING lane
  )
  SELECT (SELECT array_agg(lane) FROM outbox) AS lanes FROM marked`);

export interface BudgetWarning {
  message: string;
  figures: BudgetFigures;
  /** Lanes of the outbox to wake. */
  lanes: string[];
}

/**
 * Looks whether the budgets of a run have come to 80 %, after it has used something, and tells the team: in the run's
 * warnings, and by `budget.warning` to the webhooks that want it. What is left untold by a crash is told after the
 * account's next attempt.
 */
export async function warnOfBudgets(db: Database, runId: string): Promise<BudgetWarning[]> {
  const warnings: BudgetWarning[] = [];
  for (const row of await db.query(near, [runId])) {
    const { id, name, unit, window, rolling } = row;
    const [used, max] = [decimal(row.used), decimal(row.max)];
    const figures: BudgetFigures = {
      budgetId: id,
      limit: name,
      unit,
      window,
      used,
      reserved: decimal(row.reserved),
      max,
      resetsAt: row.resets_at?.toISOString() ?? null,
    };
    const message = `The budget "${name}" is used to ${row.percent} %: ${describeUse({ used, max, unit, window, rolling })}.`;
    const data = { budget: figures, subjectId: row.account_id === id ? null : row.account_id };
    const key = [id, row.account_id, row.starts_at];
    const [marked] = await db.query(warn, [...key, runId, message, JSON.stringify(data)]);
    if (marked) warnings.push({ message, figures, lanes: marked.lanes ?? [] });
  }
  return warnings;
}
