/** People, and as whom the channels know them: approving, blocking, linking. */
import type { Identity, IdentityListQuery, Page, Person, PersonListQuery } from '@nightshift/contracts';
import {
  type Database,
  type Listed,
  newId,
  pageArguments,
  run,
  statement,
  toPage,
  transaction,
} from '../database/index.ts';
import { DomainError, notFound } from '../errors/index.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import { spellingsOf } from '../references/index.ts';
import { idOfKey } from './access.ts';

const named = { select: { id: true, name: true } } as const;

/** The names beside an identity's ids. */
export const identityNames = { channel: named, person: named } as const satisfies Prisma.IdentityInclude;

type IdentityRow = Prisma.IdentityGetPayload<{ include: typeof identityNames }>;

export function toIdentity(row: IdentityRow): Identity {
  return {
    id: row.id,
    channelId: row.channelId,
    channel: row.channel,
    personId: row.personId,
    person: row.person,
    // A name is kept apart from accounts by how it is stored.
    externalId: idOfKey(row.externalId, row.vouched),
    name: row.name,
    vouched: row.vouched,
    status: row.status,
    heldMessages: ((row.held ?? []) as { type?: string }[]).filter(({ type }) => type !== undefined).length,
    pairingUntil:
      row.codeHash && row.codeExpiresAt && row.codeExpiresAt > new Date()
        ? row.codeExpiresAt.toISOString()
        : null,
    createdAt: row.createdAt.toISOString(),
    lastSeenAt: row.lastSeenAt.toISOString(),
  };
}

const withIdentities = {
  identities: { orderBy: { id: 'asc' }, include: identityNames },
} as const satisfies Prisma.PersonInclude;

const toPerson = (row: Prisma.PersonGetPayload<{ include: typeof withIdentities }>): Person => ({
  id: row.id,
  name: row.name,
  identities: row.identities.map(toIdentity),
  createdAt: row.createdAt.toISOString(),
});

export async function listPeople(
  db: Database,
  teamId: string,
  query: Listed<PersonListQuery>,
): Promise<Page<Person>> {
  const { where, ...page } = pageArguments(query);
  const part = query.q && ({ contains: escapeLike(query.q), mode: 'insensitive' } as const);
  const rows = await db.prisma.person.findMany({
    ...page,
    where: {
      ...where,
      teamId,
      ...(query.name !== undefined && { name: { in: spellingsOf(query.name) } }),
      ...(query.channelId && { identities: { some: { channelId: query.channelId } } }),
      ...(part && {
        OR: [{ name: part }, { identities: { some: { OR: [{ name: part }, { externalId: part }] } } }],
      }),
    },
    include: withIdentities,
  });
  return toPage(rows, query.limit, toPerson);
}

/** A text in a pattern of LIKE, which Prisma does not escape. */
export const escapeLike = (text: string): string => text.replaceAll(/[\\%_]/g, (sign) => `\\${sign}`);

/** @throws {DomainError} not_found */
export async function getPerson(db: Database, teamId: string, id: string): Promise<Person> {
  const row = await db.prisma.person.findFirst({ where: { id, teamId }, include: withIdentities });
  if (!row) throw notFound('person');
  return toPerson(row);
}

/** @throws {DomainError} not_found */
export async function renamePerson(db: Database, teamId: string, id: string, name: string): Promise<Person> {
  await db.prisma.person.updateMany({ where: { id, teamId }, data: { name } });
  return getPerson(db, teamId, id);
}

/** Those whom a channel has met, newest first. @throws {DomainError} not_found: no such channel */
export async function listIdentities(
  db: Database,
  teamId: string,
  channelId: string,
  query: Listed<IdentityListQuery>,
): Promise<Page<Identity>> {
  const channel = await db.prisma.channel.count({ where: { id: channelId, teamId, deletedAt: null } });
  if (channel === 0) throw notFound('channel');
  const { where, ...page } = pageArguments(query);
  const rows = await db.prisma.identity.findMany({
    ...page,
    where: {
      ...where,
      channelId,
      ...(query.name !== undefined && { name: { in: spellingsOf(query.name) } }),
      ...(query.status && { status: { in: query.status } }),
    },
    include: identityNames,
  });
  return toPage(rows, query.limit, toIdentity);
}

