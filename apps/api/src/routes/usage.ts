import {
  pageOf,
  type UsageDimension,
  UsageEntry,
  UsageEntryQuery,
  UsageQuery,
  UsageReport,
  type UsageRow,
} from '@nightshift/contracts';
import { listUsageEntries, readUsage, streamUsageEntries } from '@nightshift/core/usage';
import { csvLine, sendCsv, wantsCsv } from '../csv.ts';
import { keyPermit } from '../permits.ts';
import { whilePermitted } from '../sse.ts';
import { errors, type Routes } from './types.ts';

const sums = [
  'attempts',
  'runs',
  'inputTokens',
  'cachedTokens',
  'outputTokens',
  'reasoningTokens',
  'costUsd',
  'unpriced',
  'estimated',
] as const;

/** A record is two columns, its id and its name. */
const columnsOf = (dimension: UsageDimension): string[] =>
  dimension === 'model' || dimension === 'provider' || dimension === 'day'
    ? [dimension]
    : [`${dimension}Id`, dimension];

function cellsOf(row: UsageRow, dimension: UsageDimension): (string | null)[] {
  const value = row[dimension] ?? null;
  if (typeof value === 'string') return [value];
  return [value?.id ?? null, value?.name ?? null];
}

function* reportLines({ groupBy, totals, rows }: UsageReport): Generator<string> {
  yield csvLine([...groupBy.flatMap(columnsOf), ...sums]);
  for (const row of groupBy.length === 0 ? [totals] : rows) {
    yield csvLine([
      ...groupBy.flatMap((dimension) => cellsOf(row, dimension)),
      ...sums.map((name) => row[name]),
    ]);
  }
}

const entryColumns = Object.keys(UsageEntry.shape) as (keyof UsageEntry)[];

/** Beside the id of a record stands its name. */
function cellOf(entry: UsageEntry, column: keyof UsageEntry) {
  const value = entry[column];
  return typeof value === 'object' ? (value?.name ?? null) : value;
}

async function* entryLines(entries: AsyncIterable<UsageEntry>): AsyncGenerator<string> {
  yield csvLine(entryColumns);
  for await (const entry of entries) yield csvLine(entryColumns.map((column) => cellOf(entry, column)));
}

export const usageRoutes: Routes = async (app, { deps }) => {
  const { db } = deps;
  app.get(
    '/v1/usage',
    {
      schema: {
        tags: ['usage'],
        summary: 'What was used, and what it cost',
        description:
          'Sums over the ledger, and by up to three dimensions: `groupBy=agent,model`. `unpriced` counts attempts whose cost ' +
          'is unknown and is not in `costUsd`; `estimated` counts those whose vendor did not say what they used. With `Accept: text/csv` or `format=csv` the rows as CSV.',
        querystring: UsageQuery,
        response: { 200: UsageReport, ...errors },
      },
    },
    async (request, reply) => {
      const report = await readUsage(db, request.caller.teamId, request.query);
      if (!wantsCsv(request, request.query.format)) return report;
      const signal = whilePermitted(deps, reply, keyPermit(db, request));
      return sendCsv(request, reply, { name: 'usage', lines: reportLines(report), signal });
    },
  );

  app.get(
    '/v1/usage/entries',
    {
      schema: {
        tags: ['usage'],
        summary: 'Read the ledger, newest first',
        description:
          'One row for each call to a model, also for those that failed. With `Accept: text/csv` or `format=csv` all rows as ' +
          'CSV, whatever `limit` and `cursor` say.',
        querystring: UsageEntryQuery,
        response: { 200: pageOf(UsageEntry), ...errors },
      },
    },
    async (request, reply) => {
      const { teamId } = request.caller;
      if (!wantsCsv(request, request.query.format)) return listUsageEntries(db, teamId, request.query);
      const lines = entryLines(streamUsageEntries(db, teamId, request.query));
      const signal = whilePermitted(deps, reply, keyPermit(db, request));
      return sendCsv(request, reply, { name: 'usage-entries', lines, signal });
    },
  );
};
