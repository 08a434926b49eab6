/** An agent's scratch notes: small named texts that outlive a conversation. Those of a guest are apart from all others. */
import { type Database, run, statement, transaction } from '../database/index.ts';
import { DomainError } from '../errors/index.ts';

/** Whose notes: the team's with this agent, or one guest's (`Conversation.guestId`). */
export interface NoteOwner {
  agentId: string;
  guestId: string | null;
}

/** Quotas. `textLength` in UTF-16 units. */
export const noteLimits = { notes: 200, textLength: 20_000 } as const;

/** Quotas of one guest, and of all guests of an agent: at the latter, the note goes that was not written to for longest. */
export const guestNoteLimits = { notes: 20, textLength: 4_000, notesOfAll: 5_000 } as const;

type Note = { name: string; updatedAt: Date; size: number };

// The same statements for both tables. Of a team's note the guest is null.
const statementsFor = (table: 'note' | 'guest_note') => {
  const own = table === 'note' ? `agent_id = $1 AND $2::uuid IS NULL` : `agent_id = $1 AND guest_id = $2`;
  const [columns, values] = table === 'note' ? ['agent_id', '$1'] : ['agent_id, guest_id', '$1, $2'];
  const { notes } = table === 'note' ? noteLimits : guestNoteLimits;
  return {
    list: statement<Note>(`
      SELECT name, updated_at AS "updatedAt", length(text) AS size FROM ${table} WHERE ${own} ORDER BY name`),
    read: statement<{ text: string }>(`SELECT text FROM ${table} WHERE ${own} AND name = $3`),
    remove: statement<{ name: string }>(`DELETE FROM ${table} WHERE ${own} AND name = $3 RETURNING name`),
    write: statement<{ name: string }>(`
      INSERT INTO ${table} (${columns}, name, text, updated_at)
      SELECT ${values}, $3, $4, now()
      WHERE EXISTS (SELECT FROM ${table} WHERE ${own} AND name = $3)
        OR (SELECT count(*) FROM ${table} WHERE ${own}) < ${notes}
      ON CONFLICT (${columns}, name) DO UPDATE SET text = excluded.text, updated_at = now()
      RETURNING name`),
  };
};

const ofTeam = statementsFor('note');
const ofGuest = statementsFor('guest_note');
const statementsOf = ({ guestId }: NoteOwner) => (guestId === null ? ofTeam : ofGuest);

// The agent's row is locked by a statement of its own, so that the one that counts sees what others wrote before it.
const lockAgent = statement(`SELECT id FROM agent WHERE id = $1 FOR NO KEY UPDATE`);

const trimGuests = statement(`
  DELETE FROM guest_note n USING (
    SELECT agent_id, guest_id, name FROM guest_note WHERE agent_id = $1
    ORDER BY updated_at DESC OFFSET ${guestNoteLimits.notesOfAll}
  ) old WHERE n.agent_id = old.agent_id AND n.guest_id = old.guest_id AND n.name = old.name`);

/** By name. */
export function listNotes(db: Database, owner: NoteOwner): Promise<Note[]> {
  return db.query(statementsOf(owner).list, [owner.agentId, owner.guestId]);
}

export async function readNote(db: Database, owner: NoteOwner, name: string): Promise<string | null> {
  const [row] = await db.query(statementsOf(owner).read, [owner.agentId, owner.guestId, name]);
  return row?.text ?? null;
}

/** Creates or replaces. @throws {DomainError} invalid_request over a quota */
export async function writeNote(db: Database, owner: NoteOwner, name: string, text: string): Promise<void> {
  const { agentId, guestId } = owner;
  const limits = guestId === null ? noteLimits : guestNoteLimits;
  if (text.length > limits.textLength) {
    throw new DomainError(
      'invalid_request',
      `A note holds ${limits.textLength} characters; this has ${text.length}.`,
    );
  }
  const [row] = await transaction(db.pool, async (client) => {
    await run(client, lockAgent, [agentId]);
    const written = await run(client, statementsOf(owner).write, [agentId, guestId, name, text]);
    if (guestId !== null) await run(client, trimGuests, [agentId]);
    return written;
  });
  if (!row) {
    throw new DomainError('invalid_request', `There are ${limits.notes} notes already: delete one first.`);
  }
}

/** False when there was none. */
export async function deleteNote(db: Database, owner: NoteOwner, name: string): Promise<boolean> {
  const rows = await db.query(statementsOf(owner).remove, [owner.agentId, owner.guestId, name]);
  return rows.length > 0;
}
