/** An agent's scratch notes: small named texts that outlive a conversation. */
import { type Database, run, statement, transaction } from '../database/index.ts';
import { DomainError } from '../errors/index.ts';

/** Quotas of one agent. */
export const noteLimits = { notes: 200, textLength: 20_000 } as const;

export async function listNotes(db: Database, agentId: string) {
  const rows = await db.prisma.note.findMany({ where: { agentId }, orderBy: { name: 'asc' } });
  return rows.map(({ name, text, updatedAt }) => ({ name, updatedAt, size: text.length }));
}

export async function readNote(db: Database, agentId: string, name: string): Promise<string | null> {
  const row = await db.prisma.note.findUnique({ where: { agentId_name: { agentId, name } } });
  return row?.text ?? null;
}

// The agent's row is locked by a statement of its own, so that the one that counts sees what others wrote before it.
const lockOwner = statement(`SELECT id FROM agent WHERE id = $1 FOR NO KEY UPDATE`);
const write = statement<{ name: string }>(`
  INSERT INTO note (agent_id, name, text, updated_at)
  SELECT $1, $2, $3, now()
  WHERE EXISTS (SELECT FROM note WHERE agent_id = $1 AND name = $2)
    OR (SELECT count(*) FROM note WHERE agent_id = $1) < ${noteLimits.notes}
  ON CONFLICT (agent_id, name) DO UPDATE SET text = excluded.text, updated_at = now()
  RETURNING name`);

/** @throws {DomainError} invalid_request over a quota */
export async function writeNote(db: Database, agentId: string, name: string, text: string): Promise<void> {
  if (text.length > noteLimits.textLength) {
    throw new DomainError(
      'invalid_request',
      `A note holds ${noteLimits.textLength} characters; this has ${text.length}.`,
    );
  }
  const [row] = await transaction(db.pool, async (client) => {
    await run(client, lockOwner, [agentId]);
    return run(client, write, [agentId, name, text]);
  });
  if (!row) {
    throw new DomainError(
      'invalid_request',
      `There are ${noteLimits.notes} notes already: delete one first.`,
    );
  }
}

export async function deleteNote(db: Database, agentId: string, name: string): Promise<boolean> {
  const { count } = await db.prisma.note.deleteMany({ where: { agentId, name } });
  return count > 0;
}
