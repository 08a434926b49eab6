/** What the server itself says in a chat: answers to commands, pairing codes, why a run failed. No model has a part in it. */
import type { Address, Failure } from '@nightshift/contracts';
import { type Database, newId, statement } from '../database/index.ts';
import { type KeyEncryptionKey, seal, sealContext } from '../secrets/index.ts';
import { threadLane } from './threads.ts';

export interface Notice {
  teamId: string;
  channelId: string;
  thread: Address;
  threadKey: string;
  /** Null: the thread has none. */
  conversationId: string | null;
  text: string;
  /** What is said instead of `text` for so long. It is stored sealed, and erased when it was sent. */
  secret?: { kek: KeyEncryptionKey; text: string; minutes: number } | undefined;
}

const insert = statement(`
  INSERT INTO delivery (id, team_id, lane, channel_id, conversation_id, thread, text, event, sealed, sealed_until)
  VALUES ($1, $2, $3, $4, $5, $6, $7, 'notice', $8, now() + $9 * interval '1 minute')`);

/** What a sealed text of a delivery is bound to. */
export const noticeContext = (teamId: string, deliveryId: string) => sealContext(teamId, deliveryId, 'text');

/** Puts it into the outbox, behind what is said there already. @returns the delivery, and the lane to wake */
export async function writeNotice(
  db: Pick<Database, 'query'>,
  notice: Notice,
): Promise<{ id: string; lane: string }> {
  const { teamId, channelId, thread, threadKey, conversationId, text, secret } = notice;
  const id = newId();
  const lane = threadLane(channelId, threadKey);
  const sealed = secret && JSON.stringify(seal(secret.kek, secret.text, noticeContext(teamId, id)));
  const place = [id, teamId, lane, channelId, conversationId, JSON.stringify(thread)];
  await db.query(insert, [...place, text, sealed ?? null, secret?.minutes ?? null]);
  return { id, lane };
}

const recent = statement<{ count: number }>(`
  SELECT count(*)::int AS count FROM delivery d
  WHERE d.lane = $1 AND d.text IS NOT NULL AND ($2::text IS NULL OR d.text = $2) AND ($4::text IS NULL OR starts_with(d.text, $4))
    AND d.created_at > now() - $3 * interval '1 minute'`);

/** How many notices, of this text or that begin so, the thread was told within so many minutes. */
export async function countNotices(
  db: Pick<Database, 'query'>,
  { channelId, threadKey }: { channelId: string; threadKey: string },
  { text = null, begins = null, minutes }: { text?: string | null; begins?: string | null; minutes: number },
): Promise<number> {
  const [row] = await db.query(recent, [threadLane(channelId, threadKey), text, minutes, begins]);
  return row!.count;
}

const causes: readonly (readonly [RegExp, string])[] = [
  [
    /^model_(rate|overload|server|network|timeout|malformed|truncated)$/,
    'The model cannot be reached at the moment. Send your message again in a few minutes.',
  ],
  [
    /^model_(auth|billing|quota|model|request)$|^no_model/,
    'The model refuses to answer. Tell the people who run this agent.',
  ],
  [/^model_context$/, 'This conversation has become too long. Send /new to begin another one.'],
  [/^model_content$/, "The model's filter stopped the answer. Say it in other words."],
  [/^model_empty$/, 'The model had nothing to say. Send your message again, or ask for less at once.'],
  [/^limit_/, 'This took more than the agent may use for one answer. Ask for less at once.'],
  [/^budget_/, 'The budget of this agent is used up. Tell the people who run it, or try again later.'],
  [/^agent_deleted$/, 'This agent is no longer there. Send /new to begin with another one.'],
];

/** Why a run failed, for somebody in a chat who can mend nothing of it. */
export function failureNotice({ code }: Failure, runId: string): string {
  const cause = causes.find(([pattern]) => pattern.test(code))?.[1];
  return (
    cause ??
    `Something went wrong here. Send your message again; if it keeps failing, name this to the people who run the agent: ${runId}`
  );
}
