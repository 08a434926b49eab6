/**
 * Idempotency keys: the first answer to a key is kept for a day and given again.
 * https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
 */
import { type Database, statement } from '../database/index.ts';
import { DomainError } from '../errors/index.ts';

/** A key is its caller's own: the same one from another caller is another one. */
export interface IdempotencyKey {
  teamId: string;
  /** Of the API key. */
  callerId: string;
  key: string;
}

/** As it is stored. Keys have no spaces, so none of them is taken for another caller's. */
const nameOf = ({ callerId, key }: IdempotencyKey) => `${callerId} ${key}`;

export interface StoredAnswer {
  status: number;
  body: string;
}

/** A first request that has no answer after this long died with its process; the next one takes its place. */
const abandonedAfter = `interval '2 minutes'`;
const waitMs = 15_000;
const lookAgainMs = 50;

const begin = statement<{ key: string }>(`
  INSERT INTO idempotency_record (team_id, key, request_hash) VALUES ($1, $2, $3)
  ON CONFLICT (team_id, key) DO UPDATE SET created_at = now(), request_hash = excluded.request_hash,
    status = NULL, body = NULL
  WHERE idempotency_record.created_at < now() - interval '1 day'
    OR (idempotency_record.status IS NULL AND idempotency_record.created_at < now() - ${abandonedAfter}
      AND idempotency_record.request_hash = excluded.request_hash)
  RETURNING key`);
const read = statement<{ request_hash: Buffer; status: number | null; body: string | null }>(`
  SELECT request_hash, status, body FROM idempotency_record WHERE team_id = $1 AND key = $2`);
const complete = statement(
  `UPDATE idempotency_record SET status = $3, body = $4 WHERE team_id = $1 AND key = $2`,
);
const forget = statement(`DELETE FROM idempotency_record WHERE team_id = $1 AND key = $2 AND status IS NULL`);
const prune = statement(`DELETE FROM idempotency_record WHERE created_at < now() - interval '1 day'`);

/**
 * Claims a key. Null: this request is the first and must be answered. Otherwise the stored answer; one that is still
 * being made is waited for.
 *
 * @throws {DomainError} idempotency_conflict: the key was used with another request;
 *   idempotency_in_progress: the first one is still not answered
 */
export async function beginIdempotent(
  db: Database,
  key: IdempotencyKey,
  requestHash: Buffer,
): Promise<StoredAnswer | null> {
  const place = [key.teamId, nameOf(key)];
  for (const deadline = Date.now() + waitMs; ; ) {
    const [claimed] = await db.query(begin, [...place, requestHash]);
    if (claimed) return null;
    const [row] = await db.query(read, place);
    // The first request failed and took its claim back: try to be the first now.
    if (!row) continue;
    if (!row.request_hash.equals(requestHash)) {
      throw new DomainError('idempotency_conflict', 'This Idempotency-Key was used with another request.');
    }
    if (row.status !== null) return { status: row.status, body: row.body ?? '' };
    if (Date.now() > deadline) {
      throw new DomainError(
        'idempotency_in_progress',
        'The first request with this Idempotency-Key is not answered yet.',
      );
    }
    await new Promise((resolve) => setTimeout(resolve, lookAgainMs));
  }
}

/** Keeps the answer, which must hold no secret. One that tells of no lasting outcome (5xx, 429) is not kept, so the request may be tried again. */
export async function endIdempotent(db: Database, key: IdempotencyKey, answer: StoredAnswer): Promise<void> {
  const place = [key.teamId, nameOf(key)];
  if (answer.status >= 500 || answer.status === 429) await db.query(forget, place);
  else await db.query(complete, [...place, answer.status, answer.body]);
}

export async function pruneIdempotency(db: Database): Promise<void> {
  await db.query(prune);
}
