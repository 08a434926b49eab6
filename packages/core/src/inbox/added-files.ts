/**
 * Some platforms tell of one message by two events, of which the second brings the files: Slack's `app_mention` and
 * `message`, for instance. Files that the message does not have yet are added to it, or follow it when the agent has read it.
 */
import { createHash } from 'node:crypto';
import { type MessageEvent, maxAttachments, type StoredPart } from '@nightshift/contracts';
import {
  type AnnouncedFile,
  announceFiles,
  answeredStatuses,
  attachmentOf,
  identityKey,
} from '../channels/index.ts';
import { type Database, statement } from '../database/index.ts';
import { acceptReply } from './accept.ts';
import type { AcceptedEvents, EventScope } from './accept-events.ts';
import { speakerOf } from './amend.ts';
import { contextOf } from './context.ts';
import { type FoundMessage, lockReadState, noteAmended } from './read-state.ts';

type Query = Pick<Database, 'query'>;

// Only for the one who said it, and only while they are answered: some platforms take an event's id from its sender
// (Message-ID of mails), so somebody else can send the same.
const find = statement<FoundMessage>(`
  SELECT m.id, m.conversation_id FROM inbound_event e JOIN message m ON m.id = e.message_id
    JOIN identity i ON i.id = e.identity_id AND i.channel_id::text = e.source
  WHERE e.team_id = $1 AND e.source = $2 AND e.external_id = $3
    AND i.external_id = $4 AND i.status::text = ANY ($5::text[])`);

type FileRow = Pick<AnnouncedFile, 'name' | 'media_type' | 'source'>;

// Also those that followed it.
const filesOf = statement<FileRow>(`
  SELECT f.name, f.media_type, f.source
  FROM message m, jsonb_array_elements(m.content) AS part JOIN file f ON f.id = (part->>'fileId')::uuid
  WHERE m.conversation_id = $1 AND (m.id = $2 OR m.context->'amends' @> jsonb_build_object('how', 'files', 'messageId', $2::text))
    AND part->>'type' = 'attachment'`);

const add = statement(`
  WITH attached AS (
    INSERT INTO file (id, team_id, conversation_id, name, media_type, bytes, source)
    SELECT a.id, $1, $2, a.name, a.media_type, a.bytes, a.source
    FROM jsonb_to_recordset($4::jsonb) AS a (id uuid, name text, media_type text, bytes int, source jsonb)
  )
  UPDATE message SET content = content || $5::jsonb WHERE id = $3`);

/** @returns why it led to nothing; null: it led to something */
export async function addFiles(
  db: Query,
  scope: EventScope,
  event: MessageEvent,
  result: AcceptedEvents,
): Promise<string | null> {
  const { id, teamId, access, traceId } = scope;
  const brought = announceFiles(event.attachments ?? []);
  if (brought.length === 0) return 'duplicate';
  const { direct, group = null, sender } = event;
  const statuses = answeredStatuses({ access, direct, addressed: true, group, sender });
  const [found] = await db.query(find, [teamId, id, event.externalId, identityKey(sender), statuses]);
  const state = found && (await lockReadState(db, found, access.limits.messagesPerMinute));
  if (!state) return 'duplicate';
  const known = await db.query(filesOf, [state.conversation_id, state.id]);
  const files = missing(brought, known).slice(0, Math.max(0, maxAttachments - known.length));
  if (files.length === 0) return 'duplicate';
  const content: StoredPart[] = files.map(attachmentOf);
  if (state.state === 'waiting' || state.state === 'unread') {
    const values = [JSON.stringify(files), JSON.stringify(content)];
    await db.query(add, [teamId, state.conversation_id, state.id, ...values]);
    await noteAmended(db, state);
    return null;
  }
  if (state.recent >= access.limits.messagesPerMinute) return 'too_many';
  const names = createHash('sha256').update(JSON.stringify(files.map(({ name, source }) => [name, source])));
  const accepted = await acceptReply(db, {
    teamId,
    source: id,
    externalId: `files:${names.digest('base64url').slice(0, 22)}:${event.externalId}`,
    content,
    files,
    trigger: 'message',
    traceId,
    channel: {
      ...{ id, type: 'message', ref: undefined, album: undefined, botTurns: undefined, bucket: null },
      thread: event.thread,
      context: { ...contextOf(event), amends: { how: 'files', messageId: state.id, text: state.text } },
    },
    ...speakerOf(state),
    agentId: state.agent_id,
    conversationId: state.conversation_id,
  });
  if (accepted.duplicate) return 'duplicate';
  result.accepted.push(accepted);
  return null;
}

/**
 * Those that are not among the known ones, each of which stands for one. The same file may have another address in another
 * event, but has its name and type.
 */
function missing(brought: readonly AnnouncedFile[], known: readonly FileRow[]): AnnouncedFile[] {
  const left = [...known];
  const take = (isSame: (row: FileRow) => boolean) => {
    const at = left.findIndex(isSame);
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  };
  const unmatched = brought.filter(({ source }) => !take((row) => isEqual(row.source, source)));
  return unmatched.filter(
    ({ name, media_type }) => !take((row) => row.name === name && row.media_type === media_type),
  );
}

/** Whatever the order of their names: the database has an order of its own. */
const isEqual = (one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>) =>
  Object.keys(one).length === Object.keys(other).length &&
  Object.entries(one).every(([key, value]) => other[key] === value);
