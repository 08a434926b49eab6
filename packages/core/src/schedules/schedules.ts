/** Schedules: when an agent is told something by itself. */
import type {
  DeliveryTarget,
  Named,
  Page,
  Schedule,
  ScheduleCreate,
  ScheduleListQuery,
  ScheduleUpdate,
} from '@nightshift/contracts';
import { type Database, type Listed, newId, pageArguments, statement, toPage } from '../database/index.ts';
import { DomainError, invalidField, notFound } from '../errors/index.ts';
import { type Schedule as PlainRow, Prisma } from '../generated/prisma/client.ts';
import { claimFreeName, claimName, namesOf, spellingsOf } from '../references/index.ts';
import { conversationAt, type Delivery, isPlace, type PlaceTarget } from './deliver-place.ts';
import { assertGuestQuota, assertGuestTiming } from './guests.ts';
import { assertTiming, dueTime, slotsFrom, type Timing } from './timing.ts';
import { formatLocal } from './wall-clock.ts';

/** How many schedules one agent may have: active ones, and among those that it made itself all that are not finished. */
const scheduleLimits = { active: 1000, madeByAgent: 20 } as const;

const previewed = 5;

const withAgent = { agent: { select: { id: true, name: true } } } as const satisfies Prisma.ScheduleInclude;

type ScheduleRow = Prisma.ScheduleGetPayload<{ include: typeof withAgent }>;

const placeOf = (row: PlainRow) => row.deliverPlace as unknown as PlaceTarget | null;

function targetOf(row: PlainRow, channelOf: (id: string) => Named | null): DeliveryTarget | null {
  if (row.deliverTo === null) return null;
  const target = placeOf(row);
  const { conversationId } = row.deliverTo as { conversationId: string };
  const channel = target && channelOf(target.channelId);
  return { conversationId, ...(channel && { channel }), ...(target && { place: target.place }) };
}

/** How rows become schedules: the names of channels are looked up for all of them at once. */
async function scheduleReader(db: Database, teamId: string, rows: readonly ScheduleRow[]) {
  const channels = rows.map((row) => placeOf(row)?.channelId ?? null);
  const channelOf = await namesOf(db, teamId, 'channel', channels);
  return (row: ScheduleRow) => toSchedule(row, targetOf(row, channelOf));
}

