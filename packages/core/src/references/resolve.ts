/** From what people write to an id: a name, an id, or a part of one. */
import { kindNames, type Named, type ReferenceKind } from '@nightshift/contracts';
import { type Database, type Statement, statement } from '../database/index.ts';
import { DomainError } from '../errors/index.ts';
import { isWholeId, parseShortId } from './short-id.ts';
import { spellingsOf } from './spellings.ts';
import { type Table, tables } from './tables.ts';

/** A problem lists as many candidates. */
const maxCandidates = 20;

/** The end of an id is looked for among so many of the newest, which an index holds. */
const searched = 200_000;

type Row = { id: string; name: string };

function statementsOf({ table, name, live, named = 'true', alsoNamed, discreet }: Table) {
  const row = `id, ${name ? `coalesce(${name}, '')` : "''"} AS name`;
  const limited = `ORDER BY id DESC LIMIT ${maxCandidates + 1}`;
  return {
    byId: statement<Row>(`SELECT ${row} FROM ${table} WHERE team_id = $1 AND id = $2 AND ${live}`),
    byName:
      name &&
      statement<Row>(
        `SELECT ${row} FROM ${table} WHERE team_id = $1 AND ${name} = $2 AND ${live} AND ${named} ${limited}`,
      ),
    byOtherName:
      name && alsoNamed
        ? statement<Row>(
            `SELECT ${row} FROM ${table} WHERE team_id = $1 AND ${name} = $2 AND ${live} AND ${alsoNamed} ${limited}`,
          )
        : null,
    byBeginning: statement<Row>(
      `SELECT ${row} FROM ${table} WHERE team_id = $1 AND id BETWEEN $2 AND $3 AND ${live} ${limited}`,
    ),
    byEnd: statement<Row>(`
      SELECT ${row} FROM ${table} WHERE ${live} AND id IN (
        SELECT id FROM (SELECT id FROM ${table} WHERE team_id = $1 ORDER BY id DESC LIMIT ${searched}) AS newest
        WHERE right(replace(id::text, '-', ''), length($2)) = $2
      ) ${limited}`),
    newest:
      !discreet &&
      name &&
      statement<Row>(`SELECT ${row} FROM ${table} WHERE team_id = $1 AND ${name} IS NOT NULL AND ${live} AND ${named}
        ORDER BY id DESC LIMIT ${maxCandidates}`),
  };
}

const statements = Object.fromEntries(
  Object.entries(tables).map(([kind, table]) => [kind, statementsOf(table)]),
) as Record<ReferenceKind, ReturnType<typeof statementsOf>>;

/**
 * The id that a reference means; undefined: nothing of the team. An id comes before a name, a name before a part of an id:
 * a record that is named like another one's id does not hide it.
 *
 * @throws {DomainError} ambiguous, with what it may mean
 */
export async function resolveReference(
  db: Pick<Database, 'query'>,
  teamId: string,
  kind: ReferenceKind,
  reference: string,
): Promise<string | undefined> {
  const { byId, byName, byOtherName, byBeginning, byEnd } = statements[kind];
  const ask = (sql: Statement<Row>, ...values: string[]) => db.query(sql, [teamId, ...values]);
  const isId = isWholeId(reference);
  if (isId) {
    const [row] = await ask(byId, reference);
    if (row) return row.id;
  }
  for (const name of spellingsOf(reference)) {
    const first = byName ? await ask(byName, name) : [];
    const named = first.length === 0 && byOtherName ? await ask(byOtherName, name) : first;
    if (named.length > 0) return oneOf(kind, reference, named);
  }
  const short = isId ? null : parseShortId(reference);
  if (!short) return undefined;
  const found = short.beginning ? await ask(byBeginning, short.beginning.from, short.beginning.to) : [];
  if (short.end) found.push(...(await ask(byEnd, short.end)));
  const distinct = [...new Map(found.map((row) => [row.id, row])).values()];
  return distinct.length === 0 ? undefined : oneOf(kind, reference, distinct);
}

function oneOf(kind: ReferenceKind, reference: string, rows: readonly Row[]): string {
  if (rows.length === 1) return rows[0]!.id;
  const candidates = rows.slice(0, maxCandidates);
  const ids = candidates.map(({ id }) => id).join(', ');
  const many = rows.length > maxCandidates ? `more than ${maxCandidates}` : String(rows.length);
  throw new DomainError(
    'ambiguous',
    `"${reference}" means ${many} ${kindNames[kind]}s: ${ids}. Use the whole id.`,
    { candidates },
  );
}

/** The newest records that have a name, for whoever has named none of them. */
export async function suggestNames(
  db: Pick<Database, 'query'>,
  teamId: string,
  kind: ReferenceKind,
): Promise<Named[]> {
  const { newest } = statements[kind];
  return newest ? db.query(newest, [teamId]) : [];
}

/** The one record of this name; undefined: there is none. @throws {DomainError} ambiguous */
export async function findByName(
  db: Pick<Database, 'query'>,
  teamId: string,
  kind: ReferenceKind,
  name: string,
): Promise<string | undefined> {
  const { byName } = statements[kind];
  const rows = byName ? await db.query(byName, [teamId, name]) : [];
  return rows.length === 0 ? undefined : oneOf(kind, name, rows);
}
