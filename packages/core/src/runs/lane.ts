/**
 * Lanes: one conversation, one run at a time, in order.
 *
 * A worker holds a lane by a lease on its conversation's row. Each claim raises the row's `epoch`, and every write
 * of the run names the epoch it was claimed with: a worker that was paused past its lease finds that it no longer
 * matches, and writes nothing. Leases use the database's clock, so a worker's own clock may be wrong.
 */
import type {
  AgentLimits,
  ModelSetting,
  Place,
  RunOptions,
  RunTrigger,
  ToolPolicy,
} from '@nightshift/contracts';
import type { z } from 'zod';
import { type Database, statement } from '../database/index.ts';

/** A worker that stops renewing loses its lanes after this long. */
export const leaseMs = 8_000;

/** The right to work on a conversation. Every journal write takes it. */
export interface Lane {
  readonly conversationId: string;
  readonly epoch: number;
}

/** A run, claimed, with what is needed to go on with it. */
export interface ClaimedRun {
  readonly lane: Lane;
  readonly id: string;
  readonly teamId: string;
  readonly trigger: RunTrigger;
  /** Where its conversation is held; null: over the API. */
  readonly channelId: string | null;
  /** The same, for the model. */
  readonly place: RunPlace | null;
  /** Of the conversation: see `Conversation.amendments`. */
  readonly amendments: number;
  readonly attempt: number;
  readonly options: RunOptions;
  readonly traceId: string | null;
  readonly createdAt: Date;
  /** How long it has been running, over takeovers, by the database's clock. */
  readonly elapsedMs: number;
  /** Another worker had begun it and did not end it. */
  readonly takenOver: boolean;
  /** It had begun, and was put back to wait for a budget. */
  readonly waited: boolean;
  /** Somebody asked for its end before it was claimed. */
  readonly cancelled: boolean;
  /** It is held with guests, people whom nobody has approved, or for one. Null: with the team. */
  readonly guest: RunGuest | null;
  readonly agent: {
    readonly id: string;
    readonly name: string;
    readonly instructions: string;
    readonly model: ModelSetting;
    readonly tools: z.infer<typeof ToolPolicy>;
    readonly limits: AgentLimits;
    readonly deleted: boolean;
  };
}

export interface RunPlace {
  /** The platform's slug. */
  readonly kind: string;
  /** Between one person and us. */
  readonly direct: boolean;
  /** Null: nobody has said so yet. */
  readonly where: Place | null;
}

export interface RunGuest {
  /** Whose everything is that tools keep in it: a person's, or a group's (its conversation). */
  readonly id: string;
  /** Tools that the channel lends guests, besides those that are safe for everybody. */
  readonly tools: readonly string[];
}

/** Another worker holds the lane now: stop, write nothing. */
export class LaneLostError extends Error {
  override readonly name = 'LaneLostError';
  constructor(lane: Lane) {
    super(`Lane ${lane.conversationId} was taken over after epoch ${lane.epoch}.`);
  }
}

type ClaimRow = {
  epoch: number;
  id: string | null;
  team_id: string;
  trigger: RunTrigger;
  channel_id: string | null;
  channel_kind: string | null;
  direct: boolean;
  place: Place | null;
  amendments: number;
  attempt: number;
  options: RunOptions | null;
  trace_id: string | null;
  created_at: Date;
  elapsed_ms: number;
  taken_over: boolean;
  waited: boolean;
  cancelled: boolean;
  guest_id: string | null;
  guest_tools: string[] | null;
  agent_id: string;
  agent_name: string;
  instructions: string;
  model: ModelSetting;
  tools: ClaimedRun['agent']['tools'];
  limits: AgentLimits;
  agent_deleted: boolean;
};

