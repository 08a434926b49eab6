/** What becomes of something that somebody says in a chat: who it is, whether they are answered, by whom, and where. */
import type { IdentityStatus } from '@nightshift/contracts';
import {
  admit,
  answeredStatuses,
  beginThread,
  calledAgent,
  countNotices,
  droppedAtOnce,
  identityKey,
  isGuest,
  isVouchedFor,
  leaveThread,
  noAgent,
  routedAgent,
  runCommand,
  writeNotice,
} from '../channels/index.ts';
import { type Database, newId, statement } from '../database/index.ts';
import { acceptReply, type Inbound, titleOf } from './accept.ts';
import type { AcceptedEvents, EventScope } from './accept-events.ts';
import { isBusy, isOwnAccount, isStale, recentMessages } from './accept-statements.ts';
import { acceptStranger } from './accept-stranger.ts';
import { addFiles } from './added-files.ts';
import { joinAlbum } from './album.ts';
import { contextOf, placeOfEvent } from './context.ts';
import { guardHint, suspect, suspectedUntil, writesLikeAProgram } from './loop-guard.ts';
import { bucketOf, forgetRoom, noteUnaddressed } from './room.ts';
import { commandOf, contentOf, type Said, textOfEvent } from './said.ts';
import { type KnownSender, noteSeen, resolveSender } from './sender.ts';
import { answerUnreadable, isUnreadable } from './unsupported.ts';

type Query = Pick<Database, 'query'>;

/** @param botTurns messages of other programs in a row, with this one */
export function inboundOf({ id, teamId, traceId, access }: EventScope, event: Said, botTurns: number) {
  return {
    teamId,
    source: id,
    externalId: event.externalId,
    ...contentOf(event),
    trigger: 'message',
    traceId,
    channel: {
      id,
      type: event.type,
      ref: event.type === 'message' ? event.messageId : undefined,
      album: event.type === 'message' ? event.album : undefined,
      thread: event.thread,
      botTurns,
      context: contextOf(event),
      bucket: access.groups.context === false ? null : (bucketOf(event)?.bucket ?? null),
    },
  } satisfies Inbound;
}

type Known = {
  duplicate: boolean;
  identity_id: string | null;
  person_id: string | null;
  status: IdentityStatus | null;
  stale: boolean;
  conversation_id: string | null;
  agent_id: string | null;
  agent_gone: boolean;
  bot_turns: number;
  recent: number;
  busy: boolean;
  own_program: boolean;
  suspected: boolean;
};

// All that is to be known of an event, in one question.
const look = statement<Known>(`
  SELECT EXISTS (SELECT FROM inbound_event e WHERE e.team_id = $1 AND e.source = $2::text AND e.external_id = $3) AS duplicate,
    i.id AS identity_id, i.person_id, i.status,
    ${isStale('i', '$5::text')} AS stale, c.id AS conversation_id, c.agent_id, a.deleted_at IS NOT NULL AS agent_gone,
    coalesce(c.bot_turns, 0) AS bot_turns, ${recentMessages('c', '$7::int')} AS recent,
    coalesce(${isBusy('c', 'hint')}, false) AS busy, ${isOwnAccount('$2::uuid', '$4::text')} AS own_program,
    coalesce(${suspectedUntil('c', 'i.id')} > now(), false) AS suspected
  FROM (SELECT $8::int AS quick_ms, $9::text AS alike) AS hint LEFT JOIN identity i ON i.channel_id = $2::uuid AND i.external_id = $4
    LEFT JOIN conversation c ON c.channel_id = $2::uuid AND c.thread_key = $6 AND c.left_at IS NULL LEFT JOIN agent a ON a.id = c.agent_id`);

