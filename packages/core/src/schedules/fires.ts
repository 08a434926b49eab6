/** A schedule's history, and running one now. */
import type { Page, PageQuery, ScheduleFire } from '@nightshift/contracts';
import {
  type Database,
  newId,
  pageArguments,
  run,
  statement,
  toPage,
  transaction,
} from '../database/index.ts';
import { DomainError, notFound } from '../errors/index.ts';
import type { ScheduleFire as FireRow, RunStatus } from '../generated/prisma/client.ts';
import type { Accepted } from '../inbox/index.ts';
import { agentDeleted } from './claim.ts';
import { type DueFire, openFire } from './open-fire.ts';

const toFire = (row: FireRow, runs: ReadonlyMap<string, RunStatus>): ScheduleFire => ({
  id: row.id,
  fireAt: row.fireAt.toISOString(),
  status: row.status,
  reason: row.reason,
  slots: row.slots,
  manual: row.manual,
  runId: row.runId,
  runStatus: (row.runId && runs.get(row.runId)) || null,
  driftMs: row.createdAt.getTime() - row.fireAt.getTime(),
  createdAt: row.createdAt.toISOString(),
});

async function statusesOf(db: Database, fires: readonly FireRow[]): Promise<Map<string, RunStatus>> {
  const ids = fires.flatMap(({ runId }) => runId ?? []);
  const runs = await db.prisma.run.findMany({
    where: { id: { in: ids } },
    select: { id: true, status: true },
  });
  return new Map(runs.map(({ id, status }) => [id, status]));
}

/** What became of a schedule's slots, newest first. @throws {DomainError} not_found */
export async function listFires(
  db: Database,
  teamId: string,
  scheduleId: string,
  query: PageQuery,
): Promise<Page<ScheduleFire>> {
  const schedule = { id: scheduleId, teamId, deletedAt: null };
  if ((await db.prisma.schedule.count({ where: schedule })) === 0) throw notFound('schedule');
  const { where, ...page } = pageArguments(query);
  const rows = await db.prisma.scheduleFire.findMany({ ...page, where: { ...where, scheduleId } });
  const runs = await statusesOf(db, rows);
  return toPage(rows, query.limit, (row) => toFire(row, runs));
}

type Subject = Omit<DueFire, 'id' | 'fireAt' | 'slots' | 'manual'> & { agentDeleted: boolean };

const lock = statement<Subject>(`
  SELECT s.id AS "scheduleId", s.team_id AS "teamId", s.agent_id AS "agentId", s.name, s.prompt, s.timezone,
    s.conversation_id AS "conversationId", a.deleted_at IS NOT NULL AS "agentDeleted"
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
  return { fire: toFire(row, await statusesOf(db, [row])), accepted };
}

const prune = statement(
  `DELETE FROM schedule_fire WHERE id < uuidv7(interval '-90 days') AND status <> 'due'`,
);

/** Forgets fires of more than 90 days ago. */
export async function pruneFires(db: Database): Promise<void> {
  await db.query(prune);
}
