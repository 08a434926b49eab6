/** What budgets would say to a call that is only being thought of. Nothing is reserved. */
import type { BudgetUnit, BudgetWindow } from '@nightshift/contracts';
import { type Database, statement } from '../database/index.ts';
import { decimal } from './decimal.ts';
import { describeUse } from './words.ts';

/** Who would ask, and where. Null: in a new conversation over the API. */
export interface Asker {
  teamId: string;
  agentId: string;
  conversationId: string | null;
  memberId: string;
}

export interface BudgetOutlook {
  budgetId: string;
  name: string;
  unit: BudgetUnit;
  /** `4.02 of 5 USD this month` */
  use: string;
  exceeded: boolean;
  allowUnpriced: boolean;
  /** Lets this model pass though it is used up. */
  downgradeTo: string | null;
}

type Row = {
  id: string;
  name: string;
  unit: BudgetUnit;
  window: BudgetWindow;
  rolling: boolean;
  max: string;
  used: string;
  exceeded: boolean;
  allow_unpriced: boolean;
  downgrade_to: string | null;
};

const outlook = statement<Row>(`
  SELECT b.id, b.name, b.unit, b."window", b.rolling, b.max, w.used, w.used >= b.max AS exceeded, b.allow_unpriced, b.downgrade_to
  FROM budget b, LATERAL (SELECT budget_account(b, $2, (SELECT channel_id FROM conversation WHERE id = $3), NULL, $4) AS id) AS a, LATERAL (
    SELECT coalesce(sum(s.used), 0) AS used FROM budget_slot s
    WHERE s.budget_id = b.id AND s.account_id = a.id AND s.starts_at >= budget_window_start(b, now())
  ) AS w
  WHERE b.team_id = $1 AND b.enabled AND a.id IS NOT NULL ORDER BY b.id`);

/** The budgets that a call of this asker would be counted in, as they stand now. */
export async function budgetsFor(db: Database, asker: Asker): Promise<BudgetOutlook[]> {
  const { teamId, agentId, conversationId, memberId } = asker;
  const rows = await db.query(outlook, [teamId, agentId, conversationId, memberId]);
  return rows.map(({ id, name, unit, window, rolling, exceeded, ...row }) => ({
    budgetId: id,
    name,
    unit,
    use: describeUse({ used: decimal(row.used), max: decimal(row.max), unit, window, rolling }),
    exceeded,
    allowUnpriced: row.allow_unpriced,
    downgradeTo: row.downgrade_to,
  }));
}