function toSchedule(row: ScheduleRow, deliverTo: DeliveryTarget | null): Schedule {
  const next = [...slotsFrom(row, row.nextAt).take(previewed)];
  return {
    id: row.id,
    agentId: row.agentId,
    agent: row.agent,
    name: row.name,
    prompt: row.prompt,
    cron: row.cron,
    everySeconds: row.everySeconds,
    at: row.at?.toISOString() ?? null,
    timezone: row.timezone,
    misfire: row.misfire,
    overlap: row.overlap,
    jitterSeconds: row.jitterSeconds,
    deliverTo,
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
async function lockSchedule(tx: Transaction, teamId: string, id: string): Promise<PlainRow> {
  await tx.$queryRaw`
    SELECT id FROM schedule WHERE id = ${id}::uuid AND team_id = ${teamId}::uuid FOR UPDATE`;
  const row = await tx.schedule.findFirst({ where: { id, teamId, deletedAt: null } });
  if (!row) throw notFound('schedule');
  return row;
}

async function assertWithinLimits(
  tx: Transaction,
  schedule: Pick<PlainRow, 'id' | 'agentId' | 'madeByAgent' | 'guestId'>,
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
  conversationId: string | null,
): Promise<void> {
  if (conversationId === null) return;
  const { teamId, agentId } = schedule;
  const found = await tx.conversation.count({ where: { id: conversationId, teamId, agentId } });
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

/** A schedule's fields, with where its answers go as it was found. */
export type ScheduleFields<T extends { deliverTo?: unknown }> = Omit<T, 'deliverTo'> & {
  [K in keyof Pick<T, 'deliverTo'>]: Delivery | Extract<T['deliverTo'], null | undefined>;
};

/** The conversation that answers are given in; null: one of the schedule's own. */
async function conversationOf(
  db: Database,
  schedule: { teamId: string; agentId: string; name: string; conversationId: string | null },
  delivery: Delivery | null,
): Promise<string | null> {
  if (delivery === null) return null;
  return isPlace(delivery) ? conversationAt(db, schedule, delivery) : delivery.conversationId;
}

/** Among which schedules a name is to be one's: what an agent made, among what the same agent made. */
const amongOf = ({ madeByAgent, agentId }: Pick<PlainRow, 'madeByAgent' | 'agentId'>) =>
  madeByAgent
    ? Prisma.sql`made_by_agent AND guest_id IS NULL AND status <> 'finished' AND agent_id = ${agentId}::uuid`
    : undefined;

/** People are told that a name is taken; an agent's schedule gets a number. What guests have is not addressed by name. */
async function nameFor(
  tx: Transaction,
  teamId: string,
  name: string,
  { agentId, madeByAgent, guestId }: Pick<PlainRow, 'agentId' | 'madeByAgent' | 'guestId'>,
): Promise<string> {
  if (guestId) return name;
  if (madeByAgent)
    return claimFreeName(tx, 'schedule', teamId, name, { among: amongOf({ madeByAgent, agentId }) });
  await claimName(tx, 'schedule', teamId, name);
  return name;
}

/** What is stored of where answers go. */
const deliveryData = (delivery: Delivery | null, conversationId: string | null) => ({
  conversationId,
  deliverTo: conversationId === null ? Prisma.DbNull : { conversationId },
  deliverPlace:
    delivery && isPlace(delivery) ? ({ ...delivery } as unknown as Prisma.InputJsonObject) : Prisma.DbNull,
});

/**
 * @throws {DomainError} not_found: no such agent; invalid_request, naming the field; conflict at a limit, or since the
 *   name is taken
 */
export async function createSchedule(
  db: Database,
  teamId: string,
  body: ScheduleFields<ScheduleCreate>,
  { madeByAgent = false, guestId = null, idempotencyKey }: ScheduleOrigin = {},
): Promise<Schedule> {
  const speaker = { teamId, agentId: body.agentId, name: body.name, conversationId: null };
  const conversationId = await conversationOf(db, speaker, body.deliverTo);
  const id = await db.prisma.$transaction(async (tx) => {
    await lockAgent(tx, teamId, body.agentId);
    const now = await databaseNow(tx);
    const made = idempotencyKey ? await tx.schedule.findUnique({ where: { idempotencyKey } }) : null;
    if (made && now.getTime() - made.createdAt.getTime() < keyLifeMs) return made.id;
    if (made) await tx.schedule.update({ where: { id: made.id }, data: { idempotencyKey: null } });
    const { agentId, prompt, timezone, misfire, overlap, jitterSeconds, deliverTo } = body;
    const id = newId();
    const timing = {
      cron: body.cron ?? null,
      everySeconds: body.everySeconds ?? null,
      at: body.at === undefined ? null : new Date(body.at),
      timezone,
    };
    const nextAt = assertTiming({ ...timing, jitterSeconds }, now);
    if (guestId !== null) assertGuestTiming(timing, nextAt);
    await assertDeliverable(tx, { teamId, agentId }, conversationId);
    await assertWithinLimits(tx, { id, agentId, madeByAgent, guestId });
    const name = await nameFor(tx, teamId, body.name, { agentId, madeByAgent, guestId });
    await tx.schedule.create({
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
        ...deliveryData(deliverTo, conversationId),
        nextAt,
        dueAt: dueTime({ id, jitterSeconds }, nextAt),
        ...(idempotencyKey && { idempotencyKey }),
      },
    });
    return id;
  }, patience);
  return getSchedule(db, teamId, id, { alsoDeleted: true });
}

export async function listSchedules(
  db: Database,
  teamId: string,
  query: Listed<ScheduleListQuery>,
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
      ...(query.name !== undefined && { name: { in: spellingsOf(query.name) } }),
      ...(query.status && { status: { in: query.status } }),
      ...(query.channelId && { conversationId: { in: await conversationsOf(db, query.channelId, teamId) } }),
      ...(guestId !== undefined && { guestId }),
    },
    include: withAgent,
  });
  return toPage(rows, query.limit, await scheduleReader(db, teamId, rows));
}

