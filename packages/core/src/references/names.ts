/** The names beside ids, for rows that have no relation to the record. One that was deleted keeps its name. */
import type { Named, ReferenceKind } from '@nightshift/contracts';
import { type Database, statement } from '../database/index.ts';
import { tables } from './tables.ts';

const statements = Object.fromEntries(
  Object.entries(tables)
    .filter(([, { name }]) => name !== null)
    .map(([kind, { table, name }]) => [
      kind,
      statement<Named>(
        `SELECT id, ${name} AS name FROM ${table} WHERE team_id = $1 AND id = ANY ($2::uuid[])`,
      ),
    ]),
);

/** @returns the record of an id; null: there is none any more */
export async function namesOf(
  db: Pick<Database, 'query'>,
  teamId: string,
  kind: ReferenceKind,
  ids: readonly (string | null)[],
): Promise<(id: string | null) => Named | null> {
  const wanted = [...new Set(ids.filter((id) => id !== null))];
  const sql = statements[kind];
  const rows = wanted.length > 0 && sql ? await db.query(sql, [teamId, wanted]) : [];
  const found = new Map(rows.map((row) => [row.id, row]));
  return (id) => (id === null ? null : (found.get(id) ?? null));
}
