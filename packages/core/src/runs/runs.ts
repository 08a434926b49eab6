/** What people may ask of runs: read them, cancel them, retry them. */

import type {
  Attempt,
  Failure,
  Named,
  Page,
  Run,
  RunListQuery,
  RunStatus,
  Step,
  TokenUsage,
  Waiting,
} from '@nightshift/contracts';
import { trimEndOf } from '@nightshift/contracts/text';
import { type Database, type Listed, pageArguments, statement, toPage } from '../database/index.ts';
import { DomainError, notFound } from '../errors/index.ts';
import { appendRunEvents, signal } from '../events/index.ts';
import type { Prisma, UsageEntry } from '../generated/prisma/client.ts';
import { namesOf } from '../references/index.ts';

const named = { select: { id: true, name: true } } as const;

const withUsage = {
  agent: named,
  conversation: { select: { channel: named } },
  usage: { select: { inputTokens: true, outputTokens: true, costUsd: true, estimated: true } },
} as const satisfies Prisma.RunInclude;

type RunRow = Prisma.RunGetPayload<{ include: typeof withUsage }>;

type NameOf = (id: string | null) => Named | null;

function toRun(row: RunRow, scheduleOf: NameOf, personOf: NameOf): Run {
  const cost = row.usage.every(({ costUsd }) => costUsd !== null)
    ? row.usage.reduce((sum, { costUsd }) => sum + Number(costUsd), 0)
    : null;
  return {
    id: row.id,
    agentId: row.agentId,
    agent: row.agent,
    conversationId: row.conversationId,
    channel: row.conversation.channel,
    schedule: scheduleOf(row.scheduleId),
    person: personOf(row.personId),
    trigger: row.trigger,
    status: row.status,
    attempt: row.attempt,
    model: row.model,
    error: row.error as Failure | null,
    warnings: row.warnings,
    waiting: row.waiting as Waiting | null,
    traceId: row.traceId,
    usage: {
      attempts: row.usage.length,
      inputTokens: row.usage.reduce((sum, { inputTokens }) => sum + (inputTokens ?? 0), 0),
      outputTokens: row.usage.reduce((sum, { outputTokens }) => sum + (outputTokens ?? 0), 0),
      costUsd: cost === null ? null : trimDecimal(cost.toFixed(10)),
      estimated: row.usage.filter(({ estimated }) => estimated).length,
    },
    createdAt: row.createdAt.toISOString(),
    startedAt: row.startedAt?.toISOString() ?? null,
    endedAt: row.endedAt?.toISOString() ?? null,
  };
}

function usageOf(entry: UsageEntry): TokenUsage | null {
  if (entry.inputTokens === null || entry.outputTokens === null) return null;
  return {
    input: entry.inputTokens,
    cachedInput: entry.cachedTokens ?? 0,
    cacheWrite: entry.cacheWriteTokens ?? 0,
    output: entry.outputTokens,
    reasoning: entry.reasoningTokens ?? 0,
  };
}

const trimDecimal = (text: string) => (text.includes('.') ? trimEndOf(trimEndOf(text, '0'), '.') : text);

/** How rows become runs: what has no relation is looked up for all of them at once. */
async function runReader(db: Database, teamId: string, rows: readonly RunRow[]) {
  const [scheduleOf, personOf] = await Promise.all([
    namesOf(
      db,
      teamId,
      'schedule',
      rows.map((row) => row.scheduleId),
    ),
    namesOf(
      db,
      teamId,
      'person',
      rows.map((row) => row.personId),
    ),
  ]);
  return (row: RunRow) => toRun(row, scheduleOf, personOf);
}

export async function listRuns(
  db: Database,
  teamId: string,
  query: Listed<RunListQuery>,
): Promise<Page<Run>> {
  const { where, ...page } = pageArguments(query);
  const rows = await db.prisma.run.findMany({
    ...page,
    where: {
      ...where,
      teamId,
      ...(query.id && { id: query.id }),
      ...(query.agentId && { agentId: query.agentId }),
      ...(query.channelId && { conversation: { channelId: query.channelId } }),
      ...(query.scheduleId && { scheduleId: query.scheduleId }),
      ...(query.personId && { personId: query.personId }),
      ...(query.conversationId && { conversationId: query.conversationId }),
      ...(query.status && { status: { in: query.status } }),
      ...(query.trigger && { trigger: { in: query.trigger } }),
    },
    include: withUsage,
  });
  return toPage(rows, query.limit, await runReader(db, teamId, rows));
}

/** @throws {DomainError} not_found */
export async function getRun(db: Database, teamId: string, id: string): Promise<Run> {
  const row = await db.prisma.run.findFirst({ where: { id, teamId }, include: withUsage });
  if (!row) throw notFound('run');
  return (await runReader(db, teamId, [row]))(row);
}

