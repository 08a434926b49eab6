/** The list of conversations: what was last spoken in first. */
import type { Conversation, ConversationListQuery, Page } from '@nightshift/contracts';
import { escapeLike } from '../channels/people.ts';
import { type Database, type Listed, statement } from '../database/index.ts';
import { invalidField } from '../errors/index.ts';
import { peopleOf, toConversation, withNames } from './conversations.ts';

/**
 * One request looks at so many conversations, in the order of the list. A search that has not found enough among them
 * ends its page there, and the next page goes on.
 */
const looked = 5_000;

/** People whose name has the text that is searched for. */
const searchedPeople = 50;

type Cursor = { at: string; id: string };

/** @throws {DomainError} invalid_request: it is none of ours, or of a list in another order */
function readCursor(cursor: string | undefined, sort: Sort): Cursor | null {
  if (cursor === undefined) return null;
  const [kind, at, id] = Buffer.from(cursor, 'base64url').toString().split(' ');
  const isOurs =
    kind === sort &&
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(at ?? '') &&
    /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id ?? '');
  if (!isOurs)
    throw invalidField('cursor', `is not one that a page of this list, sorted by ${sort}, returned`);
  return { at: at!, id: id! };
}

const writeCursor = (sort: Sort, { at, id }: Cursor) =>
  Buffer.from(`${sort} ${at} ${id}`).toString('base64url');

type Sort = ConversationListQuery['sort'];
type Row = { id: string; at: Date; found: boolean };

const orders: Record<Sort, { order: string; after: string }> = {
  activity: {
    order: 'updated_at DESC, id DESC',
    after: '(updated_at, id) < ($2::timestamptz, $3::uuid)',
  },
  // Ids are in the order of their making.
  created: { order: 'id DESC', after: "id < $3::uuid AND $2::timestamptz <= 'infinity'" },
};

/**
 * `looked` has the conversations of the page's stretch, of which `found` are those that the filters let through. Without a
 * filter that has to look inside, the stretch is as long as the page.
 *
 * $1 team · $2, $3 the cursor · $4 the length of the stretch · $5 agent · $6 channel · $7, $8 the time · $9 kind of place ·
 * $10 person · $11 whether a run waits · $12 the pattern of the search · $13 people of that name
 */
const list = (sort: Sort) =>
  statement<Row>(`
  WITH looked AS (
    SELECT id, updated_at, agent_id, channel_id, title, place, direct FROM conversation
    WHERE team_id = $1 AND ${orders[sort].after}
      AND ($5::uuid IS NULL OR agent_id = $5) AND ($6::uuid IS NULL OR channel_id = $6)
      AND ($7::timestamptz IS NULL OR updated_at >= $7) AND ($8::timestamptz IS NULL OR updated_at < $8)
    ORDER BY ${orders[sort].order} LIMIT $4
  )
  SELECT c.id, c.updated_at AS at, (
    ($9::text IS NULL OR $9 = coalesce(c.place->>'kind',
      CASE WHEN c.channel_id IS NULL THEN NULL WHEN c.direct THEN 'direct' ELSE 'group' END))
    AND ($10::uuid IS NULL OR EXISTS (SELECT FROM message m WHERE m.person_id = $10 AND m.conversation_id = c.id))
    AND ($11::boolean IS NULL OR $11 = EXISTS (
      SELECT FROM run r WHERE r.conversation_id = c.id AND r.status = 'queued'))
    AND ($12::text IS NULL OR c.title ILIKE $12 OR c.place->>'name' ILIKE $12
      OR EXISTS (SELECT FROM message m WHERE m.person_id = ANY ($13::uuid[]) AND m.conversation_id = c.id))
  ) AS found
  FROM looked c ORDER BY ${orders[sort].order.replaceAll(/(updated_at|id)/g, 'c.$1')}`);

const lists: Record<Sort, ReturnType<typeof list>> = { activity: list('activity'), created: list('created') };

const peopleNamed = statement<{ id: string }>(
  `SELECT id FROM person WHERE team_id = $1 AND name ILIKE $2 ORDER BY id DESC LIMIT ${searchedPeople}`,
);

/**
 * Conversations by their last activity, or by when they were begun. A cursor says where the page before ended, by the
 * activity as it was then: what is spoken in meanwhile moves to the beginning, and repeats and shifts nothing. A page of a
 * search may have fewer conversations than asked, and another page behind it.
 *
 * @throws {DomainError} invalid_request: the cursor
 */
export async function listConversations(
  db: Database,
  teamId: string,
  query: Listed<ConversationListQuery>,
): Promise<Page<Conversation>> {
  const {
    limit,
    sort = 'activity',
    agentId,
    channelId,
    personId,
    placeKind,
    waiting,
    from,
    to,
    q,
    id,
  } = query;
  if (id !== undefined) return onlyOne(db, teamId, id);
  const cursor = readCursor(query.cursor, sort);
  const pattern = q ? `%${escapeLike(q)}%` : null;
  const people = pattern === null ? [] : await db.query(peopleNamed, [teamId, pattern]);
  const isSearch = [placeKind, personId, waiting, q || undefined].some((filter) => filter !== undefined);
  const length = isSearch ? Math.max(looked, limit) : limit + 1;
  const filters = [agentId, channelId, from, to, placeKind, personId, waiting].map(
    (filter) => filter ?? null,
  );
  const rows = await db.query(lists[sort], [
    teamId,
    cursor?.at ?? 'infinity',
    cursor?.id ?? 'ffffffff-ffff-ffff-ffff-ffffffffffff',
    length,
    ...filters,
    pattern,
    people.map((person) => person.id),
  ]);
  const found = rows.filter((row) => row.found).slice(0, limit);
  const last = found.length === limit ? found.at(-1) : rows.at(-1);
  const isOver = rows.length < length && (!last || last === rows.at(-1));
  const details = await db.prisma.conversation.findMany({
    where: { id: { in: found.map((row) => row.id) } },
    include: withNames,
  });
  const byId = new Map(details.map((row) => [row.id, row]));
  const spokeIn = await peopleOf(db, details);
  return {
    data: found.flatMap((row) => byId.get(row.id) ?? []).map((row) => toConversation(row, spokeIn(row.id))),
    nextCursor: isOver || !last ? null : writeCursor(sort, { at: last.at.toISOString(), id: last.id }),
  };
}

async function onlyOne(db: Database, teamId: string, id: string): Promise<Page<Conversation>> {
  const rows = await db.prisma.conversation.findMany({ where: { id, teamId }, include: withNames });
  const spokeIn = await peopleOf(db, rows);
  return { data: rows.map((row) => toConversation(row, spokeIn(row.id))), nextCursor: null };
}
