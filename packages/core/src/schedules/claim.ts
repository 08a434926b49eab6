/**
 * The poller's side of schedules. Any number of workers ask at once: a schedule's row is locked by the one that takes
 * its slots up, and a slot has one row. Which slots are due is said by the database's clock alone, so a worker's own
 * clock may be wrong.
 */
import { newId, run, statement, transaction, type Database } from '../database/index.ts';
import type { FireMessage } from './message.ts';
import { dueTime } from './timing.ts';
import { type DueSchedule, type FireOutcome, opensRun, skipDue, takeUp } from './take-up.ts';

/** Schedules of one transaction. */
const batchSize = 200;

type DueRow = {
  id: string;
  team_id: string;
  agent_id: string;
  name: string;
  prompt: string;
  cron: string | null;
  every_seconds: number | null;
  at: Date | null;
  timezone: string;
  misfire: DueSchedule['misfire'];
  overlap: DueSchedule['overlap'];
  jitter_seconds: number;
  conversation_id: string | null;
  next_at: Date;
  now: Date;
};

const lockDue = statement<DueRow>(`
  SELECT id, team_id, agent_id, name, prompt, cron, every_seconds, at, timezone, misfire, overlap, jitter_seconds,
    conversation_id, next_at, now() AS now
  FROM schedule WHERE status = 'active' AND deleted_at IS NULL AND due_at <= now()
  ORDER BY due_at LIMIT ${batchSize} FOR UPDATE SKIP LOCKED`);

// Asked after the rows are locked, so that a fire which another worker has just written is seen.
const readBefore = statement<{ id: string; agent_deleted: boolean; busy: boolean }>(`
  SELECT s.id, a.deleted_at IS NOT NULL AS agent_deleted, coalesce((
      SELECT f.status = 'due' OR r.status IN ('queued', 'running')
      FROM schedule_fire f LEFT JOIN run r ON r.id = f.run_id
      WHERE f.schedule_id = s.id AND f.status <> 'skipped' ORDER BY f.fire_at DESC LIMIT 1
    ), false) AS busy
  FROM schedule s JOIN agent a ON a.id = s.agent_id WHERE s.id = ANY ($1)`);

const openConversations = statement(`
  INSERT INTO conversation (id, team_id, agent_id, title)
  SELECT c.id, c."teamId", c."agentId", c.title
  FROM jsonb_to_recordset($1::jsonb) AS c (id uuid, "teamId" uuid, "agentId" uuid, title text)`);

// A clock that jumps back may bring a slot up again: its row is there already, and nothing comes of it.
const writeFires = statement<{ id: string; schedule_id: string; fire_at: Date; drift: number }>(`
  INSERT INTO schedule_fire (schedule_id, fire_at, status, reason, slots, created_at)
  SELECT f."scheduleId", f."fireAt", f.status::fire_status, f.reason, f.slots, clock_timestamp()
  FROM jsonb_to_recordset($1::jsonb) AS f ("scheduleId" uuid, "fireAt" timestamptz, status text, reason text, slots int)
  ON CONFLICT (schedule_id, fire_at) DO NOTHING
  RETURNING id, schedule_id, fire_at, extract(epoch FROM created_at - fire_at)::float8 AS drift`);

const moveOn = statement(`
  UPDATE schedule s SET next_at = n."nextAt", due_at = n."dueAt", conversation_id = n."conversationId",
    status = n.status::schedule_status, paused_reason = n."pausedReason"
  FROM jsonb_to_recordset($1::jsonb)
    AS n (id uuid, "nextAt" timestamptz, "dueAt" timestamptz, "conversationId" uuid, status text, "pausedReason" text)
  WHERE s.id = n.id`);

/** A fire whose run is to be opened. */
export interface DueFire extends FireMessage {
  id: string;
  scheduleId: string;
  teamId: string;
  agentId: string;
  conversationId: string;
}

export interface ClaimedSlots {
  /** In the order of their slots. */
  due: DueFire[];
  /** What became of each slot or row of slots, and how late it was taken up. */
  outcomes: { outcome: FireOutcome; driftSeconds: number }[];
  /** There may be more. */
  full: boolean;
}
