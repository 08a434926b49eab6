/** What a delivery to a channel refers to: where it goes there, and what is to be said. */
import { type Address, type StoredPart, textOf } from '@nightshift/contracts';
import { type Database, statement } from '../database/index.ts';

export interface ChannelMessage {
  thread: Address;
  /** Between one person and us. */
  direct: boolean;
  text: string;
  /** The message that has shown the answer while it was written: the answer is put into it. */
  shown: Record<string, string | number> | null;
}

type Row = {
  thread: Address;
  direct: boolean;
  content: StoredPart[] | null;
  text: string | null;
  shown: ChannelMessage['shown'];
};

const read = statement<Row>(`
  SELECT coalesce(d.thread, c.thread) AS thread, coalesce(c.direct, true) AS direct, m.content, d.text, l.receipt AS shown
  FROM delivery d LEFT JOIN conversation c ON c.id = d.conversation_id LEFT JOIN message m ON m.id = d.message_id
    LEFT JOIN live_reply l ON l.delivery_id = d.id
  WHERE d.id = $1`);

/** Null: the delivery is gone, or there is nothing to say. */
export async function readChannelMessage(db: Database, deliveryId: string): Promise<ChannelMessage | null> {
  const [row] = await db.query(read, [deliveryId]);
  const text = row && (row.content ? textOf(row.content) : row.text);
  if (!row || text === null || text === undefined) return null;
  return { thread: row.thread, direct: row.direct, text, shown: row.shown };
}
