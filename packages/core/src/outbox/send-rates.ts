/**
 * How fast a platform takes messages, kept by all workers together. Each limit is a row that says when it is free again
 * (the generic cell rate algorithm, https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm): nothing is counted, and
 * nothing has to be tidied up for it to be right.
 */
import { type Database, statement } from '../database/index.ts';

export interface SendLimit {
  /** What it is the limit of: a channel, or a chat in it. */
  key: string;
  /** One message in so many milliseconds, in the long run. */
  everyMs: number;
  /** So many may go at once. */
  burst: number;
}

// Rows are locked in one order, and what they say then is what counts. Two that are the very first of a chat at the same
// moment find no row to lock, and both go; what they take is counted all the same.
const take = statement<{ wait_ms: number }>(`
  WITH wanted AS (
    SELECT * FROM unnest($1::text[], $2::float8[], $3::float8[]) AS w (key, every_ms, burst)
  ), held AS (
    SELECT r.key, r.full_at FROM send_rate r WHERE r.key = ANY ($1::text[]) ORDER BY r.key FOR UPDATE
  ), wait AS (
    SELECT max(coalesce(extract(epoch FROM held.full_at - now())::float8 * 1000, 0) - (w.burst - 1) * w.every_ms) AS ms
    FROM wanted w LEFT JOIN held ON held.key = w.key
  ), taken AS (
    INSERT INTO send_rate (key, full_at)
    SELECT w.key, now() + w.every_ms * interval '1 millisecond' FROM wanted w, wait WHERE wait.ms <= 0 ORDER BY w.key
    ON CONFLICT (key) DO UPDATE SET full_at = greatest(send_rate.full_at, now()) + (excluded.full_at - now())
  )
  SELECT ceil(greatest(wait.ms, 0)) AS wait_ms FROM wait`);

/**
 * Takes one message's room of each of the limits, or of none.
 *
 * @returns 0: it may go now · milliseconds to wait before asking again
 */
export async function takeTurn(db: Database, limits: readonly SendLimit[]): Promise<number> {
  if (limits.length === 0) return 0;
  const values = [
    limits.map(({ key }) => key),
    limits.map(({ everyMs }) => everyMs),
    limits.map(({ burst }) => burst),
  ];
  // What a crash of the database undoes is a few messages too many.
  const [row] = await db.queryRelaxed(take, values);
  return row!.wait_ms;
}