/** The run's journal, each model step with its rows of the ledger. @throws {DomainError} not_found */
export async function listSteps(db: Database, teamId: string, runId: string): Promise<Step[]> {
  const run = await db.prisma.run.findFirst({
    where: { id: runId, teamId },
    select: {
      steps: { orderBy: { index: 'asc' } },
      usage: { orderBy: [{ startedAt: 'asc' }, { id: 'asc' }] },
    },
  });
  if (!run) throw notFound('run');
  const attempts = Map.groupBy(run.usage, ({ stepIndex }) => stepIndex);
  const keys = await db.prisma.providerCredential.findMany({
    where: { teamId, id: { in: run.usage.flatMap(({ credentialId }) => credentialId ?? []) } },
    select: { id: true, label: true },
  });
  const labels = new Map(keys.map(({ id, label }) => [id, label]));
  return run.steps.map((step) => ({
    index: step.index,
    kind: step.kind,
    name: step.name,
    status: step.status,
    attempts: step.attempts,
    input: step.input,
    output: step.output,
    error: step.error as Failure | null,
    usage: step.usage as TokenUsage | null,
    modelAttempts: (attempts.get(step.index) ?? []).map(
      (entry): Attempt => ({
        task: entry.task,
        provider: entry.provider,
        model: entry.model,
        answeredModel: entry.answeredModel,
        wire: entry.wire,
        credentialId: entry.credentialId,
        keyLabel: labels.get(entry.credentialId ?? '') ?? null,
        outcome: entry.outcome,
        detail: entry.detail,
        usage: usageOf(entry),
        estimated: entry.estimated,
        costUsd: entry.costUsd === null ? null : trimDecimal(entry.costUsd.toFixed(10)),
        costReported: entry.costReported,
        firstTokenMs: entry.firstTokenMs,
        durationMs: entry.durationMs,
        startedAt: entry.startedAt.toISOString(),
      }),
    ),
    startedAt: step.startedAt.toISOString(),
    endedAt: step.endedAt?.toISOString() ?? null,
  }));
}

export interface RunOutcome {
  status: RunStatus;
  error: Failure | null;
  /** The last thing the agent said in this run. */
  replyText: string | null;
  /** `provider/model` that answered last. */
  model: string | null;
  /** What it waits for; null: nothing but its turn. */
  waiting: Waiting | null;
}

type OutcomeRow = Pick<RunOutcome, 'status' | 'error' | 'model' | 'waiting'> & { reply: string | null };

const readOutcome = statement<OutcomeRow>(`
  SELECT r.status, r.error, r.model, r.waiting, (
    SELECT m.content->0->>'text' FROM message m WHERE m.run_id = r.id AND m.role = 'assistant' ORDER BY m.seq DESC LIMIT 1
  ) AS reply
  FROM run r WHERE r.id = $1 AND r.team_id = $2`);

/** @throws {DomainError} not_found */
export async function getOutcome(db: Database, teamId: string, runId: string): Promise<RunOutcome> {
  const [row] = await db.query(readOutcome, [runId, teamId]);
  if (!row) throw notFound('run');
  const { reply: replyText, ...outcome } = row;
  return { ...outcome, replyText };
}

// The conversation comes first, as everywhere: its row is the lane's lock. From here on no message joins the run.
const cancel = statement<{ status: RunStatus }>(`
  WITH lane AS (
    UPDATE conversation c SET steerable_run_id = nullif(c.steerable_run_id, $1)
    FROM run r WHERE r.id = $1 AND r.team_id = $2 AND c.id = r.conversation_id
    RETURNING c.id
  )
  UPDATE run r SET cancel_requested_at = coalesce(r.cancel_requested_at, now()),
    status = CASE WHEN r.status = 'queued' THEN 'cancelled'::run_status ELSE r.status END,
    ended_at = CASE WHEN r.status = 'queued' THEN now() END, waiting = NULL
  FROM lane WHERE r.id = $1 AND r.conversation_id = lane.id AND r.status IN ('queued', 'running')
  RETURNING r.status`);

/**
 * Asks a run to stop. One that waits is cancelled at once; one that runs is told, and stops within 5 s.
 *
 * @throws {DomainError} not_found; run_final when it has ended
 */
export async function cancelRun(db: Database, teamId: string, id: string): Promise<Run> {
  const [row] = await db.query(cancel, [id, teamId]);
  if (!row) {
    const run = await getRun(db, teamId, id);
    throw new DomainError('run_final', `The run has ended already: ${run.status}.`);
  }
  if (row.status === 'cancelled') {
    await appendRunEvents(db, id, [{ type: 'run.finished', runId: id, status: 'cancelled' }]);
  } else {
    await signal(db.relaxed, 'cancel', id);
  }
  return getRun(db, teamId, id);
}

// The count of a step's beginnings starts anew, so that a run whose step crashed its workers gets another chance.
const retry = statement<{ conversation_id: string }>(`
  WITH retried AS (
    UPDATE run r SET status = 'queued', attempt = r.attempt + 1, error = NULL, started_at = NULL, ended_at = NULL,
      cancel_requested_at = NULL, due_at = now(), waiting = NULL, warnings = '{}'
    FROM agent a
    WHERE r.id = $1 AND r.team_id = $2 AND r.status IN ('failed', 'cancelled') AND a.id = r.agent_id AND a.deleted_at IS NULL
    RETURNING r.id, r.conversation_id
  ), again AS (
    UPDATE step s SET attempts = 0 FROM retried
    WHERE s.run_id = retried.id AND (s.status = 'started' OR (s.kind = 'model' AND s.status = 'failed'))
  )
  SELECT conversation_id FROM retried`);

/**
 * Puts a failed or cancelled run back in its lane. It goes on after its last finished step: what was paid for is
 * not paid again. The caller wakes the lane.
 *
 * @throws {DomainError} not_found; run_not_final while it runs; conflict when it succeeded or its agent was deleted
 */
export async function retryRun(db: Database, teamId: string, id: string): Promise<Run> {
  const [row] = await db.query(retry, [id, teamId]);
  if (row) return getRun(db, teamId, id);
  const run = await getRun(db, teamId, id);
  if (run.status === 'queued' || run.status === 'running') {
    throw new DomainError('run_not_final', `The run is ${run.status}: there is nothing to retry yet.`);
  }
  throw new DomainError(
    'conflict',
    run.status === 'succeeded'
      ? 'The run succeeded: there is nothing to retry.'
      : 'The agent of this run was deleted.',
  );
}
