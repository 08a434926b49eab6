/** What a channel knows of where it can speak: the rooms, groups and people that have spoken to it. */
import { createHash } from 'node:crypto';
import type { Address, KnownPlace, Page, PlaceKind, PlaceListQuery } from '@nightshift/contracts';
import { type Database, statement } from '../database/index.ts';
import { invalidField, notFound } from '../errors/index.ts';
import { idOfKey } from './access.ts';

/** So many conversations and so many people of a channel are looked at, the ones of late first. */
const looked = 5_000;

/** Who speaks in a direct conversation is looked for among its last messages. */
const lastMessages = 20;

interface Line {
  thread: Address;
  threadKey: string;
}

/** What the channel's adapter knows of its addresses. */
export interface PlaceRules {
  /** Null: it is no place that can be spoken to on its own. */
  mainLineOf(kind: string, thread: Line): Line | null;
  /** Null: an id of a person is no address there. */
  directLineOf(kind: string, personId: string): Line | null;
}

/** A place, and how it is spoken to. */
export interface Reachable extends KnownPlace, Line {
  direct: boolean;
}

type Held = {
  thread: Address;
  threadKey: string;
  direct: boolean;
  place: { kind: PlaceKind; name: string | null } | null;
  personId: string | null;
  at: Date;
};

const held = statement<Held>(`
  SELECT c.thread, c.thread_key AS "threadKey", c.direct, c.place, c.updated_at AS at, CASE WHEN c.direct THEN (
    SELECT m.person_id FROM message m WHERE m.conversation_id = c.id AND m.seq > c.next_seq - ${lastMessages}
      AND m.person_id IS NOT NULL ORDER BY m.seq DESC LIMIT 1
  ) END AS "personId"
  FROM conversation c WHERE c.channel_id = $1 AND c.thread IS NOT NULL
  ORDER BY c.updated_at DESC, c.id DESC LIMIT ${looked}`);

type Known = {
  personId: string | null;
  key: string;
  name: string | null;
  personName: string | null;
  vouched: boolean;
  thread: { to: Address; key: string } | null;
};

const known = statement<Known>(`
  SELECT i.person_id AS "personId", i.external_id AS key, i.name, p.name AS "personName", i.vouched, i.thread
  FROM identity i LEFT JOIN person p ON p.id = i.person_id
  WHERE i.channel_id = $1 AND i.status <> 'blocked' AND i.person_id IS NOT NULL
  ORDER BY i.last_seen_at DESC, i.id DESC LIMIT ${looked}`);

/** @throws {DomainError} not_found */
export async function readPlaces(
  db: Database,
  teamId: string,
  channelId: string,
  { mainLineOf, directLineOf }: PlaceRules,
): Promise<Reachable[]> {
  const where = { id: channelId, teamId, deletedAt: null };
  const channel = await db.prisma.channel.findFirst({ where, select: { kind: true } });
  if (!channel) throw notFound('channel');
  const [conversations, identities] = await Promise.all([
    db.query(held, [channelId]),
    db.query(known, [channelId]),
  ]);
  const people = Map.groupBy(
    identities.filter(({ personId }) => personId !== null),
    ({ personId }) => personId!,
  );
  const places = new Map<string, Reachable>();
  const met = new Set<string>();

  for (const { thread, threadKey, direct, place, personId, at } of conversations) {
    const line = mainLineOf(channel.kind, { thread, threadKey });
    if (!line) continue;
    const there = places.get(line.threadKey);
    const name = place?.name ?? null;
    if (personId) met.add(personId);
    if (there) {
      // A thread of a room tells its name as well.
      there.name ??= name;
      continue;
    }
    const with_ = direct && personId ? (people.get(personId) ?? []) : [];
    places.set(line.threadKey, {
      ...line,
      direct,
      kind: direct ? 'direct' : roomKind(place?.kind),
      name: name ?? (direct ? (with_[0]?.personName ?? with_[0]?.name ?? null) : null),
      address: addressOf(line),
      people: with_.map(toPerson),
      lastActivityAt: at.toISOString(),
    });
  }
  for (const identity of identities) {
    if (met.has(identity.personId!) || !identity.vouched) continue;
    const stored = identity.thread && { thread: identity.thread.to, threadKey: identity.thread.key };
    const line = stored ? mainLineOf(channel.kind, stored) : directLineOf(channel.kind, identity.key);
    if (!line || places.has(line.threadKey)) continue;
    places.set(line.threadKey, {
      ...line,
      direct: true,
      kind: 'direct',
      name: identity.personName ?? identity.name,
      address: addressOf(line),
      people: [toPerson(identity)],
      lastActivityAt: null,
    });
  }
  return [...places.values()];
}

const toPerson = ({ personId, key, name, personName, vouched }: Known) => ({
  id: personId,
  name: personName ?? name ?? idOfKey(key, vouched),
  handle: idOfKey(key, vouched),
});

