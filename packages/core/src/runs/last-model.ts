import { type Database, statement } from '../database/index.ts';

const lastModel = statement<{ model: string }>(`
  SELECT model FROM run WHERE conversation_id = $1 AND status = 'succeeded' AND model IS NOT NULL
  ORDER BY created_at DESC LIMIT 1`);

/** `provider/model` that answered last in the conversation: its vendor has the conversation in its prompt cache. */
export async function readLastModel(db: Database, conversationId: string): Promise<string | null> {
  const [row] = await db.query(lastModel, [conversationId]);
  return row?.model ?? null;
}
