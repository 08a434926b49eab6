/** The ledger, row by row, newest first. */
import type { Page, ReferenceKind, UsageEntry, UsageEntryQuery } from '@nightshift/contracts';
import { decimal } from '../budgets/decimal.ts';
import { type Database, decodeCursor, statement, toPage } from '../database/index.ts';
import { namesOf } from '../references/index.ts';
import { filterCondition, filterValues, type UsageFilters } from './filters.ts';

type Row = Omit<
  UsageEntry,
  'createdAt' | 'startedAt' | 'agent' | 'channel' | 'schedule' | 'member' | 'person'
> & {
  createdAt: Date;
  startedAt: Date;
};

// By the time of accounting, as windows and reports go, and by id where that is the same. A row that is written while
// somebody pages has a later time, and shifts nothing.
const read = statement<Row>(`
  SELECT e.id, e.created_at AS "createdAt", e.run_id AS "runId", e.step_index AS "stepIndex", e.runs::int AS runs,
    e.agent_id AS "agentId", e.conversation_id AS "conversationId", e.channel_id AS "channelId",
    e.schedule_id AS "scheduleId", e.api_key_id AS "memberId", e.person_id AS "personId", e.task, e.provider, e.model,
    e.answered_model AS "answeredModel", e.wire, e.credential_id AS "credentialId",
    (SELECT label FROM provider_credential WHERE id = e.credential_id AND team_id = $1) AS "keyLabel",
    e.outcome, e.detail, e.input_tokens AS "inputTokens",
    e.cached_tokens AS "cachedTokens", e.cache_write_tokens AS "cacheWriteTokens", e.output_tokens AS "outputTokens",
    e.reasoning_tokens AS "reasoningTokens", e.estimated, e.cost_usd::text AS "costUsd",
    e.cost_reported AS "costReported", e.first_token_ms AS "firstTokenMs",
    e.duration_ms AS "durationMs", e.started_at AS "startedAt"
  FROM usage_entry e
  WHERE ${filterCondition} AND ($14::uuid IS NULL
    OR (e.created_at, e.id) < (SELECT created_at, id FROM usage_entry WHERE id = $14 AND team_id = $1))
  ORDER BY e.created_at DESC, e.id DESC LIMIT $15`);

/** How rows become entries: the names beside ids are looked up for all of them at once. */
async function entryReader(db: Database, teamId: string, rows: readonly Row[]) {
  const nameOf = (kind: ReferenceKind, id: (row: Row) => string | null) =>
    namesOf(db, teamId, kind, rows.map(id));
  const [agentOf, channelOf, scheduleOf, memberOf, personOf] = await Promise.all([
    nameOf('agent', ({ agentId }) => agentId),
    nameOf('channel', ({ channelId }) => channelId),
    nameOf('schedule', ({ scheduleId }) => scheduleId),
    nameOf('apiKey', ({ memberId }) => memberId),
    nameOf('person', ({ personId }) => personId),
  ]);
  return (row: Row): UsageEntry => ({
    ...row,
    agent: agentOf(row.agentId),
    channel: channelOf(row.channelId),
    schedule: scheduleOf(row.scheduleId),
    member: memberOf(row.memberId),
    person: personOf(row.personId),
    costUsd: row.costUsd === null ? null : decimal(row.costUsd),
    createdAt: row.createdAt.toISOString(),
    startedAt: row.startedAt.toISOString(),
  });
}

const readRows = (db: Database, teamId: string, filters: UsageFilters, after: string | null, limit: number) =>
  db.query(read, [...filterValues(teamId, filters), after, limit]);

/** @throws {DomainError} invalid_request when the cursor is none of ours */
export async function listUsageEntries(
  db: Database,
  teamId: string,
  query: UsageEntryQuery,
): Promise<Page<UsageEntry>> {
  const after = decodeCursor(query.cursor) ?? null;
  const rows = await readRows(db, teamId, query, after, query.limit + 1);
  return toPage(rows, query.limit, await entryReader(db, teamId, rows));
}

/** Rows that are read at once while all of them are streamed. */
const batch = 1000;

/** All rows, read as they are asked for. */
export async function* streamUsageEntries(
  db: Database,
  teamId: string,
  filters: UsageFilters,
): AsyncGenerator<UsageEntry, undefined> {
  for (let after: string | null = null; ; ) {
    const rows: Row[] = await readRows(db, teamId, filters, after, batch);
    yield* rows.map(await entryReader(db, teamId, rows));
    if (rows.length < batch) return;
    after = rows.at(-1)!.id;
  }
}
