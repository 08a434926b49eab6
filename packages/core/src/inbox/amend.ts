/**
 * Senders change or take back what they said. What counts is whether a model has been shown the message:
 *
 * - It has not: it is as if they had said it so in the first place, also when its run is under way.
 * - It has, and the run is still working: the change is a message of its own, which the agent's queue mode treats as any
 *   other (`steer`: it joins the run). That a message was taken back only joins a run; it is no reason to begin one, nor to
 *   stop one.
 * - It has, and the run is over, or more is said in this minute than may join it: the history stays what the agent was
 *   told, with a mark that shows the next turn what the message says now.
 */
import {
  cutText,
  type DeletedEvent,
  type EditedEvent,
  type MessageContext,
  maxMessageLength,
  shortenText,
} from '@nightshift/contracts';
import { answeredStatuses, identityKey } from '../channels/index.ts';
import { type Database, newId, statement } from '../database/index.ts';
import { acceptReply } from './accept.ts';
import type { AcceptedEvents, EventScope } from './accept-events.ts';
import { amendHeld } from './accept-stranger.ts';
import { type FoundMessage, lockReadState, noteAmended, type ReadState } from './read-state.ts';
import { amendRoomMessage } from './room.ts';

type Query = Pick<Database, 'query'>;
type Amendment = EditedEvent | DeletedEvent;

// Only senders whom we would answer change anything; of a deletion nobody may know whose it is.
const find = statement<FoundMessage>(`
  SELECT m.id, m.conversation_id FROM inbound_event e JOIN message m ON m.id = e.message_id
  WHERE e.channel_id = $1 AND e.ref = $2 AND ($3::text IS NULL OR e.identity_id = (
    SELECT i.id FROM identity i WHERE i.channel_id = $1 AND i.external_id = $3 AND i.status::text = ANY ($4::text[])))
  ORDER BY e.id DESC LIMIT 1`);

// Attachments stay where they are; the text is the first part, where there is one.
const edit = statement(`
  UPDATE message m SET content = jsonb_build_array(jsonb_build_object('type', 'text', 'text', $2::text)) ||
    coalesce((SELECT jsonb_agg(part) FROM jsonb_array_elements(m.content) AS part WHERE part->>'type' <> 'text'), '[]')
  WHERE m.id = $1`);

const withdraw = statement(`
  UPDATE message m SET content = '[{"type": "text", "text": "[The sender took this message back.]"}]',
    context = m.context - 'quoted' - 'forwarded' - 'unsupported'
  WHERE m.id = $1`);

const mark = statement(`
  UPDATE message m SET context = coalesce(m.context, '{}') || jsonb_build_object('amended', jsonb_build_object(
    'at', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'text', $2::text))
  WHERE m.id = $1`);

/** Of what an edit made of a message that the agent had read. */
const maxMarked = 4_000;

// A run that has nothing left to answer is not begun.
const cancelEmpty = statement(`
  UPDATE run r SET status = 'cancelled', ended_at = now(), cancel_requested_at = now()
  WHERE r.id = $1 AND r.status = 'queued' AND NOT EXISTS (
    SELECT FROM message m WHERE m.run_id = r.id AND m.role = 'user' AND m.id <> $2)`);

const store = statement<{ id: string }>(`
  INSERT INTO inbound_event (id, team_id, source, external_id, channel_id, type, outcome)
  VALUES ($1, $2, $3, $4, $5, $6, 'accepted') ON CONFLICT (team_id, source, external_id) DO NOTHING RETURNING id`);

/** @returns why it changed nothing; null: it led to something */
export async function amendMessage(
  db: Query,
  scope: EventScope,
  event: Amendment,
  result: AcceptedEvents,
): Promise<string | null> {
  const { id: channelId, teamId, access } = scope;
  const { externalId, type, messageId } = event;
  const text = event.type === 'edited' ? cutText(event.text, maxMessageLength) : null;
  const by = event.type === 'edited' ? identityKey(event.sender) : null;
  const [found] = await db.query(find, [channelId, messageId, by, statusesOf(scope, event)]);
  const state = found && (await lockReadState(db, found, access.limits.messagesPerMinute));
  if (!state) {
    const change = { messageId, text, by };
    if (await amendHeld(db, channelId, change)) return null;
    return (await amendRoomMessage(db, channelId, change)) ? null : 'too_late';
  }
  const isOneTooMany = state.recent >= access.limits.messagesPerMinute;
  if (state.state === 'read' && joins(state, type) && !isOneTooMany)
    return sayAmended(db, scope, event, state, result);
  if ((await db.query(store, [newId(), teamId, channelId, externalId, channelId, type])).length === 0)
    return 'duplicate';
  if (state.state === 'read' || state.state === 'over') {
    await db.query(mark, [state.id, text === null ? null : shortenText(text, maxMarked)]);
    return null;
  }
  await noteAmended(db, state);
  if (text !== null) await db.query(edit, [state.id, text]);
  else {
    await db.query(withdraw, [state.id]);
    await db.query(cancelEmpty, [state.run_id, state.id]);
  }
  return null;
}

const joins = ({ steerable, queue_mode }: ReadState, type: Amendment['type']) =>
  type === 'edited' ? steerable || queue_mode !== 'steer' : steerable;

const statusesOf = ({ access }: EventScope, event: Amendment) => {
  if (event.type === 'deleted') return [];
  const { direct, group = null, sender } = event;
  return answeredStatuses({ access, direct, addressed: true, group, sender });
};

/** Tells the run that is working, as something that the sender says now. */
async function sayAmended(
  db: Query,
  { id, teamId, traceId }: EventScope,
  event: Amendment,
  state: ReadState,
  result: AcceptedEvents,
): Promise<string | null> {
  const said =
    event.type === 'edited'
      ? cutText(event.text, maxMessageLength)
      : '[The sender took an earlier message back.]';
  const context: MessageContext = {
    sender: { name: state.sender_name },
    ...(event.type === 'edited' && event.where && { where: event.where }),
    amends: { how: event.type, messageId: state.id, text: state.text },
  };
  const accepted = await acceptReply(db, {
    teamId,
    source: id,
    externalId: event.externalId,
    content: [{ type: 'text', text: said }],
    trigger: 'message',
    traceId,
    channel: {
      ...{ id, type: event.type, album: undefined, botTurns: undefined, bucket: null, context },
      ref: event.type === 'edited' ? event.messageId : undefined,
      thread: event.type === 'edited' ? event.thread : (state.thread ?? {}),
    },
    ...speakerOf(state),
    agentId: state.agent_id,
    conversationId: state.conversation_id,
  });
  if (accepted.duplicate) return 'duplicate';
  result.accepted.push(accepted);
  return null;
}

/** Who said the message. The conversation stays whose it is. */
export const speakerOf = ({ identity_id, person_id, vouched }: ReadState) =>
  identity_id && person_id ? { speaker: { identityId: identity_id, personId: person_id, vouched } } : {};
