/**
 * The journal: a run is its steps. What was begun is written before it is done, what came of it before anything is
 * built on it. Every write is fenced by the lane's epoch.
 */
import {
  type AssistantMessage,
  type Failure,
  type ModelTask,
  storable,
  type TokenUsage,
  type ToolResultPart,
  type Waiting,
} from '@nightshift/contracts';
import type { QueryResultRow } from 'pg';
import { failureNotice, threadLaneSql } from '../channels/index.ts';
import type { Summary } from '../conversations/index.ts';
import { type Database, newId, type Statement, statement } from '../database/index.ts';
import { type Lane, LaneLostError } from './lane.ts';

export interface ToolInput {
  callId: string;
  arguments: Record<string, unknown>;
}

/** What a model was shown besides the conversation before the run and its own steps. */
export interface ModelInput {
  /** The last `seq` of the run's messages that it was given. */
  throughSeq: number;
  /** It was not asked to answer, but to summarize the conversation before the run. */
  task?: 'compaction';
  /** What it was told of its answer before, which was not in the format that was asked for. */
  repair?: string;
}

/** A step as the run loop reads it back. */
export type JournalStep =
  | {
      kind: 'model';
      index: number;
      name: string;
      status: 'started' | 'succeeded' | 'failed';
      attempts: number;
      input: ModelInput;
      output: { message: AssistantMessage; stop: string } | null;
      usage: TokenUsage | null;
    }
  | {
      kind: 'tool';
      index: number;
      name: string;
      status: 'started' | 'succeeded' | 'failed';
      attempts: number;
      input: ToolInput;
      output: ToolResultPart | null;
    };

/** One row of the ledger: a call to a model, also one that failed. */
export interface LedgerEntry {
  /** Made with the entry: however often it is written, it is one row. */
  id: string;
  /** What the model was asked for. */
  task: ModelTask;
  provider: string;
  /** That was asked. */
  model: string;
  /** The model that answered, where it is another one. */
  answeredModel: string | null;
  wire: string;
  credentialId: string | null;
  outcome: string;
  detail: string | null;
  /** Null: nothing was used. */
  usage: TokenUsage | null;
  /** At least a part of `usage` is our estimate. */
  estimated: boolean;
  costUsd: string | null;
  /** It is what the vendor says that it charges. */
  costReported: boolean;
  firstTokenMs: number | null;
  durationMs: number;
  startedAt: Date;
}

/** What came of a step. */
export interface StepResult {
  index: number;
  status: 'succeeded' | 'failed';
  output: unknown;
  error: Failure | null;
  usage: TokenUsage | null;
  ledger: readonly LedgerEntry[];
}

export interface RunEnd {
  status: 'succeeded' | 'failed' | 'cancelled';
  error: Failure | null;
  /** `provider/model` that answered last. */
  model: string | null;
  warnings: readonly string[];
  /** The answer, for the conversation's history. */
  reply: { text: string } | null;
  /** The last `seq` of the messages that the run was given. */
  seenSeq: number;
}

/** The lane's row, locked against a claim until the statement ends. No row: the lane was lost. */
const fence = `lane AS (SELECT c.id, c.steered_seq, c.amendments FROM conversation c WHERE c.id = $1 AND c.epoch = $2 FOR SHARE)`;

/**
 * Writes ledger rows of a step, for the rows of the CTE `lane`. Takes parameters $3 to $7. What the ledger is given the
 * budgets are charged by its trigger, A row that is there already stays, and charges nobody again.
 */
const settleLedger = `
  ledger AS (
    INSERT INTO usage_entry (id, team_id, agent_id, run_id, step_index, runs, conversation_id, channel_id, schedule_id,
      api_key_id, person_id, task, provider, model, answered_model, wire, credential_id, outcome, detail, input_tokens,
      cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens, estimated, cost_usd, cost_reported,
      first_token_ms, duration_ms, started_at)
    SELECT e.id, $5, $6, $3, $4,
      CASE WHEN e.first AND NOT EXISTS (SELECT FROM usage_entry u WHERE u.run_id = $3) THEN 1 ELSE 0 END,
      c.id, c.channel_id, r.schedule_id, r.api_key_id, r.person_id, e.task, e.provider, e.model, e."answeredModel",
      e.wire, e."credentialId", e.outcome, e.detail, e.input, e."cachedInput", e."cacheWrite", e.output, e.reasoning,
      coalesce(e.estimated, false), e."costUsd", coalesce(e."costReported", false),
      e."firstTokenMs", e."durationMs", e."startedAt"
    FROM lane JOIN run r ON r.id = $3 JOIN conversation c ON c.id = r.conversation_id, jsonb_to_recordset($7::jsonb) AS e (
      id uuid, first boolean, task text, provider text, model text, "answeredModel" text, wire text, "credentialId" uuid,
      outcome text, detail text, input int, "cachedInput" int, "cacheWrite" int, output int, reasoning int,
      estimated boolean, "costUsd" numeric, "costReported" boolean, "firstTokenMs" int, "durationMs" int,
      "startedAt" timestamptz)
    ON CONFLICT (id) DO NOTHING
  ), used AS (
    UPDATE provider_credential p SET last_used_at = now()
    FROM lane, jsonb_to_recordset($7::jsonb) AS e ("credentialId" uuid)
    WHERE p.id = e."credentialId" AND (p.last_used_at IS NULL OR p.last_used_at < now() - interval '1 minute')
  )`;

