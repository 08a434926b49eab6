/** Rows of the outbox, as the end of a run writes them. */
import { newId } from '@nightshift/core/database';
import type { Product } from '../api/index.ts';

export interface Destination {
  kind: 'channel' | 'webhook';
  id: string;
}

/** A conversation with nothing in it, held at `channelId` or over the API. @returns its id */
export async function addConversation({ id: teamId, sql }: Product, channelId?: string): Promise<string> {
  const [agentId, id] = [newId(), newId()];
  await sql(
    `INSERT INTO agent (id, team_id, name, instructions, model, tools, limits, updated_at)
     VALUES ($1, $2, $3, '', '"demo/guide"', '{}', '{}', now())`,
    [agentId, teamId, `agent ${agentId}`],
  );
  await sql(
    `INSERT INTO conversation (id, team_id, agent_id, channel_id, thread, thread_key)
     VALUES ($1, $2, $3, $4, $5, $6)`,
    [id, teamId, agentId, channelId ?? null, JSON.stringify({ thread: id }), id],
  );
  return id;
}

export interface Written {
  id: string;
  lane: string;
  runId: string;
}

/** A run that succeeded with the answer `text`, and the delivery of it. It wakes nobody. */
export async function writeDelivery(
  { id: teamId, sql }: Product,
  destination: Destination,
  conversationId: string,
  text: string,
  event = 'message.created',
): Promise<Written> {
  const lane = `${destination.id}/${conversationId}`;
  const [runId, messageId] = [newId(), newId()];
  await sql(
    `INSERT INTO run (id, team_id, agent_id, conversation_id, trigger, status, started_at, ended_at)
     SELECT $1, $2, agent_id, id, 'api', 'succeeded', now(), now() FROM conversation WHERE id = $3`,
    [runId, teamId, conversationId],
  );
  await sql(
    `WITH numbered AS (UPDATE conversation SET next_seq = next_seq + 1 WHERE id = $2 RETURNING next_seq - 1 AS seq)
     INSERT INTO message (id, conversation_id, seq, role, content, run_id)
     SELECT $1, $2, seq, 'assistant', $3, $4 FROM numbered`,
    [messageId, conversationId, JSON.stringify([{ type: 'text', text }]), runId],
  );
  const [row] = await sql(
    `INSERT INTO delivery (team_id, lane, channel_id, webhook_id, conversation_id, run_id, message_id, event)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id`,
    [
      teamId,
      lane,
      destination.kind === 'channel' ? destination.id : null,
      destination.kind === 'webhook' ? destination.id : null,
      conversationId,
      runId,
      messageId,
      event,
    ],
  );
  return { id: row.id, lane, runId };
}

/** Wakes the lane of each. */
export async function wakeAll({ deps }: Product, written: readonly Written[]): Promise<void> {
  for (const { lane } of written) await deps.deliveries.wake({ lane }, lane);
}
