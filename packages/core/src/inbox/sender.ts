/** Whose message it is: an identity of the channel, and the person that it is one of. Both are made with the first answer. */
import type { IdentityStatus, Sender } from '@nightshift/contracts';
import { identityKey, isVouchedFor } from '../channels/index.ts';
import { type Database, newId, statement } from '../database/index.ts';

type Query = Pick<Database, 'query'>;

export interface KnownSender {
  id: string;
  personId: string;
  status: IdentityStatus;
}

const make = statement<{ id: string; person_id: string; status: IdentityStatus }>(`
  WITH known AS (
    SELECT id, person_id, status FROM identity WHERE channel_id = $1 AND external_id = $2
  ), person AS (
    INSERT INTO person (id, team_id, name)
    SELECT $3, $4, $5 WHERE NOT EXISTS (SELECT FROM known WHERE person_id IS NOT NULL) RETURNING id
  ), answered AS (
    UPDATE identity i SET person_id = person.id, held = NULL FROM known, person WHERE i.id = known.id
    RETURNING i.id, i.person_id, i.status
  ), made AS (
    INSERT INTO identity (id, channel_id, person_id, external_id, name, vouched)
    SELECT $6, $1, person.id, $2, $7, $8 FROM person WHERE NOT EXISTS (SELECT FROM known)
    RETURNING id, person_id, status
  )
  SELECT * FROM known WHERE person_id IS NOT NULL UNION ALL SELECT * FROM answered UNION ALL SELECT * FROM made`);

const makeLock = statement(`SELECT pg_advisory_xact_lock(hashtextextended($1, 7306012))`);

const seen = statement(`
  UPDATE identity SET last_seen_at = now(), name = coalesce($2, name) WHERE id = $1`);

/** Notes that they are there, and what they are called now. */
export async function noteSeen(db: Query, identityId: string, name: string | null): Promise<void> {
  await db.query(seen, [identityId, name]);
}

/** The identity of somebody who is answered, with a person. */
export async function resolveSender(
  db: Query,
  { channelId, teamId }: { channelId: string; teamId: string },
  sender: Sender,
): Promise<KnownSender> {
  const key = identityKey(sender);
  // Two first messages of one sender at once must not make two people.
  await db.query(makeLock, [`${channelId}/${key}`]);
  const name = sender.name ?? sender.id;
  const ids = [channelId, key, newId(), teamId, name, newId()];
  const [row] = await db.query(make, [...ids, sender.name, isVouchedFor(sender)]);
  return { id: row!.id, personId: row!.person_id, status: row!.status };
}