const released = `released AS (DELETE FROM budget_reservation v USING lane WHERE v.run_id = $3)`;

/** As `settleLedger`, frees what the step had reserved in the same moment, and writes its result. Takes parameters $3 to $11. */
const settleStep = `
  settled AS (
    UPDATE step s SET status = $8::step_status, output = $9, error = $10, usage = $11, ended_at = now()
    FROM lane WHERE s.run_id = $3 AND s.index = $4
  ), ${settleLedger}, ${released}`;

const begin = statement<Begun>(`
  WITH ${fence}
  INSERT INTO step (id, run_id, index, kind, name, input, input_hash)
  SELECT $3, $4, $5, $6::step_kind, $7, $8, $9 FROM lane
  ON CONFLICT (run_id, index) DO UPDATE SET attempts = step.attempts + 1, status = 'started', started_at = now(),
    name = excluded.name, input = excluded.input, input_hash = excluded.input_hash,
    output = NULL, error = NULL, ended_at = NULL
  RETURNING attempts, EXISTS (SELECT FROM budget b WHERE b.team_id = $10 AND b.enabled) AS budgeted,
    (SELECT amendments FROM lane) AS amendments`);

const settle = statement<{ id: string }>(`WITH ${fence}, ${settleLedger}, ${released} SELECT id FROM lane`);

const settleLost = statement(`
  WITH lane AS (SELECT c.id FROM conversation c WHERE c.id = $1 AND c.epoch >= $2), ${settleLedger} SELECT id FROM lane`);

const finish = statement<{ steered_seq: number }>(
  `WITH ${fence}, ${settleStep} SELECT steered_seq FROM lane`,
);

const finishCompaction = statement<{ steered_seq: number }>(`
  WITH ${fence}, ${settleStep}, summarized AS (
    INSERT INTO conversation_summary (conversation_id, through_seq, text) SELECT lane.id, $12, $13 FROM lane
    ON CONFLICT (conversation_id, through_seq) DO UPDATE SET text = excluded.text
  )
  SELECT steered_seq FROM lane`);

/**
 * Writes the answer into the history and everything that is to leave because of it into the outbox, for the rows of
 * the CTE `lane`. Takes parameters $3, $5, $12 (a message id), $13 (its content, or null) and $14 (the events). A channel
 * is told `notice`, where there is one. What showed the answer while it was written becomes part of its delivery.
 */
const writeAnswer = (notice: string) => `
  reply AS (
    INSERT INTO message (id, conversation_id, seq, role, content, run_id)
    SELECT $12, lane.id, lane.seq, 'assistant', $13, $3 FROM lane WHERE $13::jsonb IS NOT NULL
    RETURNING id
  ), subscribed AS (
    -- Locked, so that a webhook that is deleted meanwhile is left out rather than missed by the foreign key.
    SELECT w.id, w.events FROM lane, webhook w WHERE w.team_id = $5 FOR KEY SHARE OF w
  ), outbox AS (
    INSERT INTO delivery (team_id, lane, channel_id, webhook_id, conversation_id, run_id, message_id, text, event)
    SELECT $5, target.lane, target.channel_id, target.webhook_id, target.conversation_id,
      $3, (SELECT id FROM reply), target.text, target.event
    FROM (
      SELECT w.id || '/' || lane.id AS lane, NULL::uuid AS channel_id, w.id AS webhook_id, lane.id AS conversation_id, NULL AS text, event
      FROM lane, subscribed w, unnest(w.events) AS event WHERE event = ANY ($14::text[])
      UNION ALL
      SELECT ${threadLaneSql('lane.channel_id', 'lane.thread_key')}, lane.channel_id, NULL, lane.id, NULL, 'message.created'
      FROM lane WHERE lane.channel_id IS NOT NULL AND 'message.created' = ANY ($14::text[])
      UNION ALL
      SELECT ${threadLaneSql('lane.channel_id', 'lane.thread_key')}, lane.channel_id, NULL, lane.id, ${notice}, 'run.failed'
      FROM lane WHERE lane.channel_id IS NOT NULL AND ${notice} IS NOT NULL
    ) AS target ORDER BY target.event
    RETURNING id, lane, channel_id
  ), shown AS (
    UPDATE live_reply l SET delivery_id = outbox.id FROM outbox
    WHERE l.run_id = $3 AND l.delivery_id IS NULL AND l.channel_id = outbox.channel_id
  )`;