/** The id that people find in the platform: the one that names the place, of the fields that an address has. */
/** Of the room that a part of it belongs to. */
const roomKind = (kind: PlaceKind = 'group'): PlaceKind =>
  kind === 'thread' ? 'channel' : kind === 'topic' ? 'group' : kind;

const namingFields = ['channel', 'channelId', 'chat_id', 'conversationId', 'group', 'target', 'to', 'thread'];

function addressOf({ thread, threadKey }: Line): string {
  const field = namingFields.find((name) => thread[name]);
  return field ? thread[field]! : threadKey;
}

/** Every text that a place goes by. */
const textsOf = ({ name, address, people, threadKey }: Reachable): string[] => [
  ...(name === null ? [] : [name]),
  address,
  threadKey,
  ...people.flatMap((person) => [person.name, ...(person.handle === null ? [] : [person.handle])]),
];

const shown = ({ kind, name, address, people, lastActivityAt }: Reachable): KnownPlace => ({
  kind,
  name,
  address,
  people,
  lastActivityAt,
});

/** Places of a channel, what was spoken in last first. @throws {DomainError} not_found; invalid_request: the cursor */
export async function listPlaces(
  db: Database,
  teamId: string,
  channelId: string,
  { limit, cursor, q, kind }: PlaceListQuery,
  rules: PlaceRules,
): Promise<Page<KnownPlace>> {
  const after = cursor === undefined ? null : readCursor(cursor);
  const part = q?.toLowerCase();
  const all = (await readPlaces(db, teamId, channelId, rules))
    .filter((place) => kind === undefined || place.kind === kind)
    .filter((place) => !part || textsOf(place).some((text) => text.toLowerCase().includes(part)))
    .map((place) => ({ place, mark: markOf(place) }))
    .toSorted((one, other) => order(one.mark, other.mark))
    .filter(({ mark }) => after === null || order(after, mark) < 0);
  const page = all.slice(0, limit);
  const last = page.at(-1);
  return {
    data: page.map(({ place }) => shown(place)),
    nextCursor: last && all.length > limit ? writeCursor(last.mark) : null,
  };
}

/** Where a place stands in the list: by its activity, then by a digest of its key, so that the order is one. */
type Mark = readonly [activity: string, digest: string];

const markOf = ({ lastActivityAt, threadKey }: Reachable): Mark => [
  lastActivityAt ?? '',
  createHash('sha256').update(threadKey).digest('base64url').slice(0, 22),
];

const order = (one: Mark, other: Mark): number =>
  one[0] === other[0] ? compare(one[1], other[1]) : compare(other[0], one[0]);

const compare = (one: string, other: string): number => (one === other ? 0 : one < other ? -1 : 1);

const writeCursor = (mark: Mark) => Buffer.from(mark.join(' ')).toString('base64url');

function readCursor(cursor: string): Mark {
  const [activity, digest, ...more] = Buffer.from(cursor, 'base64url').toString().split(' ');
  const isOurs = /^(\d{4}-\d\d-\d\dT[\d:.]{12}Z)?$/.test(activity ?? '-') && /^[\w-]{22}$/.test(digest ?? '');
  if (!isOurs || more.length > 0) throw invalidField('cursor', 'is not one that a page returned');
  return [activity!, digest!];
}

/** How people write a room's or a person's name: without its sign, in any case, composed in any way. */
const bare = (text: string) => text.trim().replace(/^[#@]/, '').normalize('NFC').toLowerCase();

/** `several`: all of the candidates are called so; otherwise none is, and they are alike. */
export type Choice = { place: Reachable } | { several: boolean; candidates: KnownPlace[] };

/**
 * The place that people mean: by what they call it, by a person there, or by the platform's own address. What is written
 * exactly so comes before what is alike; but people choose their own names, and none is reached in the place of a room by
 * being called `#sales`: then the address is asked for.
 */
export function choosePlace(places: readonly Reachable[], wanted: string): Choice {
  const addressed = places.filter(({ address, threadKey }) => address === wanted || threadKey === wanted);
  const alike = places.filter((place) => textsOf(place).some((text) => bare(text) === bare(wanted)));
  const exact = alike.filter((place) => textsOf(place).includes(wanted));
  const isRoom = ({ direct, name }: Reachable) => !direct && name !== null && bare(name) === bare(wanted);
  const isClaimed = exact.some(({ direct }) => direct) && alike.some(isRoom);
  for (const found of [addressed, isClaimed ? alike : exact, alike]) {
    if (found.length === 1) return { place: found[0]! };
    if (found.length > 1) return { several: true, candidates: found.map(shown) };
  }
  const part = bare(wanted);
  const like = places.filter((place) => textsOf(place).some((text) => bare(text).includes(part)));
  return { several: false, candidates: (like.length > 0 ? like : places).map(shown) };
}