/** @returns why it led to nothing; null: it led to something */
export async function acceptSaid(
  db: Query,
  scope: EventScope,
  event: Said,
  result: AcceptedEvents,
): Promise<string | null> {
  if (event.type === 'message' && event.album !== undefined && (await joinAlbum(db, scope, event)))
    return null;
  const { access } = scope;
  const { sender, direct, threadKey } = event;
  // A button of ours was pressed in what we had said.
  const addressed = event.type === 'action' || event.addressed;
  const knock = { access, direct, addressed, group: event.group ?? null, sender };
  const atOnce = droppedAtOnce(knock);
  if (atOnce === 'not_addressed' && event.type === 'message') {
    const outcome = await noteUnaddressed(db, scope, event, answeredStatuses(knock));
    if (outcome === null || outcome === 'not_addressed') return 'not_addressed';
  } else if (atOnce) return atOnce;
  const known = await lookUp(db, scope, event);
  if (known.duplicate) return event.type === 'message' ? addFiles(db, scope, event, result) : 'duplicate';
  // What another channel of this installation says is a program's, whatever the platform calls it.
  const isProgram = sender.isBot || known.own_program;
  if (isProgram && access.programs === 'ignore') return 'program';
  const admission = admit(knock, known.status ?? 'pending');
  if (admission === 'blocked') return admission;
  if (admission !== 'answer') return acceptStranger(db, scope, event, admission, result);
  if (known.recent >= access.limits.messagesPerMinute) return 'too_many';
  const identity = await identityOf(db, scope, sender, known);
  const said = textOfEvent(event);
  const command = commandOf(event);
  const guarded = { conversationId: known.conversation_id, identity, said };
  const mayRepeat = sender.mayRepeat === true && !known.own_program;
  const isSuspect = known.suspected && !mayRepeat;
  const isLike =
    !isProgram && !mayRepeat && (isSuspect || (known.busy && (await writesLikeAProgram(db, guarded))));
  const botTurns = (isProgram && !mayRepeat) || isLike ? known.bot_turns + 1 : 0;
  const isLoop = isSuspect || botTurns > access.limits.programTurns;
  // Whoever is taken for a program and is none has a way out: commands are answered, and `/new` begins anew.
  if (isLoop && (isProgram || !command)) {
    if (isLike) await suspect(db, scope, guarded, result);
    return 'loop';
  }

  if (event.type === 'message' && isUnreadable(event)) {
    if (!(await store(db, scope, event, { outcome: 'unsupported', identityId: identity.id })))
      return 'duplicate';
    return answerUnreadable(db, scope, event, known.conversation_id, result);
  }

  const routed = {
    workspace: event.workspace ?? null,
    group: event.group ?? null,
    person: isVouchedFor(sender) ? sender.id : null,
    text: said,
  };
  const thread = {
    teamId: scope.teamId,
    channelId: scope.id,
    thread: event.thread,
    threadKey,
    direct,
    title: null as string | null,
    place: placeOfEvent(event),
  };
  let conversation =
    known.conversation_id && known.agent_id ? { id: known.conversation_id, agentId: known.agent_id } : null;

  if (command) {
    if ((await countNotices(db, thread, { minutes: 1 })) >= access.limits.messagesPerMinute)
      return 'too_many';
    if (!(await store(db, scope, event, { outcome: 'command', identityId: identity.id }))) return 'duplicate';
    const answer = await runCommand(db, command, {
      teamId: scope.teamId,
      channelId: scope.id,
      agentId: routedAgent(scope.routes, routed) ?? scope.agentId,
      routes: scope.routes,
      conversation: known.agent_gone ? null : conversation,
      begin: async (agentId) => (await beginThread(db, agentId, thread))?.id ?? null,
    });
    result.stopped.push(...answer.stopped);
    if (command.name === 'new') await forgetRoom(db, scope.id, event);
    await tell(db, scope, event, answer.conversationId, answer.text, result);
    return null;
  }

  const called = calledAgent(scope.routes, routed);
  if (conversation && (known.agent_gone || (called && called !== conversation.agentId))) {
    await leaveThread(db, conversation.id);
    conversation = null;
  }
  if (!conversation) {
    const agentId = called ?? routedAgent(scope.routes, routed) ?? scope.agentId;
    const text = [{ type: 'text' as const, text: said }];
    conversation = agentId ? await beginThread(db, agentId, { ...thread, title: titleOf(text) }) : null;
  }
  if (!conversation) {
    // Two programs that tell each other so would never end.
    if ((await countNotices(db, thread, { text: noAgent, minutes: 1 })) > 0) return 'no_agent';
    if (!(await store(db, scope, event, { outcome: 'no_agent', identityId: identity.id })))
      return 'duplicate';
    await tell(db, scope, event, null, noAgent, result);
    return null;
  }
  const accepted = await acceptReply(db, {
    ...inboundOf(scope, event, botTurns),
    speaker: {
      identityId: identity.id,
      personId: identity.personId,
      vouched: isVouchedFor(sender),
    },
    guest: isGuest(knock, identity.status),
    agentId: conversation.agentId,
    conversationId: conversation.id,
  });
  if (accepted.duplicate) return 'duplicate';
  result.accepted.push(accepted);
  return null;
}

async function lookUp(db: Query, { id, teamId, access }: EventScope, event: Said): Promise<Known> {
  const { externalId, sender, threadKey } = event;
  const { messagesPerMinute } = access.limits;
  const { quick_ms, alike } = guardHint(textOfEvent(event));
  const [known] = await db.query(look, [
    teamId,
    id,
    externalId,
    identityKey(sender),
    sender.name,
    threadKey,
    messagesPerMinute,
    quick_ms,
    alike,
  ]);
  return known!;
}

async function identityOf(
  db: Query,
  { id: channelId, teamId }: EventScope,
  sender: Said['sender'],
  known: Known,
): Promise<KnownSender> {
  const { identity_id: id, person_id: personId, status } = known;
  if (!id || !personId || !status) return resolveSender(db, { channelId, teamId }, sender);
  if (known.stale) await noteSeen(db, id, sender.name);
  return { id, personId, status };
}

const insertEvent = statement<{ id: string }>(`
  INSERT INTO inbound_event (id, team_id, source, external_id, channel_id, type, outcome, identity_id)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
  ON CONFLICT (team_id, source, external_id) DO NOTHING RETURNING id`);

/** An event that leads to no message. False: it was stored before. */
async function store(
  db: Query,
  { id, teamId }: EventScope,
  { externalId, type }: Said,
  { outcome, identityId }: { outcome: string; identityId: string },
): Promise<boolean> {
  const values = [newId(), teamId, id, externalId, id, type, outcome, identityId];
  return (await db.query(insertEvent, values)).length > 0;
}

async function tell(
  db: Query,
  { id: channelId, teamId }: EventScope,
  { thread, threadKey }: Said,
  conversationId: string | null,
  text: string,
  { lanes }: AcceptedEvents,
): Promise<void> {
  const { lane } = await writeNotice(db, { teamId, channelId, thread, threadKey, conversationId, text });
  lanes.add(lane);
}