/** Why an identity cannot be approved or linked, for people. */
export const notVouchedFor = () =>
  new DomainError(
    'conflict',
    'Nobody vouches for this identity: it is a name that anybody can take there, so it can be neither approved nor ' +
      "linked. Let the person write with an account (the channel's guide says how), or open the group to everybody.",
  );

// What is kept of somebody's messages stays until they are approved. A person who is a bare name is nobody to be linked to.
const link = statement<{ left: string | null }>(`
  UPDATE identity i SET person_id = p.id FROM person p, channel c
  WHERE i.id = $1 AND p.id = $2 AND p.team_id = $3 AND c.id = i.channel_id AND c.team_id = $3 AND i.vouched
    AND NOT EXISTS (SELECT FROM identity o WHERE o.person_id = p.id AND NOT o.vouched)
  RETURNING old.person_id AS left`);

// What agents keep for a guest follows to whom the guest is now known to be. A name that is taken there stays as it is.
const moveNotes = statement(`
  UPDATE guest_note n SET guest_id = $2 WHERE n.guest_id = $1
    AND NOT EXISTS (SELECT FROM guest_note o WHERE o.agent_id = n.agent_id AND o.guest_id = $2 AND o.name = n.name)`);
const moveSchedules = statement(`UPDATE schedule SET guest_id = $2 WHERE guest_id = $1`);
const moveChats = statement(`UPDATE conversation SET guest_id = $2 WHERE guest_id = $1`);

// What was said and spent stays with whom it was said by then; only a person whom no channel knows any more goes.
const forgetUnknown = statement<{ id: string }>(`
  DELETE FROM person p WHERE p.id = $1 AND NOT EXISTS (SELECT FROM identity i WHERE i.person_id = p.id) RETURNING p.id`);

/**
 * Says that an identity is this person.
 *
 * @throws {DomainError} not_found: either · conflict: nobody vouches for the identity, or for one that the person has
 */
export async function linkIdentity(
  db: Database,
  teamId: string,
  personId: string,
  identityId: string,
): Promise<Person> {
  await transaction(db.pool, async (client) => {
    const [row] = await run(client, link, [identityId, personId, teamId]);
    if (!row) {
      const [names, both] = await Promise.all([
        db.prisma.identity.count({
          where: { OR: [{ id: identityId }, { personId }], channel: { teamId }, vouched: false },
        }),
        db.prisma.person.count({ where: { id: personId, teamId } }),
      ]);
      throw names > 0 && both > 0 ? notVouchedFor() : notFound('person or identity');
    }
    if (!row.left) return;
    const [forgotten] = await run(client, forgetUnknown, [row.left]);
    if (!forgotten) return;
    for (const move of [moveNotes, moveSchedules, moveChats]) await run(client, move, [row.left, personId]);
  });
  return getPerson(db, teamId, personId);
}

const unlink = statement<{ id: string }>(`
  WITH alone AS (
    INSERT INTO person (id, team_id, name)
    SELECT $4, $3, coalesce(i.name, i.external_id) FROM identity i JOIN person p ON p.id = i.person_id
    WHERE i.id = $1 AND p.id = $2 AND p.team_id = $3 RETURNING id
  )
  UPDATE identity i SET person_id = alone.id FROM alone WHERE i.id = $1 RETURNING alone.id`);

/** Makes of an identity a person of its own. @returns that person @throws {DomainError} not_found */
export async function unlinkIdentity(
  db: Database,
  teamId: string,
  personId: string,
  identityId: string,
): Promise<Person> {
  const [row] = await db.query(unlink, [identityId, personId, teamId, newId()]);
  if (!row) throw notFound('identity of this person');
  return getPerson(db, teamId, row.id);
}