type Written = { lanes: string[] | null };
const outboxLanes = `(SELECT array_agg(DISTINCT lane) FROM outbox) AS lanes`;

// The end of a run is one statement: its last step, its message, its status, what is to be delivered and the lane's
// release stand or fall together, so a run that is over has its answer, and an answer is written once. It finds no
// row when the lane was lost, or when a message joined the run that it has not taken in yet.
const endWithStep = statement<Written & { more: boolean }>(`
  WITH lane AS (
    UPDATE conversation c SET lease_owner = NULL, lease_until = NULL, steerable_run_id = NULL, updated_at = now(),
      next_seq = c.next_seq + CASE WHEN $13::jsonb IS NULL THEN 0 ELSE 1 END
    WHERE c.id = $1 AND c.epoch = $2 AND c.steered_seq <= $15
    RETURNING c.id, c.channel_id, c.thread_key, c.next_seq - 1 AS seq
  ), ${settleStep}, closed AS (
    -- A run that is over has no open steps, whatever it was that ended it.
    UPDATE step s SET status = 'failed', error = $17, ended_at = now()
    FROM lane WHERE s.run_id = $3 AND s.index <> $4 AND s.status = 'started'
  ), ended AS (
    UPDATE run r SET status = $16::run_status, error = $17, model = coalesce($18, r.model),
      warnings = r.warnings || $19::text[], ended_at = now()
    FROM lane WHERE r.id = $3
  ), ${writeAnswer('$20::text')}
  SELECT ${outboxLanes}, EXISTS (SELECT FROM run r
    WHERE r.conversation_id = lane.id AND r.status IN ('queued', 'running') AND r.id <> $3) AS more
  FROM lane`);

// An answer in the middle of a run, because somebody has said more meanwhile.
const answerWithStep = statement<Written>(`
  WITH lane AS (
    UPDATE conversation c SET updated_at = now(), next_seq = c.next_seq + 1
    WHERE c.id = $1 AND c.epoch = $2
    RETURNING c.id, c.channel_id, c.thread_key, c.next_seq - 1 AS seq
  ), ${settleStep}, ${writeAnswer('NULL::text')}
  SELECT ${outboxLanes} FROM lane`);

const epochOf = statement<{ epoch: number }>(`SELECT epoch FROM conversation WHERE id = $1`);

/** A run that waits does not trust that it is woken. */
const lookAgainMinutes = 15;

export interface JournalScope {
  readonly lane: Lane;
  readonly runId: string;
  readonly teamId: string;
  readonly agentId: string;
}

async function fenced<Row extends QueryResultRow>(
  db: Database,
  lane: Lane,
  sql: Statement<Row>,
  values: readonly unknown[],
): Promise<Row> {
  const [row] = await db.query(sql, [lane.conversationId, lane.epoch, ...values]);
  if (!row) throw new LaneLostError(lane);
  return row;
}

const json = (value: unknown): string | null =>
  value === null || value === undefined ? null : JSON.stringify(value);

type LedgerScope = Pick<JournalScope, 'runId' | 'teamId' | 'agentId'>;

/** The parameters $3 to $7. */
function ledgerValues(
  { runId, teamId, agentId }: LedgerScope,
  { index, ledger }: Pick<StepResult, 'index' | 'ledger'>,
): unknown[] {
  const rows = ledger.map(({ usage, ...entry }, at) => ({
    ...{ id: newId(), first: at === 0 },
    ...storable({ ...entry, startedAt: entry.startedAt.toISOString() }),
    ...usage,
    // A clock that was set meanwhile makes durations of any length.
    firstTokenMs: entry.firstTokenMs === null ? null : int4(entry.firstTokenMs),
    durationMs: int4(entry.durationMs),
  }));
  return [runId, index, teamId, agentId, JSON.stringify(rows)];
}

