/** Answers that were too long for their place: how much of them arrived. */
import { type DeliveryCut, storable } from '@nightshift/contracts';
import { type Database, statement } from '../database/index.ts';
import type { ClaimedDelivery } from './outbox.ts';

const note = statement<{ id: string }>(`
  UPDATE delivery SET cut = $3 WHERE id = $1 AND attempts = $2 AND status = 'sending' RETURNING id`);

/** Before its parts are sent: whoever reads the last one may answer at once. @returns false: it is no longer this claim's */
export async function noteCut(
  db: Database,
  { id, attempts }: ClaimedDelivery,
  cut: DeliveryCut,
): Promise<boolean> {
  return (await db.query(note, [id, attempts, JSON.stringify(storable(cut))])).length > 0;
}

/** Answers that are looked through. What was cut long ago nobody asks to go on with. */
const recentAnswers = 10;
const mostCuts = 3;

const read = statement<{ cut: DeliveryCut }>(`
  SELECT d.cut FROM (
    SELECT id, run_id, seq FROM message WHERE conversation_id = $1 AND role = 'assistant' ORDER BY seq DESC LIMIT ${recentAnswers}
  ) AS m JOIN delivery d ON d.run_id = m.run_id AND d.message_id = m.id
  WHERE d.channel_id IS NOT NULL AND d.cut IS NOT NULL AND d.parts_sent > 0 ORDER BY m.seq DESC LIMIT ${mostCuts}`);

/** Of the last answers in a conversation, the newest first. */
export async function readCuts(db: Pick<Database, 'query'>, conversationId: string): Promise<DeliveryCut[]> {
  return (await db.query(read, [conversationId])).map(({ cut }) => cut);
}
