/** Who says something: an identity of the channel, and the person that it is one of. Both are made at the first word. */
import type { IdentityStatus, Sender } from '@nightshift/contracts';
import { type Database, newId, statement } from '../database/index.ts';

type Query = Pick<Database, 'query'>;

export interface Met {
  id: string;
  personId: string;
  status: IdentityStatus;
}

const meet = statement<{ id: string; person_id: string; status: IdentityStatus }>(`
  WITH known AS (
    SELECT id, person_id, status FROM identity WHERE channel_id = $1 AND external_id = $2
  ), met AS (
    INSERT INTO person (id, team_id, name) SELECT $3, $4, $5 WHERE NOT EXISTS (SELECT FROM known) RETURNING id
  ), made AS (
    INSERT INTO identity (id, channel_id, person_id, external_id, name) SELECT $6, $1, met.id, $2, $7 FROM met
    RETURNING id, person_id, status
  )
  SELECT * FROM known UNION ALL SELECT * FROM made`);

const meetLock = statement(`SELECT pg_advisory_xact_lock(hashtextextended($1, 7306012))`);

const seen = statement(`
  UPDATE identity SET last_seen_at = now(), name = coalesce($2, name) WHERE id = $1`);

/** Notes that they are there, and what they are called now. */
export async function noteSeen(db: Query, identityId: string, name: string | null): Promise<void> {
  await db.query(seen, [identityId, name]);
}

export async function meetSender(
  db: Query,
  { channelId, teamId }: { channelId: string; teamId: string },
  sender: Sender,
): Promise<Met> {
  // Two first messages of one sender at once must not make two people.
  await db.query(meetLock, [`${channelId}/${sender.id}`]);
  const name = sender.name ?? sender.id;
  const [row] = await db.query(meet, [channelId, sender.id, newId(), teamId, name, newId(), sender.name]);
  return { id: row!.id, personId: row!.person_id, status: row!.status };
}
