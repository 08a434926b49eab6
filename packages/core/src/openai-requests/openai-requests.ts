/**
 * Requests to the OpenAI-compatible API. Its clients repeat a request by themselves, after errors and timeouts, and a run may
 * have acted by then: a repetition joins the run of the first one instead of starting another.
 */
import { type Database, newId, statement } from '../database/index.ts';
import { DomainError } from '../errors/index.ts';

export interface OpenaiRequest {
  teamId: string;
  /** Of the API key. */
  callerId: string;
  /** The client's own name of the request (`Idempotency-Key`). Absent: it is named by its content. */
  key: string | undefined;
  /** SHA-256 of path and body. */
  hash: Buffer;
  /** The client says that it has sent the request before (`x-stainless-retry-count`). */
  isRetry: boolean;
  /** Tools that change nothing: a run that used no others may be made again. */
  harmlessTools: readonly string[];
}

/** A run that failed after it had acted answers repetitions of its request for so long after its end. */
export const joinFailedMinutes = 10;
/** One that succeeded, those that say that they are repetitions: the answer was lost on its way. */
export const joinSucceededMinutes = 1;
/** With an Idempotency-Key all of them, for so long after the request. */
const keyedHours = 24;

/** A request whose run was not accepted after this long died with its process. */
const abandoned = `interval '2 minutes'`;

const nameOf = ({ key, hash }: OpenaiRequest) =>
  key === undefined ? `body:${hash.toString('base64url')}` : `key:${key}`;

/** Whether run `r` has used a tool that may have changed something. Takes the names of the others. */
export const actedSql = (harmless: string) =>
  `EXISTS (SELECT FROM step s WHERE s.run_id = r.id AND s.kind = 'tool' AND s.name <> ALL (${harmless}::text[]))`;

// A row in the way is replaced where its run is nothing to join. Of two at once the second sees the row of the first.
const claim = statement<{ run_id: string }>(`
  INSERT INTO openai_request AS q (team_id, caller_id, name, body_hash, run_id) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (team_id, caller_id, name) DO UPDATE
  SET body_hash = excluded.body_hash, run_id = excluded.run_id, waiters = 1, created_at = now()
  WHERE q.created_at < now() - interval '${keyedHours} hours' OR (q.body_hash = excluded.body_hash AND (
    (q.created_at < now() - ${abandoned} AND NOT EXISTS (SELECT FROM run r WHERE r.id = q.run_id))
    OR EXISTS (SELECT FROM run r WHERE r.id = q.run_id AND CASE
      WHEN r.status IN ('queued', 'running') THEN false
      WHEN r.status = 'succeeded' THEN
        NOT $7 AND NOT ($6 AND r.ended_at > now() - interval '${joinSucceededMinutes} minutes')
      ELSE NOT ${actedSql('$8')} OR NOT ($7 OR r.ended_at > now() - interval '${joinFailedMinutes} minutes')
    END)))
  RETURNING run_id`);

// A run that is being cancelled since nobody waited is waited for first: whether it has acted is known at its end.
const join = statement<{ run_id: string }>(`
  UPDATE openai_request q SET waiters = greatest(q.waiters, 0) + 1 FROM run r
  WHERE q.team_id = $1 AND q.caller_id = $2 AND q.name = $3 AND q.body_hash = $4 AND r.id = q.run_id
    AND (q.waiters >= 0 OR r.status NOT IN ('queued', 'running'))
  RETURNING q.run_id`);

const read = statement<{ body_hash: Buffer }>(
  `SELECT body_hash FROM openai_request WHERE team_id = $1 AND caller_id = $2 AND name = $3`,
);

const maxWaitMs = 15_000;
const lookAgainMs = 100;

/**
 * The run of a request: a new one, whose id the caller gives it, or that of an earlier request which this one repeats. While
 * it waits for the run it is counted; `leaveRequest` ends that.
 *
 * @throws {DomainError} idempotency_conflict: the key was used with another request; idempotency_in_progress: the first one is
 *   just being accepted or cancelled, for longer than is waited
 */
export async function claimRequest(
  db: Database,
  request: OpenaiRequest,
): Promise<{ runId: string; joined: boolean }> {
  const { teamId, callerId, hash, isRetry, key, harmlessTools } = request;
  const place = [teamId, callerId, nameOf(request)];
  const runId = newId();
  for (const deadline = Date.now() + maxWaitMs; ; ) {
    const values = [...place, hash, runId, isRetry, key !== undefined, harmlessTools];
    const [claimed] = await db.query(claim, values);
    if (claimed) return { runId, joined: false };
    const [joined] = await db.query(join, [...place, hash]);
    if (joined) return { runId: joined.run_id, joined: true };
    const [row] = await db.query(read, place);
    if (row && !row.body_hash.equals(hash))
      throw new DomainError('idempotency_conflict', 'This Idempotency-Key was used with another request.');
    if (Date.now() > deadline)
      throw new DomainError('idempotency_in_progress', 'The same request is just being accepted.');
    await new Promise((resolve) => setTimeout(resolve, lookAgainMs));
  }
}

const forget = statement(`
  DELETE FROM openai_request q WHERE q.team_id = $1 AND q.run_id = $2
    AND NOT EXISTS (SELECT FROM run r WHERE r.id = q.run_id)`);

/** The request led to no run. */
export async function forgetRequest(db: Database, teamId: string, runId: string): Promise<void> {
  await db.query(forget, [teamId, runId]);
}

const leave = statement(
  `UPDATE openai_request SET waiters = waiters - 1 WHERE team_id = $1 AND run_id = $2 AND waiters > 0`,
);

/** A request does not wait for the run any more. */
export async function leaveRequest(db: Database, teamId: string, runId: string): Promise<void> {
  await db.query(leave, [teamId, runId]);
}

const abandon = statement<{ run_id: string }>(`
  UPDATE openai_request SET waiters = -1 WHERE team_id = $1 AND run_id = $2 AND waiters = 0 RETURNING run_id`);

/** @returns true: no request waits for the run, and none will join it before its end; the caller cancels it */
export async function abandonRun(db: Database, teamId: string, runId: string): Promise<boolean> {
  return (await db.query(abandon, [teamId, runId])).length > 0;
}

/** Rows of one statement. */
const batch = 5_000;

// One without a key is nothing to join soon after its run has ended.
const prune = statement<{ name: string }>(`
  DELETE FROM openai_request q USING (
    SELECT team_id, caller_id, name FROM openai_request o
    WHERE o.created_at < now() - interval '${keyedHours} hours' OR (
      o.created_at < now() - interval '1 hour' AND o.name LIKE 'body:%' AND NOT EXISTS (
        SELECT FROM run r WHERE r.id = o.run_id
          AND (r.status IN ('queued', 'running') OR r.ended_at > now() - interval '${joinFailedMinutes} minutes')))
    LIMIT ${batch}
  ) AS old
  WHERE q.team_id = old.team_id AND q.caller_id = old.caller_id AND q.name = old.name
  RETURNING q.name`);

export async function pruneOpenaiRequests(db: Database): Promise<void> {
  for (let count = batch; count === batch; ) count = (await db.query(prune)).length;
}
