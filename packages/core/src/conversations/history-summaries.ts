/**
 * Summaries of histories that clients bring along with each request: the next request has the same beginning in a
 * conversation of its own, and must not pay for the same summary again. Found by a hash of the messages that they cover.
 */
import { createHash } from 'node:crypto';
import { type Database, statement } from '../database/index.ts';

/** An agent's summaries beyond these are dropped, those first that were not used for the longest time. */
const maxOfAgent = 1_000;

/** Those that were not used for so long are dropped, in days. */
const keptDays = 30;

interface Owner {
  teamId: string;
  agentId: string;
}

/** After each message: the hash of the history up to it. Equal hashes are equal beginnings. */
export function hashesOf(messages: readonly { role: string; content: unknown }[]): Buffer[] {
  let last = Buffer.alloc(0);
  return messages.map(({ role, content }) => {
    last = createHash('sha256')
      .update(last)
      .update(JSON.stringify([role, content]))
      .digest();
    return last;
  });
}

const find = statement<{ hash: Buffer; text: string }>(`
  UPDATE history_summary s SET used_at = now()
  FROM (
    SELECT h.agent_id, h.hash FROM unnest($3::bytea[]) WITH ORDINALITY AS asked (hash, place)
    JOIN history_summary h ON h.team_id = $1 AND h.agent_id = $2 AND h.hash = asked.hash
    ORDER BY asked.place DESC LIMIT 1
  ) AS longest
  WHERE s.agent_id = longest.agent_id AND s.hash = longest.hash
  RETURNING s.hash, s.text`);

/**
 * The summary of the longest beginning that there is one of.
 *
 * @param hashes see `hashesOf`
 * @returns `count`: how many messages it covers
 */
export async function findHistorySummary(
  db: Database,
  { teamId, agentId }: Owner,
  hashes: readonly Buffer[],
): Promise<{ count: number; text: string } | null> {
  const [row] = await db.queryRelaxed(find, [teamId, agentId, hashes]);
  return row ? { count: hashes.findIndex((hash) => hash.equals(row.hash)) + 1, text: row.text } : null;
}

const keep = statement(`
  WITH dropped AS (
    DELETE FROM history_summary s USING (
      SELECT agent_id, hash FROM history_summary WHERE agent_id = $2 ORDER BY used_at DESC OFFSET ${maxOfAgent - 1}
    ) AS old WHERE s.agent_id = old.agent_id AND s.hash = old.hash AND s.hash <> $3
  )
  INSERT INTO history_summary (team_id, agent_id, hash, text) VALUES ($1, $2, $3, $4)
  ON CONFLICT (agent_id, hash) DO UPDATE SET text = excluded.text, used_at = now()`);

/** Keeps the summary of the messages that the hash is of. */
export async function keepHistorySummary(
  db: Database,
  { teamId, agentId }: Owner,
  hash: Buffer,
  text: string,
): Promise<void> {
  await db.queryRelaxed(keep, [teamId, agentId, hash, text]);
}

const prune = statement(`DELETE FROM history_summary WHERE used_at < now() - interval '${keptDays} days'`);

export async function pruneHistorySummaries(db: Database): Promise<void> {
  await db.query(prune);
}

const adopt = statement(`
  INSERT INTO conversation_summary (conversation_id, through_seq, text) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`);

/** Makes a summary that was found the conversation's own. */
export async function adoptSummary(
  db: Database,
  conversationId: string,
  { throughSeq, text }: { throughSeq: number; text: string },
): Promise<void> {
  await db.queryRelaxed(adopt, [conversationId, throughSeq, text]);
}
