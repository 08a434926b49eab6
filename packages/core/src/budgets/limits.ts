/** How a team's budgets stand. */
import type { BudgetAccount, Limit } from '@nightshift/contracts';
import { type Database, statement } from '../database/index.ts';
import { subjectsOf, toBudget } from './budgets.ts';
import { decimal } from './decimal.ts';
import { warnedFrom } from './warnings.ts';

/** Accounts of one budget that are listed. */
const accountLimit = 200;

type Row = {
  budget_id: string;
  subject_id: string | null;
  subject: string | null;
  used: string;
  reserved: string;
  max: string;
  percent: number;
  state: BudgetAccount['state'];
  unpriced: number;
  window_start: Date;
  resets_at: Date | null;
  accounts: number;
};

// A budget that is for each of many has the accounts on which something is used or reserved now.
const accounts = statement<Row>(`
  WITH active AS (
    SELECT b, b.id AS account_id FROM budget b
      WHERE b.team_id = $1 AND b.enabled AND (b.scope = 'team' OR b.scope_id IS NOT NULL)
    UNION
    SELECT b, s.account_id FROM budget b JOIN budget_slot s ON s.budget_id = b.id AND s.starts_at >= budget_window_start(b, now())
      WHERE b.team_id = $1 AND b.enabled
    UNION
    SELECT b, v.account_id FROM budget b JOIN budget_reservation v ON v.budget_id = b.id AND v.expires_at > now()
      WHERE b.team_id = $1 AND b.enabled
  ), figures AS (
    SELECT a.b, a.account_id, w.used, w.unpriced,
      (SELECT coalesce(sum(v.amount), 0) FROM budget_reservation v
        WHERE v.budget_id = (a.b).id AND v.account_id = a.account_id AND v.expires_at > now()) AS reserved
    FROM active a, LATERAL (
      SELECT coalesce(sum(s.used), 0) AS used, coalesce(sum(s.unpriced), 0)::int AS unpriced FROM budget_slot s
      WHERE s.budget_id = (a.b).id AND s.account_id = a.account_id AND s.starts_at >= budget_window_start(a.b, now())
    ) AS w
  ), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY (b).id ORDER BY used DESC, reserved DESC, account_id) AS place,
      count(*) OVER (PARTITION BY (b).id)::int AS accounts,
      CASE WHEN account_id = (b).id THEN (b).scope_id ELSE account_id END AS subject_id
    FROM figures
  )
  SELECT (r.b).id AS budget_id, r.subject_id, coalesce(a.name, k.name, c.name, s.name) AS subject, r.used, r.reserved,
    (r.b).max, CASE WHEN (r.b).max = 0 THEN 100 ELSE least(floor(r.used * 100 / (r.b).max), 1000000)::int END AS percent,
    CASE WHEN r.used >= (r.b).max THEN 'exceeded' WHEN r.used >= (r.b).max * ${warnedFrom} THEN 'warning' ELSE 'ok' END AS state,
    r.unpriced, r.accounts, budget_window_start(r.b, now()) AS window_start,
    budget_resets_at(r.b, r.account_id, now()) AS resets_at
  FROM ranked r
  LEFT JOIN agent a ON a.id = r.subject_id LEFT JOIN api_key k ON k.id = r.subject_id
  LEFT JOIN channel c ON c.id = r.subject_id LEFT JOIN schedule s ON s.id = r.subject_id
  WHERE r.place <= ${accountLimit} ORDER BY r.place`);

function toAccount(row: Row): BudgetAccount {
  return {
    subject: row.subject_id === null ? null : { id: row.subject_id, name: row.subject },
    used: decimal(row.used),
    reserved: decimal(row.reserved),
    max: decimal(row.max),
    percent: row.percent,
    windowStart: row.window_start.toISOString(),
    resetsAt: row.resets_at?.toISOString() ?? null,
    state: row.state,
    unpriced: row.unpriced,
  };
}

/** Every budget that is enabled, oldest first, and how its accounts stand now. */
export async function readLimits(db: Database, teamId: string): Promise<Limit[]> {
  const [budgets, rows] = await Promise.all([
    db.prisma.budget.findMany({ where: { teamId, enabled: true }, orderBy: { id: 'asc' } }),
    db.query(accounts, [teamId]),
  ]);
  const subjectOf = await subjectsOf(db, teamId, budgets);
  const byBudget = Map.groupBy(rows, ({ budget_id }) => budget_id);
  return budgets.map((budget) => {
    const own = byBudget.get(budget.id) ?? [];
    const accountCount = own[0]?.accounts ?? 0;
    return { budget: toBudget(budget, subjectOf(budget)), accounts: own.map(toAccount), accountCount };
  });
}
