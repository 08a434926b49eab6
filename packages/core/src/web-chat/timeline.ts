/**
 * What was said in a thread, in one line: the messages of all conversations that were held in it, and what the server itself
 * has said there. It is read for people who have no platform of their own that keeps it.
 */
import { type StoredPart, textOf } from '@nightshift/contracts';
import { noticeContext, threadLane } from '../channels/index.ts';
import { type Database, statement } from '../database/index.ts';
import { notFound } from '../errors/index.ts';
import { type KeyEncryptionKey, type Sealed, unseal } from '../secrets/index.ts';

export interface Thread {
  channelId: string;
  threadKey: string;
}

export interface TimelineEntry {
  id: string;
  role: 'user' | 'assistant' | 'notice';
  /** Markdown, of an assistant and a notice. */
  text: string;
  files: { name: string; mediaType: string }[];
  runId: string | null;
  /** The sender's own id of a user's message. */
  ref: string | null;
  createdAt: Date;
}

type Row = {
  id: string;
  role: TimelineEntry['role'];
  content: StoredPart[] | null;
  notice: string | null;
  /** What a notice says while it holds: a pairing code. */
  sealed: Sealed | null;
  team_id: string | null;
  run_id: string | null;
  ref: string | null;
  created_at: Date;
};

/** Of the entries `e`: those after $4, and before the entry that was made at $5 and is called $6. Each may be null. */
const wanted = (entry: string) => `
  ($4::timestamptz IS NULL OR ${entry}.created_at > $4)
  AND ($5::timestamptz IS NULL OR (${entry}.created_at, ${entry}.id) < ($5, $6::uuid))
  ORDER BY ${entry}.created_at DESC, ${entry}.id DESC LIMIT $7`;

// Of what has the role of a user only what came through the channel is theirs: a schedule's prompt is not.
const read = statement<Row>(`
  WITH said AS (
    SELECT m.id, m.role::text, m.content, NULL::text AS notice, NULL::jsonb AS sealed, NULL::uuid AS team_id,
      m.run_id, e.ref, m.created_at
    FROM conversation c JOIN message m ON m.conversation_id = c.id
      LEFT JOIN inbound_event e ON e.conversation_id = c.id AND e.message_id = m.id AND e.channel_id = c.channel_id
    WHERE c.channel_id = $1 AND c.thread_key = $2 AND (m.role = 'assistant' OR m.role = 'user' AND e.id IS NOT NULL)
      AND ${wanted('m')}
  ), noticed AS (
    SELECT d.id, 'notice', NULL::jsonb, d.text, CASE WHEN d.sealed_until > now() THEN d.sealed END, d.team_id,
      d.run_id, NULL::text, d.created_at
    FROM delivery d WHERE d.lane = $3 AND d.text IS NOT NULL AND ${wanted('d')}
  )
  SELECT * FROM (SELECT * FROM said UNION ALL SELECT * FROM noticed) AS entry
  ORDER BY created_at DESC, id DESC LIMIT $7`);

export interface TimelinePart {
  /** Made later than this. */
  after?: Date | undefined;
  before?: { id: string; createdAt: Date } | undefined;
  limit: number;
}

/** The newest entries of the part, oldest first. */
export async function readTimeline(
  db: Database,
  kek: KeyEncryptionKey,
  { channelId, threadKey }: Thread,
  { after, before, limit }: TimelinePart,
): Promise<TimelineEntry[]> {
  const lane = threadLane(channelId, threadKey);
  const rows = await db.query(read, [
    channelId,
    threadKey,
    lane,
    after ?? null,
    before?.createdAt ?? null,
    before?.id ?? null,
    limit,
  ]);
  return rows
    .reverse()
    .map(({ id, role, content, notice, sealed, team_id, run_id: runId, ref, created_at: createdAt }) => ({
      id,
      role,
      text: content
        ? textOf(content)
        : sealed
          ? unseal(kek, sealed, noticeContext(team_id!, id))
          : (notice ?? ''),
      files: (content ?? []).flatMap((part) =>
        part.type === 'attachment' ? [{ name: part.name, mediaType: part.mediaType }] : [],
      ),
      runId,
      ref,
      createdAt,
    }));
}

/** How many entries are shown at once at most. */
export const historyLimit = 50;

/** How much text is shown at once at most, in UTF-16 code units; the newest entry is, however long it is. */
export const historyLength = 64 * 1024;

/** Of the newest `historyLimit + 1` entries, oldest first, those that are shown at once; `older`: there are more before. */
export function pageOf(found: readonly TimelineEntry[]): { entries: TimelineEntry[]; older: boolean } {
  let first = found.length;
  let length = 0;
  while (first > 0 && found.length - first < historyLimit) {
    length += found[first - 1]!.text.length;
    if (length > historyLength && first < found.length) break;
    first -= 1;
  }
  return { entries: found.slice(first), older: first > 0 };
}

const find = statement<{ created_at: Date }>(`
  SELECT m.created_at FROM message m JOIN conversation c ON c.id = m.conversation_id
  WHERE m.id = $3 AND c.channel_id = $1 AND c.thread_key = $2
  UNION ALL
  SELECT d.created_at FROM delivery d WHERE d.id = $3 AND d.lane = $4 AND d.text IS NOT NULL`);

/** The entries before one, oldest first. @throws {DomainError} not_found: there is no such entry in the thread */
export async function readEarlier(
  db: Database,
  kek: KeyEncryptionKey,
  thread: Thread,
  { before, limit }: { before: string; limit: number },
): Promise<TimelineEntry[]> {
  const { channelId, threadKey } = thread;
  const lane = threadLane(channelId, threadKey);
  const [row] = await db.query(find, [channelId, threadKey, before, lane]);
  if (!row) throw notFound('message in this chat');
  return readTimeline(db, kek, thread, { before: { id: before, createdAt: row.created_at }, limit });
}

const open = statement<{ id: string }>(`
  SELECT r.id FROM conversation c JOIN run r ON r.conversation_id = c.id
  WHERE c.channel_id = $1 AND c.thread_key = $2 AND c.left_at IS NULL
    AND r.status IN ('queued', 'running') AND r.waiting IS NULL AND r.trigger <> 'schedule'
  ORDER BY r.created_at LIMIT 1`);

/** The run that writes an answer in the thread, or is about to. A schedule's may have nothing to say. */
export async function readOpenRun(db: Database, { channelId, threadKey }: Thread): Promise<string | null> {
  return (await db.query(open, [channelId, threadKey]))[0]?.id ?? null;
}
