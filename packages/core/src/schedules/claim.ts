/**
 * Taking up the slots that are due. Any number of workers do so at once: a schedule's row is locked by the one that
 * takes its slots, and a slot has one row. What is due is said by the database's clock alone, so a worker's own may be
 * wrong.
 */
import type { PoolClient } from 'pg';
import { type Database, newId, run, statement, transaction } from '../database/index.ts';
import type { PlaceTarget } from './deliver-place.ts';
import type { DueFire } from './open-fire.ts';
import { type DueSchedule, type FireOutcome, opensRun, skipDue, type TakenFire, takeUp } from './take-up.ts';
import { dueTime } from './timing.ts';

/** Schedules of one transaction. */
const batchSize = 200;

interface ScheduleRow extends DueSchedule {
  teamId: string;
  agentId: string;
  name: string;
  prompt: string;
  conversationId: string | null;
  place: PlaceTarget | null;
  now: Date;
}

const lockDue = statement<ScheduleRow>(`
  SELECT id, team_id AS "teamId", agent_id AS "agentId", name, prompt, cron, every_seconds AS "everySeconds", at,
    timezone, misfire, overlap, jitter_seconds AS "jitterSeconds", conversation_id AS "conversationId",
    deliver_place AS place, next_at AS "nextAt", now() AS now
  FROM schedule WHERE status = 'active' AND deleted_at IS NULL AND due_at <= now()
  ORDER BY due_at LIMIT ${batchSize} FOR UPDATE SKIP LOCKED`);

// Asked once the rows are locked, so that a fire which another worker has just written is seen.
const readState = statement<{ id: string; busy: boolean; agentDeleted: boolean }>(`
  SELECT s.id, a.deleted_at IS NOT NULL AS "agentDeleted", coalesce((
      SELECT f.status = 'due' OR r.status IN ('queued', 'running')
      FROM schedule_fire f LEFT JOIN run r ON r.id = f.run_id
      WHERE f.schedule_id = s.id AND f.status <> 'skipped' ORDER BY f.fire_at DESC LIMIT 1
    ), false) AS busy
  FROM schedule s JOIN agent a ON a.id = s.agent_id WHERE s.id = ANY ($1)`);

const openConversations = statement(`
  INSERT INTO conversation (id, team_id, agent_id, title, updated_at)
  SELECT c."conversationId", c."teamId", c."agentId", c.name, now()
  FROM jsonb_to_recordset($1::jsonb) AS c ("conversationId" uuid, "teamId" uuid, "agentId" uuid, name text)`);

// A clock that jumps back may bring a slot up again. Its row is there already, and nothing more comes of it.
const writeFires = statement<{ id: string; scheduleId: string; fireAt: Date; createdAt: Date }>(`
  INSERT INTO schedule_fire (schedule_id, fire_at, status, reason, slots, created_at)
  SELECT f."scheduleId", f."fireAt", f.status::fire_status, f.reason, f.slots, clock_timestamp()
  FROM jsonb_to_recordset($1::jsonb) AS f ("scheduleId" uuid, "fireAt" timestamptz, status text, reason text, slots int)
  ON CONFLICT (schedule_id, fire_at) DO NOTHING
  RETURNING id, schedule_id AS "scheduleId", fire_at AS "fireAt", created_at AS "createdAt"`);

const moveOn = statement(`
  UPDATE schedule s SET next_at = n."nextAt", due_at = n."dueAt", conversation_id = n."conversationId",
    status = n.status::schedule_status, paused_reason = n."pausedReason"
  FROM jsonb_to_recordset($1::jsonb)
    AS n (id uuid, "nextAt" timestamptz, "dueAt" timestamptz, "conversationId" uuid, status text, "pausedReason" text)
  WHERE s.id = n.id`);

/** How a claimed schedule goes on. */
interface Decision {
  schedule: ScheduleRow;
  fires: TakenFire[];
  nextAt: Date | null;
  conversationId: string | null;
  status: 'active' | 'finished' | 'paused';
  pausedReason: string | null;
}

export const agentDeleted = 'The agent was deleted.';