const int4 = (value: number) => Math.round(Math.min(Math.max(value, 0), 2 ** 31 - 1));

/** The parameters $3 to $11. */
function stepValues(scope: LedgerScope, step: StepResult): unknown[] {
  return [
    ...ledgerValues(scope, step),
    step.status,
    json(step.output),
    json(storable(step.error)),
    json(step.usage),
  ];
}

export interface Begun {
  /** How many times the step has begun: above 1 after a crash. */
  attempts: number;
  /** The team has budgets: what the step uses is to be reserved. A team without any pays nothing for them. */
  budgeted: boolean;
  /**
   * Of the conversation. From here on a change of what the step is shown is a message of its own; another number than
   * when the messages were read says that one was changed before.
   */
  amendments: number;
}

/** Writes that a step begins. @throws {LaneLostError} */
export async function beginStep(
  db: Database,
  scope: JournalScope,
  step: {
    index: number;
    kind: 'model' | 'tool';
    name: string;
    input: ToolInput | ModelInput;
    inputHash?: string | undefined;
  },
): Promise<Begun> {
  // Before a tool acts, the journal must know of it for certain. Asking a model twice does no harm, so that step need
  // not wait for the disk.
  const query = step.kind === 'tool' ? db.query : db.queryRelaxed;
  const [row] = await query(begin, [
    scope.lane.conversationId,
    scope.lane.epoch,
    newId(),
    scope.runId,
    step.index,
    step.kind,
    step.name,
    json(step.input),
    step.inputHash ?? null,
    scope.teamId,
  ]);
  if (!row) throw new LaneLostError(scope.lane);
  return row;
}

/**
 * Writes what came of a step.
 *
 * @returns the last `seq` of a message that joined the run
 * @throws {LaneLostError}
 */
export async function finishStep(db: Database, scope: JournalScope, step: StepResult): Promise<number> {
  return (await fenced(db, scope.lane, finish, stepValues(scope, step))).steered_seq;
}

/**
 * Writes the ledger's rows of a step that is still open, and nothing else: for when its result cannot be written. What
 * was used is accounted for whatever becomes of the rest, and once, however often this is repeated.
 *
 * @throws {LaneLostError}
 */
export async function settleStepLedger(
  db: Database,
  scope: JournalScope,
  step: Pick<StepResult, 'index' | 'ledger'>,
): Promise<void> {
  await fenced(db, scope.lane, settle, ledgerValues(scope, step));
}

/**
 * The same for a lane that was lost: vendors charge for what this worker has asked, whoever goes on. Nothing else is
 * touched, not even what was reserved, for that may be the next worker's.
 */
export async function settleLostLedger(
  db: Database,
  scope: JournalScope,
  step: Pick<StepResult, 'index' | 'ledger'>,
): Promise<void> {
  const { conversationId, epoch } = scope.lane;
  await db.query(settleLost, [conversationId, epoch, ...ledgerValues(scope, step)]);
}

/**
 * As `finishStep`, of a step that has summarized the conversation: from now on the summary stands in for what it covers.
 *
 * @throws {LaneLostError}
 */
export async function finishCompactionStep(
  db: Database,
  scope: JournalScope,
  step: StepResult,
  { throughSeq, text }: Summary,
): Promise<number> {
  const values = [...stepValues(scope, step), throughSeq, text];
  return (await fenced(db, scope.lane, finishCompaction, values)).steered_seq;
}

const contentOf = (reply: { text: string } | null) =>
  reply ? JSON.stringify([{ type: 'text', text: reply.text }]) : null;

/** No step was open: the statement's step part then matches no row. */
const noStep: StepResult = {
  index: -1,
  status: 'failed',
  output: null,
  error: null,
  usage: null,
  ledger: [],
};

export interface Ended {
  /** The outbox lanes to wake. */
  outboxLanes: string[];
  /** Another run of the lane is open. One that is accepted later than this was read wakes the lane itself. */
  more: boolean;
}

/**
 * Ends the run and gives back the lane, with the result of its last step where one was open. Other steps that are open
 * end as failed.
 *
 * @returns null when a message has joined the run that it has not taken in: go on with it
 * @throws {LaneLostError}
 */
