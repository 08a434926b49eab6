/**
 * Pictures that somebody sends at once come as messages of their own on some platforms, and through a webhook each in a
 * request of its own. Those that come before their run begins become one message, which waits for them a moment.
 */
import { type MessageEvent, maxAttachments } from '@nightshift/contracts';
import { identityKey } from '../channels/index.ts';
import { type Database, newId, statement } from '../database/index.ts';
import type { EventScope } from './accept-events.ts';
import { contextOf } from './context.ts';
import { contentOf } from './said.ts';

// Two of one album at once, neither of which sees the other, would make two messages.
const lock = statement(`SELECT pg_advisory_xact_lock(hashtextextended($1, 7306015))`);

// The conversation's row first: whoever claims the run takes its lock.
const join = statement<{ id: string }>(`
  WITH said AS (
    SELECT m.id, m.run_id, e.conversation_id, e.identity_id FROM inbound_event e JOIN message m ON m.id = e.message_id
      JOIN identity i ON i.id = e.identity_id
    WHERE e.channel_id = $2 AND e.album = $3 AND i.external_id = $4 ORDER BY e.id DESC LIMIT 1
  ), lane AS (
    SELECT c.id FROM conversation c JOIN said ON said.conversation_id = c.id FOR UPDATE OF c
  ), open AS (
    SELECT said.* FROM said JOIN lane ON true JOIN run r ON r.id = said.run_id WHERE r.status = 'queued'
  ), event AS (
    INSERT INTO inbound_event (id, team_id, source, external_id, conversation_id, message_id, channel_id, identity_id, ref, album)
    SELECT $5, $1, $2::text, $6, open.conversation_id, open.id, $2, open.identity_id, $7, $3 FROM open
    ON CONFLICT (team_id, source, external_id) DO NOTHING RETURNING id
  ), attached AS (
    INSERT INTO file (id, team_id, conversation_id, name, media_type, bytes, source)
    SELECT a.id, $1, open.conversation_id, a.name, a.media_type, a.bytes, a.source
    FROM event, open, jsonb_to_recordset($8::jsonb) AS a (id uuid, name text, media_type text, bytes int, source jsonb)
  )
  UPDATE message m SET content = $9::jsonb || m.content || $10::jsonb,
    -- What only a later piece says: the platform may put a mark or a quote on any of them.
    context = $11::jsonb || coalesce(m.context, '{}')
  FROM open, event WHERE m.id = open.id AND jsonb_array_length(m.content) < ${maxAttachments} RETURNING m.id`);

/** @returns false: there is no message of the album that it could become part of */
export async function joinAlbum(
  db: Pick<Database, 'query'>,
  { id, teamId }: EventScope,
  event: MessageEvent,
): Promise<boolean> {
  const { album, sender, externalId, messageId = null } = event;
  await db.query(lock, [`${id}/${album}`]);
  const { content, files } = contentOf(event);
  const words = content.filter(({ type }) => type === 'text');
  const others = content.filter(({ type }) => type !== 'text');
  const place = [teamId, id, album, identityKey(sender), newId(), externalId, messageId];
  const rows = await db.query(join, [
    ...place,
    JSON.stringify(files),
    JSON.stringify(words),
    JSON.stringify(others),
    JSON.stringify(contextOf(event)),
  ]);
  return rows.length > 0;
}