function decide(schedule: ScheduleRow, isAgentDeleted: boolean): Decision {
  if (isAgentDeleted) {
    const fires = skipDue(schedule, schedule.now, 'agent_deleted', agentDeleted);
    const { conversationId } = schedule;
    return { schedule, fires, nextAt: null, conversationId, status: 'paused', pausedReason: agentDeleted };
  }
  const { fires, nextAt } = takeUp(schedule, schedule.now);
  const needsConversation = fires.some(({ outcome }) => opensRun(outcome));
  return {
    schedule,
    fires,
    nextAt,
    conversationId: schedule.conversationId ?? (needsConversation ? newId() : null),
    status: nextAt ? 'active' : 'finished',
    pausedReason: null,
  };
}

export interface ClaimedSlots {
  /** Those whose runs are to be opened, the slots of one schedule in order. */
  due: DueFire[];
  /** What became of each slot, and how long after it was due. */
  taken: { outcome: FireOutcome; slots: number; driftMs: number }[];
  /** There may be more. */
  full: boolean;
}

async function write(client: PoolClient, decisions: readonly Decision[]): Promise<ClaimedSlots> {
  const opened = decisions.filter(
    ({ schedule, conversationId }) => schedule.conversationId !== conversationId,
  );
  if (opened.length > 0) {
    await run(client, openConversations, [
      JSON.stringify(opened.map(({ schedule, conversationId }) => ({ ...schedule, conversationId }))),
    ]);
  }
  const fires = decisions.flatMap(({ schedule, fires }) =>
    fires.map((fire) => ({
      ...fire,
      scheduleId: schedule.id,
      status: opensRun(fire.outcome) ? 'due' : 'skipped',
    })),
  );
  const written = await run(client, writeFires, [JSON.stringify(fires)]);
  await run(client, moveOn, [
    JSON.stringify(
      decisions.map(({ schedule, nextAt, conversationId, status, pausedReason }) => ({
        id: schedule.id,
        nextAt,
        dueAt: nextAt && dueTime(schedule, nextAt),
        conversationId,
        status,
        pausedReason,
      })),
    ),
  ]);

  const keyOf = (scheduleId: string, fireAt: Date) => `${scheduleId} ${fireAt.getTime()}`;
  const rows = new Map(written.map((row) => [keyOf(row.scheduleId, row.fireAt), row]));
  const claimed: ClaimedSlots = { due: [], taken: [], full: decisions.length === batchSize };
  for (const { schedule, fires, conversationId } of decisions) {
    const { name, prompt, timezone, teamId, agentId, place } = schedule;
    for (const { fireAt, outcome, slots } of fires) {
      const row = rows.get(keyOf(schedule.id, fireAt));
      if (!row) continue;
      const driftMs = row.createdAt.getTime() - dueTime(schedule, fireAt).getTime();
      claimed.taken.push({ outcome, slots, driftMs });
      if (!opensRun(outcome) || !conversationId) continue;
      const what = { name, prompt, timezone, fireAt, slots, place, manual: false };
      claimed.due.push({ id: row.id, scheduleId: schedule.id, teamId, agentId, conversationId, ...what });
    }
  }
  return claimed;
}

/**
 * Takes up what is due, of a limited number of schedules: writes a fire for every slot and moves the schedules on to
 * their next ones, in one transaction. The runs are opened afterwards; a fire whose worker dies before that stays
 * `due` and is found again.
 */
export function claimDueSlots(db: Database): Promise<ClaimedSlots> {
  return transaction(db.pool, async (client) => {
    const schedules = await run(client, lockDue);
    if (schedules.length === 0) return { due: [], taken: [], full: false };
    const states = await run(client, readState, [schedules.map(({ id }) => id)]);
    const stateOf = new Map(states.map((state) => [state.id, state]));
    const decisions = schedules.map((schedule) => {
      const state = stateOf.get(schedule.id);
      return decide({ ...schedule, busy: state?.busy ?? false }, state?.agentDeleted ?? false);
    });
    return write(client, decisions);
  });
}

const nextDue = statement<{ ms: number | null }>(`
  SELECT extract(epoch FROM min(due_at) - now())::float8 * 1000 AS ms
  FROM schedule WHERE status = 'active' AND deleted_at IS NULL`);

/** Milliseconds until the next slot is due, below zero when one is; null when there is none. */
export async function nextDueInMs(db: Database): Promise<number | null> {
  const [row] = await db.query(nextDue);
  return row?.ms ?? null;
}
