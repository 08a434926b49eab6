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
  /** Stored by 0.1.0, whose keys were the whole team's. */
  ofTeam: boolean;
}

/** A first request that has no answer after this long died with its process; the next one takes its place. */
const abandonedAfter = `interval '2 minutes'`;
const waitMs = 15_000;
const lookAgainMs = 50;

/**
 * What 0.1.0 answered to the key $4, or is answering: its keys were the whole team's. A request that was made before an
 * upgrade, or of an api that still runs it, is not made again by its repetition.
 */
const ofTeam = `
  SELECT FROM idempotency_record r WHERE r.team_id = $1 AND r.key = $4 AND r.request_hash = $3
    AND r.created_at > now() - CASE WHEN r.status IS NULL THEN ${abandonedAfter} ELSE interval '1 day' END`;

const begin = statement<{ key: string }>(`
  INSERT INTO idempotency_record (team_id, key, request_hash)
  SELECT $1::uuid, $2::text, $3::bytea WHERE NOT EXISTS (${ofTeam})
  ON CONFLICT (team_id, key) DO UPDATE SET created_at = now(), request_hash = excluded.request_hash,
    status = NULL, body = NULL
  WHERE idempotency_record.created_at < now() - interval '1 day'
    OR (idempotency_record.status IS NULL AND idempotency_record.created_at < now() - ${abandonedAfter}
      AND idempotency_record.request_hash = excluded.request_hash)
  RETURNING key`);
const read = statement<{
  request_hash: Buffer;
  status: number | null;
  body: string | null;
  of_team: boolean;
}>(`
  SELECT request_hash, status, body, key = $3 AS of_team FROM idempotency_record
  WHERE team_id = $1 AND key IN ($2, $3) ORDER BY of_team LIMIT 1`);
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
    const [claimed] = await db.query(begin, [...place, requestHash, key.key]);
    if (claimed) return null;
    const [row] = await db.query(read, [...place, key.key]);
    // The first request failed and took its claim back: try to be the first now.
    if (!row) continue;
    if (!row.request_hash.equals(requestHash)) {
      throw new DomainError('idempotency_conflict', 'This Idempotency-Key was used with another request.');
    }
    if (row.status !== null) return { status: row.status, body: row.body ?? '', ofTeam: row.of_team };
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
export async function endIdempotent(
  db: Database,
  key: IdempotencyKey,
  answer: Omit<StoredAnswer, 'ofTeam'>,
): Promise<void> {
  const place = [key.teamId, nameOf(key)];
  if (answer.status >= 500 || answer.status === 429) await db.query(forget, place);
  else await db.query(complete, [...place, answer.status, answer.body]);
}

export async function pruneIdempotency(db: Database): Promise<void> {
  await db.query(prune);
}
