/** Some platforms name a quoted message by its id alone (WhatsApp): its words are looked for in the conversation. */

const textOf = (content: string) =>
  `coalesce((SELECT string_agg(part->>'text', ' ') FROM jsonb_array_elements(${content}) AS part WHERE part->>'type' = 'text'), '')`;

/** In SQL: the context of message `m`, with the words of what it quotes where the same conversation has them. */
export const contextWithQuote = (m: string) => `
  CASE WHEN ${m}.context->'quoted'->>'text' = '' THEN ${m}.context || coalesce((
    SELECT jsonb_build_object('quoted', ${m}.context->'quoted' || jsonb_build_object('text', left(found.text, 1000), 'author', found.author))
    FROM (
      SELECT ${textOf('q.content')} AS text, jsonb_build_object('name', q.context->'sender'->>'name', 'isSelf', false) AS author
      FROM conversation c JOIN inbound_event e ON e.channel_id = c.channel_id AND e.ref = ${m}.context->'quoted'->>'messageId'
        JOIN message q ON q.id = e.message_id AND q.conversation_id = c.id
      WHERE c.id = ${m}.conversation_id
      UNION ALL
      -- The receipt of our own message.
      SELECT ${textOf('q.content')}, '{"name": null, "isSelf": true}'
      FROM conversation c JOIN delivery d ON d.channel_id = c.channel_id
          AND d.receipts @> jsonb_build_array(jsonb_build_object('id', ${m}.context->'quoted'->>'messageId'))
        JOIN message q ON q.id = d.message_id AND q.conversation_id = c.id
      WHERE c.id = ${m}.conversation_id
      LIMIT 1
    ) AS found), '{}')
  ELSE ${m}.context END`;