// What to do next is read before the lane is locked and checked again after it: the run is only begun if it still
// waits, or still runs. One that waits for a budget keeps its place: what is behind it waits too.
const claim = statement<ClaimRow>(`
  WITH head AS (
    SELECT r.id, r.conversation_id, r.status, r.due_at, r.waiting IS NOT NULL AS waited, a.queue_mode
    FROM run r JOIN agent a ON a.id = r.agent_id
    WHERE r.conversation_id = $1 AND r.status IN ('queued', 'running') AND (r.due_at <= now() OR r.waiting IS NOT NULL)
    ORDER BY r.status = 'running' DESC, r.created_at, r.id LIMIT 1
  ), next AS (
    SELECT * FROM head WHERE due_at <= now()
  ), lane AS (
    UPDATE conversation c
    SET lease_owner = $2, lease_until = now() + $3 * interval '1 millisecond', epoch = c.epoch + 1,
      -- Whoever claims reads all that has been said to the run, so only what comes from here on is news.
      steerable_run_id = CASE WHEN next.queue_mode = 'steer' THEN next.id END, steered_seq = 0
    FROM next WHERE c.id = next.conversation_id AND (c.lease_until IS NULL OR c.lease_until < now())
    RETURNING c.id, c.epoch, c.channel_id, c.guest_id, c.direct, c.place, c.amendments
  ), started AS (
    UPDATE run r SET status = 'running', started_at = coalesce(r.started_at, now()), waiting = NULL
    FROM next, lane WHERE r.id = next.id AND r.status IN ('queued', 'running')
    RETURNING r.*, next.status = 'running' AS taken_over, next.waited
  )
  SELECT lane.epoch, lane.channel_id, lane.direct, lane.place, lane.amendments, h.kind AS channel_kind, r.id, r.team_id, r.trigger, r.attempt, r.options, r.trace_id, r.created_at, r.taken_over, r.waited,
    r.cancel_requested_at IS NOT NULL AS cancelled, coalesce(lane.guest_id, s.guest_id) AS guest_id, h.guest_tools,
    extract(epoch FROM now() - r.started_at)::float8 * 1000 AS elapsed_ms,
    a.id AS agent_id, a.name AS agent_name, a.instructions, a.model, a.tools, a.limits,
    a.deleted_at IS NOT NULL AS agent_deleted
  FROM lane LEFT JOIN started r ON true LEFT JOIN agent a ON a.id = r.agent_id
    LEFT JOIN schedule s ON s.id = r.schedule_id LEFT JOIN channel h ON h.id = lane.channel_id`);

/**
 * Takes the lane and its next run: one that was begun and not ended first, else the oldest that waits.
 * Null when there is nothing to do or another worker holds the lane.
 */
export async function claimRun(
  db: Database,
  conversationId: string,
  owner: string,
): Promise<ClaimedRun | null> {
  for (;;) {
    const [row] = await db.query(claim, [conversationId, owner, leaseMs]);
    if (!row) return null;
    const lane = { conversationId, epoch: row.epoch };
    if (row.id === null) {
      // The run was cancelled, or ended by the last holder, between our reading it and locking it. Look again.
      await releaseLane(db, lane);
      continue;
    }
    return {
      lane,
      id: row.id,
      teamId: row.team_id,
      trigger: row.trigger,
      channelId: row.channel_id,
      place:
        row.channel_kind === null ? null : { kind: row.channel_kind, direct: row.direct, where: row.place },
      amendments: row.amendments,
      attempt: row.attempt,
      options: row.options ?? {},
      traceId: row.trace_id,
      createdAt: row.created_at,
      elapsedMs: row.elapsed_ms,
      takenOver: row.taken_over,
      waited: row.waited,
      cancelled: row.cancelled,
      guest: row.guest_id === null ? null : { id: row.guest_id, tools: row.guest_tools ?? [] },
      agent: {
        id: row.agent_id,
        name: row.agent_name,
        instructions: row.instructions,
        model: row.model,
        tools: row.tools,
        limits: row.limits,
        deleted: row.agent_deleted,
      },
    };
  }
}

