import { createHash } from 'node:crypto';
import type { Pool, PoolClient, QueryResultRow } from 'pg';

/** A prepared statement. The name is derived from the text, so that each connection plans it once. */
export interface Statement<Row extends QueryResultRow> {
  readonly name: string;
  readonly text: string;
  readonly row?: Row;
}

export function statement<Row extends QueryResultRow>(text: string): Statement<Row> {
  return { name: `ns_${createHash('sha1').update(text).digest('hex').slice(0, 16)}`, text };
}

export function run<Row extends QueryResultRow>(
  client: Pool | PoolClient,
  { name, text }: Statement<Row>,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  return client.query<Row>({ name, text, values: values as unknown[] }).then((result) => result.rows);
}
