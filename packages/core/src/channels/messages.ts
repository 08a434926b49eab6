/** What a delivery to a channel refers to: where it goes there, and what is to be said. */
import { type Address, type StoredPart, textOf } from '@nightshift/contracts';
import { type Database, statement } from '../database/index.ts';
import { type KeyEncryptionKey, type Sealed, unseal } from '../secrets/index.ts';
import { noticeContext } from './notices.ts';

export interface ChannelMessage {
  thread: Address;
  /** Between one person and us. */
  direct: boolean;
  text: string;
  /** The message that has shown the answer while it was written: the answer is put into it. */
  shown: Record<string, string | number> | null;
}

type Row = {
  team_id: string;
  sealed: Sealed | null;
  over: boolean;
  thread: Address;
  direct: boolean;
  content: StoredPart[] | null;
  text: string | null;
  shown: ChannelMessage['shown'];
};

const read = statement<Row>(`
  SELECT coalesce(d.thread, c.thread) AS thread, coalesce(c.direct, true) AS direct, m.content, d.text, d.team_id, d.sealed,
    coalesce(d.sealed_until < now(), false) AS over, l.receipt AS shown
  FROM delivery d LEFT JOIN conversation c ON c.id = d.conversation_id LEFT JOIN message m ON m.id = d.message_id
    LEFT JOIN live_reply l ON l.delivery_id = d.id
  WHERE d.id = $1`);

/**
 * Null: the delivery is gone, or there is nothing to say (any more: a code that has ended).
 *
 * @throws {UnsealError}
 */
export async function readChannelMessage(
  db: Database,
  kek: KeyEncryptionKey,
  deliveryId: string,
): Promise<ChannelMessage | null> {
  const [row] = await db.query(read, [deliveryId]);
  if (!row || row.over) return null;
  const text = row.sealed
    ? unseal(kek, row.sealed, noticeContext(row.team_id, deliveryId))
    : row.content
      ? textOf(row.content)
      : row.text;
  return text === null ? null : { thread: row.thread, direct: row.direct, text, shown: row.shown };
}
