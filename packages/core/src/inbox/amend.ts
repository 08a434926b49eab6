/**
 * Somebody changes or takes back what they said. While the agent has not begun to answer it, it is as if they had said
 * it so in the first place; afterwards the history stays what the agent was told.
 */
import { cutText, type DeletedEvent, type EditedEvent, maxMessageLength } from '@nightshift/contracts';
import { identityKey } from '../channels/index.ts';
import { type Database, newId, statement } from '../database/index.ts';
import { amendHeld } from './accept-stranger.ts';

type Query = Pick<Database, 'query'>;
type Amended = { id: string; run_id: string };

// The conversation's row first: whoever claims the run takes its lock.
const waiting = (scope: string) => `
  said AS (
    SELECT m.id, m.run_id, e.conversation_id FROM inbound_event e JOIN message m ON m.id = e.message_id
    WHERE e.channel_id = $1 AND e.ref = $2 ${scope} ORDER BY e.id DESC LIMIT 1
  ), lane AS (
    SELECT c.id FROM conversation c JOIN said ON said.conversation_id = c.id FOR UPDATE OF c
  ), open AS (
    SELECT said.id, said.run_id FROM said JOIN lane ON true JOIN run r ON r.id = said.run_id WHERE r.status = 'queued'
  )`;

// Attachments stay where they are; the text is the first part, where there is one.
const edit = statement<Amended>(`
  WITH ${waiting('AND e.identity_id = (SELECT i.id FROM identity i WHERE i.channel_id = $1 AND i.external_id = $4)')}
  UPDATE message m SET content = jsonb_build_array(jsonb_build_object('type', 'text', 'text', $3::text)) ||
    coalesce((SELECT jsonb_agg(part) FROM jsonb_array_elements(m.content) AS part WHERE part->>'type' <> 'text'), '[]')
  FROM open WHERE m.id = open.id RETURNING m.id, m.run_id`);

const withdraw = statement<Amended>(`
  WITH ${waiting('')}
  UPDATE message m SET content = '[{"type": "text", "text": "[The sender took this message back.]"}]'
  FROM open WHERE m.id = open.id RETURNING m.id, m.run_id`);

// A run that has nothing left to answer is not begun.
const cancelEmpty = statement(`
  UPDATE run r SET status = 'cancelled', ended_at = now(), cancel_requested_at = now()
  WHERE r.id = $1 AND r.status = 'queued' AND NOT EXISTS (
    SELECT FROM message m WHERE m.run_id = r.id AND m.role = 'user' AND m.id <> $2)`);

const store = statement<{ id: string }>(`
  INSERT INTO inbound_event (id, team_id, source, external_id, channel_id, type, outcome)
  VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (team_id, source, external_id) DO NOTHING RETURNING id`);

/** @returns why it changed nothing; null: it changed the message */
export async function amendMessage(
  db: Query,
  { id, teamId }: { id: string; teamId: string },
  event: EditedEvent | DeletedEvent,
): Promise<string | null> {
  const { externalId, type, messageId } = event;
  const text = event.type === 'edited' ? cutText(event.text, maxMessageLength) : null;
  const by = event.type === 'edited' ? identityKey(event.sender) : null;
  const [row] = await (event.type === 'edited'
    ? db.query(edit, [id, messageId, text, by])
    : db.query(withdraw, [id, messageId]));
  if (!row) return (await amendHeld(db, id, { messageId, text, by })) ? null : 'too_late';
  if (event.type === 'deleted') await db.query(cancelEmpty, [row.run_id, row.id]);
  await db.query(store, [newId(), teamId, id, externalId, id, type, 'accepted']);
  return null;
}
