/** Parts of the statements that accept messages: what was said in the room before them (`room.ts`). */

/** What is kept and shown of a room or a thread: its newest messages, of at most so many characters and hours. */
export const roomLimits = { lines: 30, characters: 8_000, hours: 24 } as const;

const { lines: maxLines, characters: maxCharacters, hours } = roomLimits;

/**
 * CTEs for a statement that accepts messages (`fresh`, of which each conversation's first has `nth` 1): `room_line` has what
 * was said in the room of each that its conversation has not been shown yet.
 */
export const roomLines = `
  room_line AS (
    SELECT f.message_id, f.conversation_id, r.position, r.ref, r.name, r.text
    FROM fresh f JOIN LATERAL (
      SELECT n.*, sum(length(n.text)) OVER (ORDER BY n.position DESC) AS characters
      FROM (
        SELECT r.position, r.ref, r.name, r.text FROM room_message r
        WHERE r.channel_id = f.channel_id AND (r.bucket = f.bucket OR r.opens = f.bucket)
          AND r.external_id <> f.external_id AND r.created_at > now() - interval '${hours} hours'
          AND NOT f.conversation_id = ANY (r.shown_in)
        ORDER BY r.position DESC LIMIT ${maxLines}
      ) AS n
    ) AS r ON r.characters <= ${maxCharacters}
    WHERE f.bucket IS NOT NULL AND f.nth = 1
  ), room_row AS (
    SELECT position FROM room_message WHERE position = ANY (ARRAY(SELECT position FROM room_line)) FOR NO KEY UPDATE SKIP LOCKED
  ), room_shown AS (
    UPDATE room_message r SET shown_in = r.shown_in ||
      ARRAY(SELECT l.conversation_id FROM room_line l WHERE l.position = r.position)
    WHERE r.position = ANY (ARRAY(SELECT position FROM room_row))
  ), room_addressed AS (
    -- Another event of the same message had not said that it is for us.
    DELETE FROM room_message r USING fresh f
    WHERE f.bucket IS NOT NULL AND r.channel_id = f.channel_id AND r.external_id = f.external_id
  )`;

/** In SQL: the context of an accepted message `f`, with the lines of the CTE `room_line`. */
export const contextWithRoom = (f: string) => `
  ${f}.context || CASE WHEN ${f}.bucket IS NULL THEN '{}' ELSE coalesce((
    SELECT jsonb_build_object('before', jsonb_agg(jsonb_build_object('ref', l.ref, 'name', l.name, 'text', l.text) ORDER BY l.position))
    FROM room_line l WHERE l.message_id = ${f}.message_id HAVING count(*) > 0), '{}') END`;
