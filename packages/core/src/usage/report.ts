/** Sums over the ledger, as a whole and by up to three dimensions, all of them read at once. */
import {
  maxUsageRows,
  type UsageDimension,
  type UsageQuery,
  type UsageReport,
  type UsageRow,
  type UsageSums,
} from '@nightshift/contracts';
import { decimal } from '../budgets/decimal.ts';
import type { Database } from '../database/index.ts';
import { invalidField } from '../errors/index.ts';
import { isTimezone } from '../schedules/wall-clock.ts';
import { filterCondition, filterValues } from './filters.ts';

/** What a dimension is of an entry, and the table that has the names of what it refers to. */
const dimensions: Record<UsageDimension, { value: string; named?: string }> = {
  agent: { value: 'e.agent_id', named: 'agent' },
  member: { value: 'e.api_key_id', named: 'api_key' },
  person: { value: 'e.person_id', named: 'person' },
  channel: { value: 'e.channel_id', named: 'channel' },
  schedule: { value: 'e.schedule_id', named: 'schedule' },
  model: { value: "e.provider || '/' || e.model" },
  provider: { value: 'e.provider' },
  day: { value: "to_char(e.created_at AT TIME ZONE $14, 'YYYY-MM-DD')" },
};

type Row = Record<string, unknown> & {
  total: boolean;
  attempts: number;
  runs: number;
  input: number;
  cached: number;
  output: number;
  reasoning: number;
  cost: string;
  unpriced: number;
  estimated: number;
};

function reportSql(groupBy: readonly UsageDimension[]): string {
  // Some dimensions have the name of a column that is not the same.
  const keys = groupBy.map((name) => `by_${name}`);
  const columns = groupBy.map((name) => `, ${dimensions[name].value} AS by_${name}`).join('');
  const named = groupBy.flatMap((name) => {
    const table = dimensions[name].named;
    return table ? [{ name, table }] : [];
  });
  const names = named.map(({ name }) => `, ${name}_table.name AS ${name}_name`).join('');
  const joins = named
    .map(({ name, table }) => `LEFT JOIN ${table} AS ${name}_table ON ${name}_table.id = sums.by_${name}`)
    .join('\n');
  const sets = keys.length === 0 ? '()' : `(${keys.join(', ')}), ()`;
  const total = keys.length === 0 ? 'true' : `GROUPING(${keys[0]}) = 1`;
  const order = groupBy.includes('day') ? 'sums.by_day, ' : '';
  // Sums of tokens as double precision: exact up to 2^53, which is what JSON can say.
  return `
    WITH entry AS (
      SELECT e.*${columns} FROM usage_entry e WHERE ${filterCondition} AND $14::text IS NOT NULL
    ), sums AS (
      SELECT ${keys.map((key) => `${key}, `).join('')}${total} AS total,
        count(*)::int AS attempts,
        -- Of runs that are gone, the first row counts.
        (count(DISTINCT run_id) + coalesce(sum(runs) FILTER (WHERE run_id IS NULL), 0))::int AS runs,
        coalesce(sum(input_tokens), 0)::float8 AS input, coalesce(sum(cached_tokens), 0)::float8 AS cached,
        coalesce(sum(output_tokens), 0)::float8 AS output, coalesce(sum(reasoning_tokens), 0)::float8 AS reasoning,
        coalesce(sum(cost_usd), 0)::text AS cost, (count(*) - count(cost_usd))::int AS unpriced,
        count(*) FILTER (WHERE estimated)::int AS estimated
      FROM entry GROUP BY GROUPING SETS (${sets})
    )
    SELECT sums.*${names} FROM sums ${joins}
    ORDER BY total DESC, ${order}sums.cost::numeric DESC, sums.attempts DESC LIMIT ${maxUsageRows + 2}`;
}

const toSums = (row: Row): UsageSums => ({
  attempts: row.attempts,
  runs: row.runs,
  inputTokens: row.input,
  cachedTokens: row.cached,
  outputTokens: row.output,
  reasoningTokens: row.reasoning,
  costUsd: decimal(row.cost),
  unpriced: row.unpriced,
  estimated: row.estimated,
});

function toRow(row: Row, groupBy: readonly UsageDimension[]): UsageRow {
  const keys = groupBy.map((name) => {
    const value = row[`by_${name}`] as string | null;
    const subject = value === null ? null : { id: value, name: row[`${name}_name`] as string | null };
    return [name, dimensions[name].named ? subject : value];
  });
  return { ...Object.fromEntries(keys), ...toSums(row) };
}

/** @throws {DomainError} invalid_request: an unknown timezone, or more groups than are answered */
export async function readUsage(db: Database, teamId: string, query: UsageQuery): Promise<UsageReport> {
  const { groupBy, timezone, from, to } = query;
  if (!isTimezone(timezone)) throw invalidField('timezone', `"${timezone}" is no IANA timezone`);
  const values = [...filterValues(teamId, query), timezone];
  const { rows } = await db.pool.query<Row>(reportSql(groupBy), values);
  const [totals, ...groups] = rows;
  if (groups.length > maxUsageRows) {
    throw invalidField(
      'groupBy',
      `gives more than ${maxUsageRows} rows: ask for less time or fewer dimensions`,
    );
  }
  return {
    from: from === undefined ? null : new Date(from).toISOString(),
    to: to === undefined ? null : new Date(to).toISOString(),
    timezone,
    groupBy,
    totals: toSums(totals!),
    rows: groups.map((row) => toRow(row, groupBy)),
  };
}