const nextDue = statement<{ ms: number }>(`
  SELECT ceil(extract(epoch FROM min(due_at) - now()) * 1000)::int AS ms FROM run
  WHERE conversation_id = $1 AND status IN ('queued', 'running') AND due_at > now() HAVING count(*) > 0`);

/** How long until a run of this conversation that waits, for its burst to end or a budget, may begin; null when there is none. */
export async function nextDueInMs(db: Database, conversationId: string): Promise<number | null> {
  const [row] = await db.query(nextDue, [conversationId]);
  return row?.ms ?? null;
}

const release = statement(`
  UPDATE conversation SET lease_owner = NULL, lease_until = NULL WHERE id = $1 AND epoch = $2`);

/** Gives the lane back without ending its run; whoever claims it next goes on. Nothing happens if it was lost. */
export async function releaseLane(db: Database, lane: Lane): Promise<void> {
  await db.query(release, [lane.conversationId, lane.epoch]);
}

// A lane that was given back meanwhile is free: renewing it would keep everybody from it for a whole lease.
const renew = statement<{ conversation_id: string; epoch: number; cancelled: boolean }>(`
  UPDATE conversation c SET lease_until = now() + $4 * interval '1 millisecond'
  FROM unnest($1::uuid[], $2::int[], $3::uuid[]) AS held (id, epoch, run_id) JOIN run r ON r.id = held.run_id
  WHERE c.id = held.id AND c.epoch = held.epoch AND c.lease_owner IS NOT NULL
  RETURNING c.id AS conversation_id, c.epoch, r.cancel_requested_at IS NOT NULL AS cancelled`);

export interface HeldLane {
  lane: Lane;
  runId: string;
}

/**
 * Renews all lanes that a worker holds, in one statement. Those that are missing from the answer are lost.
 * The commit need not be durable: a renewal lost in a crash only makes a takeover come sooner.
 */
export async function renewLanes(
  db: Database,
  held: readonly HeldLane[],
): Promise<{ lane: Lane; cancelled: boolean }[]> {
  const rows = await db.queryRelaxed(renew, [
    held.map(({ lane }) => lane.conversationId),
    held.map(({ lane }) => lane.epoch),
    held.map(({ runId }) => runId),
    leaseMs,
  ]);
  return rows.map((row) => ({
    lane: { conversationId: row.conversation_id, epoch: row.epoch },
    cancelled: row.cancelled,
  }));
}

const abandoned = statement<{ id: string }>(`
  SELECT c.id FROM run r JOIN conversation c ON c.id = r.conversation_id
  WHERE r.status = 'running' AND (c.lease_until IS NULL OR c.lease_until < now())
  ORDER BY r.started_at LIMIT $1`);

/** Conversations with a run that was begun and that nobody works on: its worker died. The oldest come first. */
export async function findAbandonedLanes(db: Database, limit: number): Promise<string[]> {
  const rows = await db.query(abandoned, [limit]);
  return rows.map(({ id }) => id);
}

// One that has only just become due is on its way through the queue. What is behind a run that waits for a budget cannot
// begin yet.
const due = statement<{ id: string }>(`
  SELECT c.id FROM run r JOIN conversation c ON c.id = r.conversation_id
  WHERE r.status = 'queued' AND r.due_at < now() - interval '2 seconds'
    AND (c.lease_until IS NULL OR c.lease_until < now())
    AND NOT EXISTS (SELECT FROM run w WHERE w.conversation_id = c.id AND w.status = 'queued'
      AND w.waiting IS NOT NULL AND w.due_at > now() - interval '2 seconds')
  GROUP BY c.id, c.agent_id ORDER BY row_number() OVER (PARTITION BY c.agent_id ORDER BY min(r.due_at)), min(r.due_at)
  LIMIT $1`);

/**
 * Conversations with a run that waits and that nobody works on: its wake-up was lost or never sent. Agents take turns,
 * each with its oldest first.
 */
export async function findDueLanes(db: Database, limit: number): Promise<string[]> {
  const rows = await db.query(due, [limit]);
  return rows.map(({ id }) => id);
}
