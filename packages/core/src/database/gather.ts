/**
 * Many callers, one statement. A commit costs the disk's time and a statement the server's, however many rows it has:
 * under load, what several callers ask for at the same moment goes to the database together. A caller alone never waits.
 */
import type { QueryResultRow } from 'pg';
import { isDatabaseUnavailable } from './failures.ts';
import type { Statement } from './statement.ts';

/** Statements of one kind under way at once; what comes meanwhile is gathered for the next. */
const maxUnderWay = 2;

/** Items of one statement. */
const maxItems = 64;

/**
 * A statement that takes a JSON array of items as its only parameter and returns at most one row for each, with the
 * item's place in the array, from 1, in the column `item` (`WITH ORDINALITY`).
 */
export type GatheringStatement<Row> = Statement<Row & { item: number }>;

interface Waiting {
  item: object;
  resolve(row: unknown): void;
  reject(error: unknown): void;
}

export type Gather = <Row extends QueryResultRow>(
  statement: GatheringStatement<Row>,
  item: object,
) => Promise<Row | undefined>;

/** `query` runs one statement with one parameter. */
export function createGather(
  query: (statement: Statement<{ item: number }>, items: string) => Promise<{ item: number }[]>,
): Gather {
  const lines = new Map<string, { waiting: Waiting[]; underWay: number }>();

  async function send(statement: Statement<{ item: number }>, batch: readonly Waiting[]): Promise<void> {
    try {
      const rows = await query(statement, JSON.stringify(batch.map(({ item }) => item)));
      const byPlace = new Map(rows.map((row) => [row.item, row]));
      for (const [at, { resolve }] of batch.entries()) resolve(byPlace.get(at + 1));
    } catch (error) {
      // One item that the database refuses must not fail the others: each on its own then. When the database went away
      // nobody knows whether it was done, and each caller must hear so.
      if (batch.length === 1 || isDatabaseUnavailable(error)) for (const { reject } of batch) reject(error);
      else for (const each of batch) await send(statement, [each]);
    }
  }

  function next(statement: Statement<{ item: number }>): void {
    const line = lines.get(statement.name)!;
    while (line.waiting.length > 0 && line.underWay < maxUnderWay) {
      line.underWay++;
      void send(statement, line.waiting.splice(0, maxItems)).finally(() => {
        line.underWay--;
        next(statement);
      });
    }
  }

  return <Row extends QueryResultRow>(statement: GatheringStatement<Row>, item: object) =>
    new Promise<Row | undefined>((resolve, reject) => {
      const line = lines.get(statement.name) ?? { waiting: [], underWay: 0 };
      lines.set(statement.name, line);
      line.waiting.push({ item, resolve: resolve as Waiting['resolve'], reject });
      next(statement);
    });
}
