/** A schedule's history, and running one now. */
import type { Page, ScheduleFire, ScheduleFireListQuery } from '@nightshift/contracts';
import {
  type Database,
  type Listed,
  newId,
  pageArguments,
  run,
  statement,
  toPage,
  transaction,
} from '../database/index.ts';
import { DomainError, notFound } from '../errors/index.ts';
import type { ScheduleFire as FireRow } from '../generated/prisma/client.ts';
import type { Accepted } from '../inbox/index.ts';
import { agentDeleted } from './claim.ts';
import { type DueFire, openFire } from './open-fire.ts';

type FireDelivery = NonNullable<ScheduleFire['delivery']>;

const sent = statement<FireDelivery & { runId: string }>(`
  SELECT DISTINCT ON (run_id) run_id AS "runId", id, status, error FROM delivery
  WHERE run_id = ANY ($1::uuid[]) AND channel_id IS NOT NULL ORDER BY run_id, position DESC`);

/** How rows become fires: their runs and what became of the answers are looked up for all of them at once. */
async function fireReader(db: Database, fires: readonly FireRow[]): Promise<(row: FireRow) => ScheduleFire> {
  const ids = fires.flatMap(({ runId }) => runId ?? []);
  const [runs, deliveries] = await Promise.all([
    db.prisma.run.findMany({ where: { id: { in: ids } }, select: { id: true, status: true } }),
    ids.length > 0 ? db.query(sent, [ids]) : [],
  ]);
  const statuses = new Map(runs.map(({ id, status }) => [id, status]));
  const answers = new Map(deliveries.map(({ runId, ...delivery }) => [runId, delivery]));
  return (row) => ({
    id: row.id,
    fireAt: row.fireAt.toISOString(),
    status: row.status,
    reason: row.reason,
    slots: row.slots,
    manual: row.manual,
    runId: row.runId,
    runStatus: (row.runId && statuses.get(row.runId)) || null,
    delivery: (row.runId && answers.get(row.runId)) || null,
    driftMs: row.createdAt.getTime() - row.fireAt.getTime(),
    createdAt: row.createdAt.toISOString(),
  });
}

/** What became of a schedule's slots, newest first. @throws {DomainError} not_found */
export async function listFires(
  db: Database,
  teamId: string,
  scheduleId: string,
  query: Listed<ScheduleFireListQuery>,
): Promise<Page<ScheduleFire>> {
  const schedule = { id: scheduleId, teamId, deletedAt: null };
  if ((await db.prisma.schedule.count({ where: schedule })) === 0) throw notFound('schedule');
  const { where, ...page } = pageArguments(query);
  const rows = await db.prisma.scheduleFire.findMany({
    ...page,
    where: { ...where, scheduleId, ...(query.status && { status: { in: query.status } }) },
  });
  return toPage(rows, query.limit, await fireReader(db, rows));
}

type Subject = Omit<DueFire, 'id' | 'fireAt' | 'slots' | 'manual'> & { agentDeleted: boolean };

const lock = statement<Subject>(`
  SELECT s.id AS "scheduleId", s.team_id AS "teamId", s.agent_id AS "agentId", s.name, s.prompt, s.timezone,
    s.conversation_id AS "conversationId", s.deliver_place AS place, a.deleted_at IS NOT NULL AS "agentDeleted"
  FROM schedule s JOIN agent a ON a.id = s.agent_id
  WHERE s.id = $1 AND s.team_id = $2 AND s.deleted_at IS NULL FOR UPDATE OF s`);

const openConversation = statement<{ conversationId: string }>(`
  WITH own AS (
    INSERT INTO conversation (id, team_id, agent_id, title, updated_at)
    SELECT $2, team_id, agent_id, name, now() FROM schedule WHERE id = $1
    RETURNING id
  )
  UPDATE schedule s SET conversation_id = own.id FROM own WHERE s.id = $1
  RETURNING s.conversation_id AS "conversationId"`);

const writeManual = statement<{ id: string; fireAt: Date }>(`
  INSERT INTO schedule_fire (schedule_id, fire_at, status, manual, created_at)
  VALUES ($1, clock_timestamp(), 'due', true, clock_timestamp())
  ON CONFLICT (schedule_id, fire_at) DO NOTHING
  RETURNING id, fire_at AS "fireAt"`);

/**
 * Runs a schedule now, also one that is paused. Its next slot stays where it is. The caller wakes the lane.
 *
 * @throws {DomainError} not_found; conflict when its agent was deleted
 */
export async function runScheduleNow(
  db: Database,
  teamId: string,
  id: string,
  { traceId }: { traceId: string },
): Promise<{ fire: ScheduleFire; accepted: Accepted | null }> {
  const due = await transaction(db.pool, async (client): Promise<DueFire> => {
    const [subject] = await run(client, lock, [id, teamId]);
    if (!subject) throw notFound('schedule');
    if (subject.agentDeleted) throw new DomainError('conflict', agentDeleted);
    const [own] = subject.conversationId ? [subject] : await run(client, openConversation, [id, newId()]);
    for (;;) {
      const [fire] = await run(client, writeManual, [id]);
      // Another fire has this very millisecond: the next one is free.
      if (fire) return { ...subject, ...own, ...fire, slots: 1, manual: true };
    }
  });
  const accepted = await openFire(db, { ...due, traceId });
  const row = await db.prisma.scheduleFire.findUniqueOrThrow({ where: { id: due.id } });
  return { fire: (await fireReader(db, [row]))(row), accepted };
}

const prune = statement(
  `DELETE FROM schedule_fire WHERE id < uuidv7(interval '-90 days') AND status <> 'due'`,
);

/** Forgets fires of more than 90 days ago. */
export async function pruneFires(db: Database): Promise<void> {
  await db.query(prune);
}
