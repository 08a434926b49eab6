/** How far the agent is with a message that its sender changes or adds to. */
import { type Database, statement } from '../database/index.ts';
import { recentMessages } from './accept-statements.ts';

type Query = Pick<Database, 'query'>;

/** A message that came through a channel. */
export interface FoundMessage {
  id: string;
  conversation_id: string;
}

type StateRow = {
  /**
   * waiting: no worker is at its run · unread: one is, and no model was shown it · over: its run has ended · read: a model
   * was shown it and the run goes on, perhaps later (it waits for a budget, or is retried)
   */
  state: 'waiting' | 'unread' | 'read' | 'over';
  run_id: string;
  agent_id: string;
  identity_id: string | null;
  person_id: string | null;
  vouched: boolean;
  sender_name: string | null;
  text: string;
  thread: Record<string, string> | null;
  /** The run takes in what is said meanwhile. */
  steerable: boolean;
  /** What comes while a run is under way opens or joins one. */
  queue_mode: 'steer' | 'followup' | 'interrupt';
  recent: number;
};

export type ReadState = StateRow & FoundMessage;

// A run that begins and a step that begins take this lock, too: what is asked afterwards stays true until we commit.
const lock = statement(`SELECT id FROM conversation WHERE id = $1 FOR UPDATE`);

const state = statement<StateRow>(`
  SELECT CASE
      WHEN r.status NOT IN ('queued', 'running') THEN 'over'
      -- A step that has not succeeded is made again when the run goes on, with the messages as they are then.
      WHEN EXISTS (SELECT FROM step s WHERE s.run_id = r.id AND s.kind = 'model' AND s.input->>'task' IS NULL
        AND (s.input->>'throughSeq')::int >= m.seq AND (r.status = 'running' OR s.status = 'succeeded')) THEN 'read'
      WHEN r.status = 'queued' THEN 'waiting'
      ELSE 'unread' END AS state,
    r.id AS run_id, c.agent_id, e.identity_id, m.person_id, coalesce(i.vouched, false) AS vouched,
    coalesce(m.context->'sender'->>'name', i.name) AS sender_name,
    coalesce((SELECT left(part->>'text', 200) FROM jsonb_array_elements(m.content) AS part WHERE part->>'type' = 'text' LIMIT 1), '')
      AS text,
    c.thread, c.steerable_run_id IS NOT DISTINCT FROM r.id AS steerable, a.queue_mode,
    ${recentMessages('c', '$2::int')} AS recent
  FROM message m JOIN conversation c ON c.id = m.conversation_id JOIN run r ON r.id = m.run_id JOIN agent a ON a.id = c.agent_id
    LEFT JOIN inbound_event e ON e.message_id = m.id AND e.conversation_id = c.id AND e.type <> 'deleted'
    LEFT JOIN identity i ON i.id = e.identity_id
  WHERE m.id = $1 ORDER BY e.id LIMIT 1`);

/**
 * Locks the message's conversation until the transaction ends, and says how far its run is.
 *
 * @param messagesPerMinute `recent` counts up to so many
 */
export async function lockReadState(
  db: Query,
  { id, conversation_id }: FoundMessage,
  messagesPerMinute: number,
): Promise<ReadState | null> {
  await db.query(lock, [conversation_id]);
  const [row] = await db.query(state, [id, messagesPerMinute]);
  return row ? { ...row, id, conversation_id } : null;
}

const bump = statement(`UPDATE conversation SET amendments = amendments + 1 WHERE id = $1`);

/** A message of a run under way was changed in its place: the run reads it again before it asks its model. */
export async function noteAmended(db: Query, { state: at, conversation_id: id }: ReadState): Promise<void> {
  if (at === 'unread') await db.query(bump, [id]);
}
