/** Schedules: when an agent is told something by itself. */
import type {
  Page,
  Schedule,
  ScheduleCreate,
  ScheduleListQuery,
  ScheduleUpdate,
} from '@nightshift/contracts';
import { type Database, newId, pageArguments, statement, toPage } from '../database/index.ts';
import { DomainError, invalidField, notFound } from '../errors/index.ts';
import { Prisma, type Schedule as ScheduleRow } from '../generated/prisma/client.ts';
import { assertGuestQuota, assertGuestTiming } from './guests.ts';
import { assertTiming, dueTime, slotsFrom, type Timing } from './timing.ts';
import { formatLocal } from './wall-clock.ts';

/** How many schedules one agent may have: active ones, and among those that it made itself all that are not finished. */
const scheduleLimits = { active: 1000, madeByAgent: 20 } as const;

const previewed = 5;

function toSchedule(row: ScheduleRow): Schedule {
  const next = [...slotsFrom(row, row.nextAt).take(previewed)];
  return {
    id: row.id,
    agentId: row.agentId,
    name: row.name,
    prompt: row.prompt,
    cron: row.cron,
    everySeconds: row.everySeconds,
    at: row.at?.toISOString() ?? null,
    timezone: row.timezone,
    misfire: row.misfire,
    overlap: row.overlap,
    jitterSeconds: row.jitterSeconds,
    deliverTo: row.deliverTo as Schedule['deliverTo'],
    conversationId: row.conversationId,
    status: row.status,
    pausedReason: row.pausedReason,
    madeByAgent: row.madeByAgent,
    guestId: row.guestId,
    nextFires: next.map((slot) => ({ at: slot.toISOString(), local: formatLocal(slot, row.timezone) })),
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}

type Transaction = Prisma.TransactionClient;

/** Milliseconds. Requests that make schedules for one agent wait for each other. */
const patience = { maxWait: 10_000, timeout: 10_000 };

/**
 * Holds the agent until the transaction ends, so that two requests cannot pass a limit together.
 * @throws {DomainError} not_found
 */
async function lockAgent(tx: Transaction, teamId: string, agentId: string): Promise<void> {
  const rows = await tx.$queryRaw<unknown[]>`
    SELECT id FROM agent WHERE id = ${agentId}::uuid AND team_id = ${teamId}::uuid AND deleted_at IS NULL
    FOR NO KEY UPDATE`;
  if (rows.length === 0) throw notFound('agent');
}

/** The clock that slots are taken up by. */
async function databaseNow(tx: Transaction): Promise<Date> {
  const [row] = await tx.$queryRaw<[{ now: Date }]>`SELECT now()::timestamptz(3) AS now`;
  return row.now;
}

/** Holds the schedule, which a worker may be moving on. @throws {DomainError} not_found */
async function lockSchedule(tx: Transaction, teamId: string, id: string): Promise<ScheduleRow> {
  await tx.$queryRaw`
    SELECT id FROM schedule WHERE id = ${id}::uuid AND team_id = ${teamId}::uuid FOR UPDATE`;
  const row = await tx.schedule.findFirst({ where: { id, teamId, deletedAt: null } });
  if (!row) throw notFound('schedule');
  return row;
}

async function assertWithinLimits(
  tx: Transaction,
  schedule: Pick<ScheduleRow, 'id' | 'agentId' | 'madeByAgent' | 'guestId'>,
): Promise<void> {
  const others = { agentId: schedule.agentId, deletedAt: null, id: { not: schedule.id } };
  const active = await tx.schedule.count({ where: { ...others, status: 'active' } });
  if (active >= scheduleLimits.active) {
    throw new DomainError(
      'conflict',
      `The agent has ${active} active schedules, of ${scheduleLimits.active} that it may have: pause or delete one first.`,
    );
  }
  if (schedule.guestId !== null) return assertGuestQuota(tx, schedule.agentId, schedule.guestId, schedule.id);
  if (!schedule.madeByAgent) return;
  const own = await tx.schedule.count({
    where: { ...others, madeByAgent: true, guestId: null, status: { not: 'finished' } },
  });
  if (own >= scheduleLimits.madeByAgent) {
    throw new DomainError(
      'conflict',
      `There are ${own} schedules that the agent made itself, of ${scheduleLimits.madeByAgent} that it may make: delete one first.`,
    );
  }
}

async function assertDeliverable(
  tx: Transaction,
  schedule: { teamId: string; agentId: string },
  deliverTo: Schedule['deliverTo'],
): Promise<void> {
  if (!deliverTo) return;
  const { teamId, agentId } = schedule;
  const found = await tx.conversation.count({ where: { id: deliverTo.conversationId, teamId, agentId } });
  if (found === 0)
    throw invalidField('deliverTo.conversationId', 'there is no such conversation with this agent');
}

/** As long as answers are kept for their Idempotency-Key; then the key is free again. */
const keyLifeMs = 86_400_000;

/** Who makes a schedule, and by which request. */
export interface ScheduleOrigin {
  madeByAgent?: boolean;
  /** The guest for whom the agent makes it. */
  guestId?: string | null;
  /** The same request again, within a day, makes no second schedule. Unique over all teams. */
  idempotencyKey?: string | undefined;
}

/**
 * @throws {DomainError} not_found: no such agent; invalid_request, naming the field; conflict at a limit
 */
export function createSchedule(
  db: Database,
  teamId: string,
  body: ScheduleCreate,
  { madeByAgent = false, guestId = null, idempotencyKey }: ScheduleOrigin = {},
): Promise<Schedule> {
  return db.prisma.$transaction(async (tx) => {
    await lockAgent(tx, teamId, body.agentId);
    const now = await databaseNow(tx);
    const made = idempotencyKey ? await tx.schedule.findUnique({ where: { idempotencyKey } }) : null;
    if (made && now.getTime() - made.createdAt.getTime() < keyLifeMs) return toSchedule(made);
    if (made) await tx.schedule.update({ where: { id: made.id }, data: { idempotencyKey: null } });
    const { agentId, name, prompt, timezone, misfire, overlap, jitterSeconds, deliverTo } = body;
    const id = newId();
    const timing = {
      cron: body.cron ?? null,
      everySeconds: body.everySeconds ?? null,
      at: body.at === undefined ? null : new Date(body.at),
      timezone,
    };
    const nextAt = assertTiming({ ...timing, jitterSeconds }, now);
    if (guestId !== null) assertGuestTiming(timing, nextAt);
    await assertDeliverable(tx, { teamId, agentId }, deliverTo);
    await assertWithinLimits(tx, { id, agentId, madeByAgent, guestId });
    const row = await tx.schedule.create({
      data: {
        ...{
          id,
          teamId,
          agentId,
          name,
          prompt,
          ...timing,
          misfire,
          overlap,
          jitterSeconds,
          madeByAgent,
          guestId,
        },
        ...(deliverTo && { deliverTo, conversationId: deliverTo.conversationId }),
        nextAt,
        dueAt: dueTime({ id, jitterSeconds }, nextAt),
        ...(idempotencyKey && { idempotencyKey }),
      },
    });
    return toSchedule(row);
  }, patience);
}

export async function listSchedules(
  db: Database,
  teamId: string,
  query: ScheduleListQuery,
  /** Only the team's own (null), or one guest's. */
  { guestId }: { guestId?: string | null } = {},
): Promise<Page<Schedule>> {
  const { where, ...page } = pageArguments(query);
  const rows = await db.prisma.schedule.findMany({
    ...page,
    where: {
      ...where,
      teamId,
      deletedAt: null,
      ...(query.agentId && { agentId: query.agentId }),
      ...(query.status && { status: query.status }),
      ...(guestId !== undefined && { guestId }),
    },
  });
  return toPage(rows, query.limit, toSchedule);
}

/** @throws {DomainError} not_found */
export async function getSchedule(db: Database, teamId: string, id: string): Promise<Schedule> {
  const row = await db.prisma.schedule.findFirst({ where: { id, teamId, deletedAt: null } });
  if (!row) throw notFound('schedule');
  return toSchedule(row);
}

/** Its timing as `body` changes it: a cron, everySeconds or at that is named takes the place of the one before. */
function mergedTiming(row: ScheduleRow, body: ScheduleUpdate): Timing & { jitterSeconds: number } {
  const { cron, everySeconds, at, timezone = row.timezone, jitterSeconds = row.jitterSeconds } = body;
  const keeps = cron === undefined && everySeconds === undefined && at === undefined;
  return {
    cron: keeps ? row.cron : (cron ?? null),
    everySeconds: keeps ? row.everySeconds : (everySeconds ?? null),
    at: keeps ? row.at : at === undefined ? null : new Date(at),
    timezone,
    jitterSeconds,
  };
}

/** Whether the slots are others than before. */
const isRetimed = (row: Timing, timing: Timing): boolean =>
  row.cron !== timing.cron ||
  row.everySeconds !== timing.everySeconds ||
  row.at?.getTime() !== timing.at?.getTime() ||
  row.timezone !== timing.timezone;

function statusAfter(row: ScheduleRow, body: ScheduleUpdate, retimed: boolean): ScheduleRow['status'] {
  if (row.status !== 'finished') return body.status ?? row.status;
  if (body.status === 'paused')
    throw invalidField('status', 'the schedule is finished, so there is nothing to pause');
  return body.status === 'active' || retimed ? 'active' : 'finished';
}

/** Where its runs are held after a change; undefined leaves it. Its own conversation is opened by its next run. */
function deliveryAfter(row: ScheduleRow, deliverTo: ScheduleUpdate['deliverTo']) {
  if (deliverTo) return { deliverTo, conversationId: deliverTo.conversationId };
  if (deliverTo === null && row.deliverTo !== null) return { deliverTo: Prisma.DbNull, conversationId: null };
  return {};
}

const remove = statement<{ id: string }>(`
  WITH removed AS (
    UPDATE schedule SET deleted_at = now(), next_at = NULL, due_at = NULL
    WHERE id = $1 AND team_id = $2 AND deleted_at IS NULL
    RETURNING id
  ), dropped AS (
    UPDATE schedule_fire f SET status = 'skipped', reason = 'The schedule was deleted.'
    FROM removed WHERE f.schedule_id = removed.id AND f.status = 'due'
  )
  SELECT id FROM removed`);

/**
 * Changes what `body` names. What comes of it is checked as a whole, as a new schedule is. A new timing and resuming
 * count from now: slots that passed meanwhile are not made up for.
 *
 * @throws {DomainError} not_found; invalid_request, naming the field; conflict at a limit
 */
export function updateSchedule(
  db: Database,
  teamId: string,
  id: string,
  body: ScheduleUpdate,
): Promise<Schedule> {
  return db.prisma.$transaction(async (tx) => {
    const row = await lockSchedule(tx, teamId, id);
    const timing = mergedTiming(row, body);
    const retimed = isRetimed(row, timing);
    const status = statusAfter(row, body, retimed);
    const resumed = status === 'active' && row.status !== 'active';
    const now = await databaseNow(tx);
    const first =
      retimed || resumed || timing.jitterSeconds !== row.jitterSeconds ? assertTiming(timing, now) : null;
    if (row.guestId !== null && first) assertGuestTiming(timing, first);
    if (body.deliverTo) await assertDeliverable(tx, row, body.deliverTo);
    if (resumed) {
      await lockAgent(tx, teamId, row.agentId);
      await assertWithinLimits(tx, row);
    }

    const nextAt = status !== 'active' ? null : retimed || resumed ? first : row.nextAt;
    const { name = row.name, prompt = row.prompt, misfire = row.misfire, overlap = row.overlap } = body;
    const delivery = deliveryAfter(row, body.deliverTo);
    const data = {
      ...{ name, prompt, misfire, overlap, ...timing, ...delivery, status, nextAt },
      dueAt: nextAt && dueTime({ id, jitterSeconds: timing.jitterSeconds }, nextAt),
      pausedReason: status !== 'paused' ? null : (row.pausedReason ?? 'Paused by hand.'),
      ...(resumed && { resumedAt: now }),
    };
    return toSchedule(await tx.schedule.update({ where: { id }, data }));
  }, patience);
}

/**
 * Deletes a schedule, with what it had taken up and not begun. Its runs and its conversation stay.
 * @throws {DomainError} not_found
 */
export async function deleteSchedule(db: Database, teamId: string, id: string): Promise<void> {
  const [row] = await db.query(remove, [id, teamId]);
  if (!row) throw notFound('schedule');
}