const heldIn = statement<{ id: string }>(`
  SELECT c.id FROM conversation c JOIN schedule s ON s.conversation_id = c.id
  WHERE c.channel_id = $1 AND s.team_id = $2 AND s.deleted_at IS NULL`);

/** The conversations of a channel that schedules speak in. */
const conversationsOf = async (db: Database, channelId: string, teamId: string) =>
  (await db.query(heldIn, [channelId, teamId])).map(({ id }) => id);

/** @throws {DomainError} not_found */
export async function getSchedule(
  db: Database,
  teamId: string,
  id: string,
  { alsoDeleted = false } = {},
): Promise<Schedule> {
  const where = { id, teamId, ...(!alsoDeleted && { deletedAt: null }) };
  const row = await db.prisma.schedule.findFirst({ where, include: withAgent });
  if (!row) throw notFound('schedule');
  return (await scheduleReader(db, teamId, [row]))(row);
}

/** Its timing as `body` changes it: a cron, everySeconds or at that is named takes the place of the one before. */
function mergedTiming(row: PlainRow, body: Change): Timing & { jitterSeconds: number } {
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

function statusAfter(row: PlainRow, body: Change, retimed: boolean): PlainRow['status'] {
  if (row.status !== 'finished') return body.status ?? row.status;
  if (body.status === 'paused')
    throw invalidField('status', 'the schedule is finished, so there is nothing to pause');
  return body.status === 'active' || retimed ? 'active' : 'finished';
}

/** Where its runs are held after a change. Its own conversation is opened by its next run. */
function deliveryAfter(row: PlainRow, deliverTo: Change['deliverTo'], conversationId: string | null) {
  if (deliverTo) return deliveryData(deliverTo, conversationId);
  return deliverTo === null && row.deliverTo !== null ? deliveryData(null, null) : {};
}

type Change = ScheduleFields<ScheduleUpdate>;

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
export async function updateSchedule(
  db: Database,
  teamId: string,
  id: string,
  body: Change,
): Promise<Schedule> {
  // Its agent and its name stay meanwhile, or the name is that of the conversation alone.
  const before = body.deliverTo ? await db.prisma.schedule.findFirst({ where: { id, teamId } }) : null;
  const conversationId = before && (await conversationOf(db, before, body.deliverTo ?? null));
  await db.prisma.$transaction(async (tx) => {
    const row = await lockSchedule(tx, teamId, id);
    const timing = mergedTiming(row, body);
    const retimed = isRetimed(row, timing);
    const status = statusAfter(row, body, retimed);
    const resumed = status === 'active' && row.status !== 'active';
    const now = await databaseNow(tx);
    const first =
      retimed || resumed || timing.jitterSeconds !== row.jitterSeconds ? assertTiming(timing, now) : null;
    if (row.guestId !== null && first) assertGuestTiming(timing, first);
    if (body.deliverTo) await assertDeliverable(tx, row, conversationId);
    if (resumed) {
      await lockAgent(tx, teamId, row.agentId);
      await assertWithinLimits(tx, row);
    }

    const nextAt = status !== 'active' ? null : retimed || resumed ? first : row.nextAt;
    const { name = row.name, prompt = row.prompt, misfire = row.misfire, overlap = row.overlap } = body;
    if (row.guestId === null && (name !== row.name || row.status === 'finished') && status !== 'finished')
      await claimName(tx, 'schedule', teamId, name, { except: id, among: amongOf(row) });
    const delivery = deliveryAfter(row, body.deliverTo, conversationId);
    const data = {
      ...{ name, prompt, misfire, overlap, ...timing, ...delivery, status, nextAt },
      dueAt: nextAt && dueTime({ id, jitterSeconds: timing.jitterSeconds }, nextAt),
      pausedReason: status !== 'paused' ? null : (row.pausedReason ?? 'Paused by hand.'),
      ...(resumed && { resumedAt: now }),
    };
    await tx.schedule.update({ where: { id }, data });
  }, patience);
  return getSchedule(db, teamId, id);
}

/**
 * Deletes a schedule, with what it had taken up and not begun. Its runs and its conversation stay.
 * @throws {DomainError} not_found
 */
export async function deleteSchedule(db: Database, teamId: string, id: string): Promise<void> {
  const [row] = await db.query(remove, [id, teamId]);
  if (!row) throw notFound('schedule');
}
