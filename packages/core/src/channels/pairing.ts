/**
 * Pairing: a stranger is told a code, and whoever runs the channel enters it. It is proof that the two talk to each other
 * otherwise, which a name in a list is not.
 */
import { createHash, randomInt } from 'node:crypto';
import type { Address, Identity } from '@nightshift/contracts';
import { type Database, run, statement, transaction } from '../database/index.ts';
import { DomainError, notFound } from '../errors/index.ts';
import { writeNotice } from './notices.ts';
import { toIdentity } from './people.ts';

/** Without letters that are read as digits, or make words. */
const alphabet = '23456789ABCDEFGHJKMNPQRSTVWXYZ';
const codeLength = 8;
export const codeMinutes = 60;

/** New codes of one channel in a minute: a flood of strangers must not become a flood of ours. */
const codesPerMinute = 20;

const hash = (channelId: string, code: string) =>
  createHash('sha256').update(`${channelId}/${code}`).digest();

// One code at a time: until it ends, whoever goes on knocking hears nothing more.
const issue = statement<{ id: string }>(`
  UPDATE identity SET code_hash = $2, code_expires_at = now() + interval '${codeMinutes} minutes', thread = $3
  WHERE id = $1 AND (code_expires_at IS NULL OR code_expires_at < now())
    AND (SELECT count(*) FROM identity o WHERE o.channel_id = identity.channel_id
      AND o.code_expires_at > now() + interval '${codeMinutes - 1} minutes') < ${codesPerMinute}
  RETURNING id`);

/** @returns what to tell the stranger; null: nothing, for there is a code already or there were too many */
export async function issueCode(
  db: Pick<Database, 'query'>,
  { channelId, identityId, thread }: { channelId: string; identityId: string; thread: object },
): Promise<string | null> {
  const code = Array.from({ length: codeLength }, () => alphabet[randomInt(alphabet.length)]).join('');
  const [row] = await db.query(issue, [identityId, hash(channelId, code), JSON.stringify(thread)]);
  if (!row) return null;
  const shown = `${code.slice(0, 4)}-${code.slice(4)}`;
  return (
    `I do not know you yet. Give this code to whoever runs this agent, and I can answer you: ${shown}\n` +
    `It is good for ${codeMinutes} minutes.`
  );
}

type Decided = { id: string; thread: { to: Address; key: string } | null; status: string; was: string };

const approveCode = statement<Decided>(`
  UPDATE identity i SET status = 'approved', code_hash = NULL, code_expires_at = NULL
  FROM channel c
  WHERE c.id = $1 AND c.team_id = $2 AND c.deleted_at IS NULL AND i.channel_id = c.id AND i.code_hash = $3
    AND i.code_expires_at > now() AND i.status = 'pending'
  RETURNING i.id, i.thread, i.status, old.status AS was`);

const decide = statement<Decided>(`
  UPDATE identity i SET status = $4::identity_status, code_hash = NULL, code_expires_at = NULL
  FROM channel c
  WHERE c.id = $1 AND c.team_id = $2 AND c.deleted_at IS NULL AND i.channel_id = c.id AND i.id = $3
  RETURNING i.id, i.thread, i.status, old.status AS was`);

/** Who it is, and the lane of the outbox to wake where they are told. */
export interface DecidedIdentity {
  identity: Identity;
  lane: string | null;
}

async function settle(
  db: Database,
  channel: { teamId: string; channelId: string },
  [sql, values]: readonly [typeof decide, unknown[]],
  missing: Error,
): Promise<DecidedIdentity> {
  const { id, lane } = await transaction(db.pool, async (client) => {
    const query: Database['query'] = (each, all) => run(client, each, all);
    const [row] = await query(sql, values);
    if (!row) throw missing;
    const welcome = row.status === 'approved' && row.was === 'pending' ? row.thread : null;
    return { id: row.id, lane: welcome && (await greet(query, channel, welcome)) };
  });
  return { identity: toIdentity(await db.prisma.identity.findUniqueOrThrow({ where: { id } })), lane };
}

const greet = (
  query: Database['query'],
  channel: { teamId: string; channelId: string },
  { to, key }: { to: Address; key: string },
) =>
  writeNotice(
    { query },
    {
      ...channel,
      thread: to,
      threadKey: key,
      conversationId: null,
      text: 'You are connected. Send me what you wanted to ask; /help says what else I understand.',
    },
  );

/** @throws {DomainError} not_found: there is no such code, or no longer */
export async function approvePairing(
  db: Database,
  teamId: string,
  channelId: string,
  code: string,
): Promise<DecidedIdentity> {
  return settle(
    db,
    { teamId, channelId },
    [approveCode, [channelId, teamId, hash(channelId, code)]],
    new DomainError(
      'not_found',
      `There is no such code in this channel. It is good for ${codeMinutes} minutes: let the person write again.`,
    ),
  );
}

/** @throws {DomainError} not_found */
export async function decideIdentity(
  db: Database,
  teamId: string,
  channelId: string,
  identityId: string,
  status: 'approved' | 'blocked',
): Promise<DecidedIdentity> {
  return settle(
    db,
    { teamId, channelId },
    [decide, [channelId, teamId, identityId, status]],
    notFound('identity in this channel'),
  );
}
