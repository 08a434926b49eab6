/** Senders who write like programs: they are found (`rhythm.ts`), left alone until they are quiet, and the owner is told. */
import { type Database, statement } from '../database/index.ts';
import type { AcceptedEvents, EventScope } from './accept-events.ts';
import { looksLikeProgram, maxLines, maxText, quickestMs, shortText } from './rhythm.ts';
import type { KnownSender } from './sender.ts';

type Query = Pick<Database, 'query'>;

/** How long a sender has to be quiet before we answer again, in seconds. */
const quietSeconds = 600;

/** Senders of one conversation that are remembered at once. */
const maxSuspects = 20;

export interface SuspectedSender {
  channelId: string;
  conversationId: string;
  identityId: string;
}

interface Guarded {
  conversationId: string | null;
  identity: KnownSender;
  said: string;
}

type LineRow = { sender: string | null; text: string; length: number; age_ms: number };

const history = statement<LineRow>(`
  SELECT CASE WHEN m.role = 'user' THEN m.person_id::text END AS sender,
    left(t.text, ${maxText}) AS text, length(t.text) AS length,
    extract(epoch FROM clock_timestamp() - m.created_at)::float8 * 1000 AS age_ms
  FROM (
    SELECT role, person_id, content, created_at, seq FROM message
    WHERE conversation_id = $1 AND (role = 'assistant' OR (role = 'user' AND person_id IS NOT NULL))
      AND created_at > now() - interval '10 minutes'
    ORDER BY seq DESC LIMIT ${maxLines}
  ) AS m, LATERAL (
    SELECT coalesce(string_agg(part->>'text', ' '), '') AS text FROM jsonb_array_elements(m.content) AS part
    WHERE part->>'type' = 'text'
  ) AS t
  ORDER BY m.seq`);

/** How much of a text is compared before it is looked at. */
export const alikeLength = 12;

/** What a statement needs to tell whether a message is worth a look. */
export interface GuardHint {
  /** Sooner after our answer than this it is quicker than people are, in milliseconds. */
  quick_ms: number;
  /** How it begins, digits masked; null: it is too short to be a repetition. */
  alike: string | null;
}

export const guardHint = (text: string): GuardHint => ({
  quick_ms: quickestMs(text.length),
  alike:
    text.length < shortText
      ? null
      : text.slice(0, alikeLength).toWellFormed().toLowerCase().replace(/\d+/g, '0'),
});

/** Whether what has just come is what a program would say, by what was said there before. */
export async function writesLikeAProgram(
  db: Query,
  { conversationId, identity, said }: Guarded,
): Promise<boolean> {
  const rows = await db.query(history, [conversationId]);
  const lines = rows.map(({ sender, text, length, age_ms: ageMs }) => ({ sender, text, length, ageMs }));
  const now = {
    sender: identity.personId,
    text: said.slice(0, maxText).toWellFormed(),
    length: said.length,
    ageMs: 0,
  };
  return looksLikeProgram([...lines, now]);
}

/** In SQL: until when an identity is taken for a program in a conversation; null: it is not. */
export const suspectedUntil = (conversation: string, identityId: string) =>
  `to_timestamp((${conversation}.suspects->>(${identityId})::text)::float8)`;

/** In SQL: whether somebody is in a conversation. */
export const hasSuspects = (conversation: string) => `
  (${conversation}.suspects IS NOT NULL AND EXISTS (
    SELECT FROM jsonb_each_text(${conversation}.suspects) AS each WHERE to_timestamp(each.value::float8) > now()))`;

// Written when it begins, and while it lasts no more often than every few minutes.
const mark = statement<{ began: boolean }>(`
  UPDATE conversation c SET suspects = coalesce((
      SELECT jsonb_object_agg(each.key, each.value) FROM (
        SELECT key, value FROM jsonb_each(coalesce(c.suspects, '{}'))
        WHERE value::float8 > extract(epoch FROM now()) ORDER BY value DESC LIMIT ${maxSuspects - 1}
      ) AS each
    ), '{}') || jsonb_build_object($2::text, floor(extract(epoch FROM now()) + ${quietSeconds}))
  WHERE c.id = $1 AND coalesce(${suspectedUntil('c', '$2')} < now() + interval '${quietSeconds / 2} seconds', true)
  RETURNING coalesce(to_timestamp((old.suspects->>$2::text)::float8) < now(), true) AS began`);

const tell = statement<{ lane: string }>(`
  INSERT INTO delivery (team_id, lane, webhook_id, data, event)
  SELECT w.team_id, w.id || '/' || $2::uuid, w.id, $3, 'channel.loop' FROM webhook w
  WHERE w.team_id = $1 AND 'channel.loop' = ANY (w.events) FOR KEY SHARE OF w
  RETURNING lane`);

/** Leaves a sender unanswered until they were quiet for a while. The owner is told when it begins. */
export async function suspect(
  db: Query,
  { id: channelId, teamId }: EventScope,
  { conversationId, identity }: Guarded,
  { lanes, loops }: AcceptedEvents,
): Promise<void> {
  if (conversationId === null) return;
  const [row] = await db.query(mark, [conversationId, identity.id]);
  if (!row?.began) return;
  const found = { channelId, conversationId, identityId: identity.id };
  loops.push(found);
  for (const { lane } of await db.query(tell, [teamId, channelId, JSON.stringify(found)])) lanes.add(lane);
}
