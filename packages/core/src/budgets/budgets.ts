/**
 * Budgets of a team. What they have used stands in their slots, which the ledger's trigger keeps (the migrations have
 * it, with how windows lie and what counts); here a new or changed budget is filled from the ledger.
 */
import type { Budget, BudgetCreate, BudgetListQuery, BudgetUpdate, Named, Page } from '@nightshift/contracts';
import { type Database, type Listed, newId, pageArguments, toPage } from '../database/index.ts';
import { DomainError, invalidField, notFound } from '../errors/index.ts';
import type { Budget as BudgetRow, Prisma } from '../generated/prisma/client.ts';
import { claimName, namesOf, spellingsOf } from '../references/index.ts';
import { isTimezone } from '../schedules/wall-clock.ts';
import { decimal } from './decimal.ts';

/** How many budgets one team may have: each is looked at for every model call. */
const budgetLimit = 200;

type WindowName = Budget['window'];

/** The database client calls `5h` by a name that is one. */
const toWindow = (window: BudgetRow['window']): WindowName => (window === 'fiveHours' ? '5h' : window);
const fromWindow = (window: WindowName): BudgetRow['window'] => (window === '5h' ? 'fiveHours' : window);

export function toBudget(row: BudgetRow, subject: Named | null): Budget {
  return {
    id: row.id,
    name: row.name,
    scope: row.scope,
    scopeId: row.scopeId,
    subject,
    window: toWindow(row.window),
    rolling: row.rolling,
    timezone: row.timezone,
    unit: row.unit,
    max: decimal(row.max.toFixed(10)),
    action: row.action,
    downgradeTo: row.downgradeTo,
    allowUnpriced: row.allowUnpriced,
    enabled: row.enabled,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}

type Transaction = Prisma.TransactionClient;
/** What a budget is, without its keeping. */
type Settings = Omit<Budget, 'id' | 'subject' | 'createdAt' | 'updatedAt'>;

/** Milliseconds. Whoever makes or changes a budget waits until the ledger's writers of the team have committed. */
const patience = { maxWait: 10_000, timeout: 30_000 };

/**
 * Keeps the team's ledger still until the transaction ends: an entry is then either in it, and filled in, or not yet
 * counted, and will be. Its writers share this lock (charge_budgets of the migrations).
 */
async function lockLedger(tx: Transaction, teamId: string): Promise<void> {
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(7306012, hashtext(${teamId}))`;
}

/** Counts the budget's use anew. It has none while it is disabled. */
async function fill(tx: Transaction, budgetId: string): Promise<void> {
  await tx.budgetSlot.deleteMany({ where: { budgetId } });
  await tx.$executeRaw`
    INSERT INTO budget_slot (budget_id, account_id, starts_at, used, largest, unpriced)
    SELECT b.id, a.id, budget_slot_start(b, e.created_at), coalesce(sum(m.amount), 0), coalesce(max(m.amount), 0),
      count(*) - count(m.amount)
    FROM budget b
    JOIN usage_entry e ON e.team_id = b.team_id AND e.created_at >= budget_window_start(b, now()),
      LATERAL (SELECT budget_account(b, e.agent_id, e.channel_id, e.schedule_id, e.api_key_id) AS id) AS a,
      LATERAL (SELECT budget_amount(b, e.cost_usd, e.input_tokens, e.output_tokens, e.runs, e.outcome) AS amount) AS m
    WHERE b.id = ${budgetId}::uuid AND b.enabled AND a.id IS NOT NULL
    GROUP BY b.id, a.id, 3`;
}

const finders = {
  member: (tx: Transaction, where: { id: string; teamId: string }) =>
    tx.apiKey.count({ where: { ...where, revokedAt: null } }),
  agent: (tx: Transaction, where: { id: string; teamId: string }) =>
    tx.agent.count({ where: { ...where, deletedAt: null } }),
  channel: (tx: Transaction, where: { id: string; teamId: string }) => tx.channel.count({ where }),
  schedule: (tx: Transaction, where: { id: string; teamId: string }) =>
    tx.schedule.count({ where: { ...where, deletedAt: null } }),
};

async function assertScope(tx: Transaction, teamId: string, { scope, scopeId }: Settings): Promise<void> {
  if (scopeId === null) return;
  if (scope === 'team') throw invalidField('scopeId', 'a budget of the team has none');
  if ((await finders[scope](tx, { id: scopeId, teamId })) > 0) return;
  throw invalidField('scopeId', `there is no such ${scope === 'member' ? 'API key' : scope}`);
}

/** Both clocks must know it: ours to show times, the database's to cut windows. */
async function assertTimezone(tx: Transaction, timezone: string): Promise<void> {
  const unknown = invalidField('timezone', `"${timezone}" is no IANA timezone`);
  if (!isTimezone(timezone)) throw unknown;
  const [found] = await tx.$queryRaw<unknown[]>`
    SELECT FROM pg_timezone_names WHERE lower(name) = lower(${timezone}) LIMIT 1`;
  if (!found) throw unknown;
}

function assertConsistent({
  window,
  rolling,
  unit,
  max,
  action,
  downgradeTo,
  allowUnpriced,
}: Settings): void {
  if (window === '5h' && !rolling) throw invalidField('rolling', 'a window of 5h is always rolling');
  if (unit !== 'usd' && max.includes('.')) throw invalidField('max', `must be a whole number of ${unit}`);
  if (unit !== 'usd' && allowUnpriced) throw invalidField('allowUnpriced', 'is only for the unit usd');
  if (action === 'downgrade' && downgradeTo === null)
    throw invalidField('downgradeTo', 'is needed for downgrade: the provider/model to go on with');
  if (action !== 'downgrade' && downgradeTo !== null)
    throw invalidField('downgradeTo', 'is only for the action downgrade');
}

const toData = (settings: Settings) => ({ ...settings, window: fromWindow(settings.window) });

/**
 * Makes a budget. What was used in its window so far counts.
 *
 * @throws {DomainError} invalid_request, naming the field; conflict at the limit
 */
export async function createBudget(db: Database, teamId: string, body: BudgetCreate): Promise<Budget> {
  const settings: Settings = {
    ...body,
    max: decimal(body.max),
    rolling: body.rolling ?? body.window === '5h',
  };
  assertConsistent(settings);
  const id = await db.prisma.$transaction(async (tx) => {
    await assertTimezone(tx, settings.timezone);
    await assertScope(tx, teamId, settings);
    await claimName(tx, 'budget', teamId, settings.name);
    await lockLedger(tx, teamId);
    const count = await tx.budget.count({ where: { teamId } });
    if (count >= budgetLimit)
      throw new DomainError('conflict', `The team has ${count} budgets, of ${budgetLimit} that it may have.`);
    const row = await tx.budget.create({ data: { id: newId(), teamId, ...toData(settings) } });
    await fill(tx, row.id);
    return row.id;
  }, patience);
  return getBudget(db, teamId, id);
}

const kinds = { member: 'apiKey', agent: 'agent', channel: 'channel', schedule: 'schedule' } as const;

/** Whose each budget is, where it is one record's alone. */
export async function subjectsOf(
  db: Pick<Database, 'query'>,
  teamId: string,
  rows: readonly BudgetRow[],
): Promise<(row: BudgetRow) => Named | null> {
  const scopes = Object.entries(kinds).map(async ([scope, kind]) => {
    const ids = rows.filter((row) => row.scope === scope).map((row) => row.scopeId);
    return [scope, await namesOf(db, teamId, kind, ids)] as const;
  });
  const finders = new Map<string, (id: string | null) => Named | null>(await Promise.all(scopes));
  return ({ scope, scopeId }) => finders.get(scope)?.(scopeId) ?? null;
}

export async function listBudgets(
  db: Database,
  teamId: string,
  query: Listed<BudgetListQuery>,
): Promise<Page<Budget>> {
  const { where, ...page } = pageArguments(query);
  const named = query.name === undefined ? {} : { name: { in: spellingsOf(query.name) } };
  const rows = await db.prisma.budget.findMany({ ...page, where: { ...where, ...named, teamId } });
  const subjectOf = await subjectsOf(db, teamId, rows);
  return toPage(rows, query.limit, (row) => toBudget(row, subjectOf(row)));
}

/** @throws {DomainError} not_found */
export async function getBudget(db: Database, teamId: string, id: string): Promise<Budget> {
  const row = await db.prisma.budget.findFirst({ where: { id, teamId } });
  if (!row) throw notFound('budget');
  return toBudget(row, (await subjectsOf(db, teamId, [row]))(row));
}

/** What decides which entries count, where and for how much. */
const counting = ['scope', 'scopeId', 'window', 'rolling', 'timezone', 'unit', 'enabled'] as const;

/** What `body` makes of a budget. A target that only a downgrade has goes with it, and a 5 hours' window rolls. */
function merge(before: Settings, body: BudgetUpdate): Settings {
  const named = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
  const merged: Settings = { ...before, ...named };
  if (body.downgradeTo === undefined && merged.action !== 'downgrade') merged.downgradeTo = null;
  if (body.rolling === undefined && merged.window === '5h') merged.rolling = true;
  if (body.scopeId === undefined && merged.scope !== before.scope) merged.scopeId = null;
  if (body.allowUnpriced === undefined && merged.unit !== 'usd') merged.allowUnpriced = false;
  return { ...merged, max: decimal(merged.max) };
}

/**
 * Changes what `body` names. What comes of it is checked as a whole, and where other entries count from now on, it is
 * filled from the ledger anew. The caller wakes the runs that wait (`releaseWaitingRuns`).
 *
 * @throws {DomainError} not_found; invalid_request, naming the field
 */
export async function updateBudget(
  db: Database,
  teamId: string,
  id: string,
  body: BudgetUpdate,
): Promise<Budget> {
  await db.prisma.$transaction(async (tx) => {
    await lockLedger(tx, teamId);
    const row = await tx.budget.findFirst({ where: { id, teamId } });
    if (!row) throw notFound('budget');
    const { id: _, subject, createdAt, updatedAt, ...before } = toBudget(row, null);
    const after = merge(before, body);
    assertConsistent(after);
    if (after.timezone !== before.timezone) await assertTimezone(tx, after.timezone);
    if (after.scopeId !== before.scopeId || after.scope !== before.scope)
      await assertScope(tx, teamId, after);
    if (after.name !== before.name) await claimName(tx, 'budget', teamId, after.name, { except: id });
    await tx.budget.update({ where: { id }, data: toData(after) });
    if (counting.some((field) => after[field] !== before[field])) {
      await fill(tx, id);
      await tx.budgetReservation.deleteMany({ where: { budgetId: id } });
    } else if (after.max !== before.max) {
      // 80 % are another figure now.
      await tx.budgetSlot.updateMany({ where: { budgetId: id }, data: { warnedAt: null } });
    }
  }, patience);
  return getBudget(db, teamId, id);
}

/** The caller wakes the runs that wait (`releaseWaitingRuns`). @throws {DomainError} not_found */
export async function deleteBudget(db: Database, teamId: string, id: string): Promise<void> {
  await db.prisma.$transaction(async (tx) => {
    // A writer of the ledger that has read the budget must not miss it when its slot is checked.
    await lockLedger(tx, teamId);
    const { count } = await tx.budget.deleteMany({ where: { id, teamId } });
    if (count === 0) throw notFound('budget');
    await tx.budgetReservation.deleteMany({ where: { budgetId: id } });
  }, patience);
}