export async function endRun(
  db: Database,
  scope: JournalScope,
  end: RunEnd,
  step: StepResult | null,
): Promise<Ended | null> {
  const { conversationId, epoch } = scope.lane;
  const events = end.reply ? ['message.created', 'run.finished'] : ['run.finished'];
  const [row] = await db.query(endWithStep, [
    conversationId,
    epoch,
    ...stepValues(scope, step ?? noStep),
    newId(),
    contentOf(end.reply),
    events,
    end.seenSeq,
    end.status,
    json(storable(end.error)),
    end.model,
    storable(end.warnings),
    end.status === 'failed' && end.error ? failureNotice(end.error, scope.runId) : null,
  ]);
  if (row) return { outboxLanes: row.lanes ?? [], more: row.more };
  const [lane] = await db.query(epochOf, [conversationId]);
  if (lane?.epoch !== epoch) throw new LaneLostError(scope.lane);
  return null;
}

/**
 * Writes an answer of a run that goes on, with the step that it came of.
 *
 * @returns the outbox lanes to wake
 * @throws {LaneLostError}
 */
export async function answerRun(
  db: Database,
  scope: JournalScope,
  reply: { text: string },
  step: StepResult,
): Promise<string[]> {
  const values = [...stepValues(scope, step), newId(), contentOf(reply), ['message.created']];
  return (await fenced(db, scope.lane, answerWithStep, values)).lanes ?? [];
}

const handOver = statement(`
  WITH lane AS (
    UPDATE conversation c SET lease_owner = NULL, lease_until = NULL WHERE c.id = $1 AND c.epoch = $2 RETURNING c.id
  )
  UPDATE step s SET attempts = s.attempts - 1 FROM lane
  WHERE s.run_id = $3 AND (s.status = 'started' OR (s.kind = 'model' AND s.status = 'failed'))`);

/**
 * Gives the lane back with its run not ended; whoever claims it next goes on. The steps that were under way have not
 * crashed anybody, so beginning them again counts anew. Nothing happens if the lane was lost.
 */
export async function handOverRun(db: Database, scope: JournalScope): Promise<void> {
  await db.query(handOver, [scope.lane.conversationId, scope.lane.epoch, scope.runId]);
}

// As a handover, but for later, and its time begins anew then. Somebody may have asked for its end meanwhile: then it is
// due at once, to end.
const postpone = statement<{ id: string }>(`
  WITH lane AS (
    UPDATE conversation c SET lease_owner = NULL, lease_until = NULL WHERE c.id = $1 AND c.epoch = $2 RETURNING c.id
  ), postponed AS (
    UPDATE run r SET status = 'queued', started_at = NULL, waiting = $4, warnings = r.warnings || $6::text[],
      model = coalesce($7, r.model),
      due_at = CASE WHEN r.cancel_requested_at IS NULL THEN least($5, now() + interval '${lookAgainMinutes} minutes') ELSE now() END
    FROM lane WHERE r.id = $3
  ), released AS (
    DELETE FROM budget_reservation v USING lane WHERE v.run_id = $3
  ), begun AS (
    UPDATE step s SET attempts = s.attempts - 1 FROM lane
    WHERE s.run_id = $3 AND (s.status = 'started' OR (s.kind = 'model' AND s.status = 'failed'))
  )
  SELECT id FROM lane`);

/**
 * Puts the run back into its lane, where it keeps its place, and gives the lane back. It goes on at `waiting.until`, or
 * when somebody changes a budget (`releaseWaitingRuns`); and it looks again every quarter of an hour, since a change in
 * the very moment of this may not have seen it wait.
 *
 * @throws {LaneLostError}
 */
export async function postponeRun(
  db: Database,
  scope: JournalScope,
  run: { waiting: Waiting; warnings: readonly string[]; model: string | null },
): Promise<void> {
  const { waiting, warnings, model } = run;
  await fenced(db, scope.lane, postpone, [scope.runId, json(waiting), waiting.until, warnings, model]);
}

type StepRow = {
  index: number;
  kind: 'model' | 'tool';
  name: string;
  status: 'started' | 'succeeded' | 'failed';
  attempts: number;
  input: unknown;
  output: unknown;
  usage: TokenUsage | null;
  durationMs: number;
};

const readSteps = statement<StepRow>(`
  SELECT index, kind, name, status, attempts, input, output, usage,
    coalesce(extract(epoch FROM ended_at - started_at) * 1000, 0)::float8 AS "durationMs"
  FROM step WHERE run_id = $1 ORDER BY index`);

/** The steps of a run, in order. */
export async function readJournal(
  db: Database,
  runId: string,
): Promise<(JournalStep & { durationMs: number })[]> {
  return (await db.query(readSteps, [runId])) as (JournalStep & { durationMs: number })[];
}
