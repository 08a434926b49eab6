/**
 * Pairing: a stranger is sent a code, and whoever runs the channel enters it. It proves that the two talk to each other
 * elsewhere, which a name in a list does not.
 */
import type { Address } from '@nightshift/contracts';
import { type Database, statement } from '../database/index.ts';
import type { KeyEncryptionKey } from '../secrets/index.ts';
import { writeNotice } from './notices.ts';
import { codeMinutes, displayCode, hashCode, newCode } from './pairing-code.ts';

type Query = Pick<Database, 'query'>;

// The delivery of the code before goes with it, so that a stranger leaves one.
const issue = statement(`
  WITH issued AS (
    UPDATE identity SET code_hash = $2, code_expires_at = now() + interval '${codeMinutes} minutes', code_delivery_id = $3,
      thread = $4, last_seen_at = now()
    WHERE id = $1 RETURNING old.code_delivery_id AS before
  )
  DELETE FROM delivery d USING issued WHERE d.id = issued.before AND d.status <> 'sending'`);

export interface Knocker {
  teamId: string;
  channelId: string;
  identityId: string;
  thread: Address;
  threadKey: string;
}

/** Sends a stranger a code. @returns the outbox lane to wake */
export async function issueCode(
  db: Query,
  kek: KeyEncryptionKey,
  { teamId, channelId, identityId, thread, threadKey }: Knocker,
): Promise<string> {
  const code = newCode();
  const { id, lane } = await writeNotice(db, {
    teamId,
    channelId,
    thread,
    threadKey,
    conversationId: null,
    // A process of an older version would say this.
    text: 'I do not know you yet. Please write again in a minute.',
    secret: {
      kek,
      text:
        `I do not know you yet. Give this code to whoever runs this agent, and I can answer you: ${displayCode(code)}\n` +
        `It is good for ${codeMinutes} minutes.`,
      minutes: codeMinutes,
    },
  });
  const place = JSON.stringify({ to: thread, key: threadKey });
  await db.query(issue, [identityId, hashCode(kek, channelId, code), id, place]);
  return lane;
}

/**
 * Says to somebody who cannot be approved how they can be known. It counts as a code, and is not repeated before one
 * would be.
 *
 * @returns the outbox lane to wake
 */
export async function adviseStranger(
  db: Query,
  { teamId, channelId, identityId, thread, threadKey }: Knocker,
  advice: string,
): Promise<string> {
  const text = `I cannot tell who you are: here, anybody can have your name. ${advice}`;
  const notice = { teamId, channelId, thread, threadKey, conversationId: null, text };
  const { id, lane } = await writeNotice(db, notice);
  await db.query(issue, [identityId, null, id, JSON.stringify({ to: thread, key: threadKey })]);
  return lane;
}

/** Says to somebody that they were approved. @returns the outbox lane to wake */
export async function greet(
  db: Query,
  channel: { teamId: string; channelId: string },
  { to, key }: { to: Address; key: string },
  isAnswered: boolean,
): Promise<string> {
  const text = isAnswered
    ? 'You are connected. What you wrote is answered next; /help says what else I understand.'
    : 'You are connected. Send me what you wanted to ask; /help says what else I understand.';
  const notice = { ...channel, thread: to, threadKey: key, conversationId: null, text };
  return (await writeNotice(db, notice)).lane;
}
