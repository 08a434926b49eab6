/**
 * The inbox's door for channels: what happened on a platform becomes messages and runs, answers of the server itself, or
 * nothing. A batch is one transaction.
 */
import {
  type ActionEvent,
  type ChannelAccess,
  type ChannelRoute,
  type IdentityStatus,
  type InboundEvent,
  type MessageEvent,
  maxAttachments,
  maxMessageLength,
  type StoredPart,
} from '@nightshift/contracts';
import {
  admit,
  announceFiles,
  beginThread,
  calledAgent,
  droppedAtOnce,
  issueCode,
  leaveThread,
  noAgent,
  parseCommand,
  routedAgent,
  runCommand,
  type StoppedRun,
  writeNotice,
} from '../channels/index.ts';
import {
  type Database,
  isDatabaseUnavailable,
  newId,
  run,
  statement,
  transaction,
} from '../database/index.ts';
import { type Accepted, acceptReply, titleOf } from './accept.ts';
import { amendMessage } from './amend.ts';

/** The channel that the events came through. */
export interface EventScope {
  id: string;
  teamId: string;
  agentId: string | null;
  access: ChannelAccess;
  routes: readonly ChannelRoute[];
  traceId?: string | undefined;
}

/** What there is to do once it is committed. */
export interface AcceptedEvents {
  /** Messages whose runs are to be woken. */
  accepted: Accepted[];
  /** Lanes of the outbox that have something to send. */
  lanes: Set<string>;
  stopped: StoppedRun[];
  /** Why events led to nothing → how many. */
  dropped: Map<string, number>;
  /** How many led to something. */
  taken: number;
}

type Query = Pick<Database, 'query'>;
type Said = MessageEvent | ActionEvent;

export interface Batch {
  /** More that is to be committed with the events, or not at all: before them, in the same transaction. */
  before?(db: Query): Promise<void>;
  /** An event that the database will never take. It is dropped, or it would come again for ever and hold up the rest. */
  onDefect(error: unknown, event: InboundEvent): void;
}

/**
 * Stores what the events lead to: all of them, or none when it throws. Those that were stored before are dropped.
 *
 * @throws when the database is away, or what `before` throws
 */
export async function acceptEvents(
  db: Database,
  scope: EventScope,
  events: readonly InboundEvent[],
  { before, onDefect }: Batch,
): Promise<AcceptedEvents> {
  const attempt = (
    each: (query: Query, work: () => Promise<string | null>, event: InboundEvent) => Promise<string | null>,
  ) =>
    transaction(db.pool, async (client) => {
      const query: Query = { query: (sql, values) => run(client, sql, values) };
      await before?.(query);
      const result = nothing();
      for (const event of events.map(storable)) {
        const dropped = await each(query, () => acceptEvent(query, scope, event, result), event);
        if (dropped === null) result.taken += 1;
        else result.dropped.set(dropped, (result.dropped.get(dropped) ?? 0) + 1);
      }
      return result;
    });
  const [first, ...more] = events;
  if (first?.type === 'message' && more.length === 0 && !before) {
    const accepted = await acceptKnown(db, scope, storable(first));
    if (accepted) return { ...nothing(), accepted: [accepted], taken: 1 };
  }
  let defect: unknown;
  try {
    return await attempt((_query, work) =>
      work().catch((error) => {
        defect = error;
        throw error;
      }),
    );
  } catch (error) {
    if (error !== defect || isDatabaseUnavailable(error)) throw error;
  }
  // One of them is at fault. Each on its own then, so that it takes nothing else along.
  return attempt(async (query, work, event) => {
    await query.query(savepoint);
    try {
      return await work();
    } catch (error) {
      if (isDatabaseUnavailable(error)) throw error;
      await query.query(rollback);
      onDefect(error, event);
      return 'defect';
    }
  });
}

const nothing = (): AcceptedEvents => ({
  accepted: [],
  lanes: new Set(),
  stopped: [],
  dropped: new Map(),
  taken: 0,
});

const savepoint = statement('SAVEPOINT event');
const rollback = statement('ROLLBACK TO SAVEPOINT event');

/** Without what Postgres cannot store: NUL characters and halves of surrogate pairs. */
function storable<T>(value: T): T {
  if (typeof value === 'string') return value.toWellFormed().replaceAll('\0', '') as T;
  if (Array.isArray(value)) return value.map(storable) as T;
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, storable(each)])) as T;
}

/** @returns why it led to nothing; null: it led to something */
async function acceptEvent(
  db: Query,
  scope: EventScope,
  event: InboundEvent,
  result: AcceptedEvents,
): Promise<string | null> {
  switch (event.type) {
    case 'ignored':
      return 'ignored';
    case 'edited':
    case 'deleted':
      return amendMessage(db, scope, event);
    case 'message':
    case 'action':
      return acceptSaid(db, scope, event, result);
  }
}

type Look = {
  duplicate: boolean;
  identity_id: string | null;
  person_id: string | null;
  status: IdentityStatus | null;
  stale: boolean;
  conversation_id: string | null;
  agent_id: string | null;
  agent_gone: boolean;
  thread: object | null;
  bot_turns: number;
  recent: number;
};

// All that is to be known of an event, in one question. Most events meet a sender and a thread that are known.
const look = statement<Look>(`
  SELECT EXISTS (SELECT FROM inbound_event e WHERE e.team_id = $1 AND e.source = $2::text AND e.external_id = $3) AS duplicate,
    i.id AS identity_id, i.person_id, i.status,
    i.last_seen_at < now() - interval '1 minute' OR ($5::text IS NOT NULL AND i.name IS DISTINCT FROM $5) AS stale,
    c.id AS conversation_id, c.agent_id, a.deleted_at IS NOT NULL AS agent_gone, c.thread, coalesce(c.bot_turns, 0) AS bot_turns,
    (SELECT count(*)::int FROM (SELECT m.created_at FROM message m WHERE m.conversation_id = c.id AND m.role = 'user'
      ORDER BY m.seq DESC LIMIT $7) AS m WHERE m.created_at > now() - interval '1 minute') AS recent
  FROM (SELECT) AS one LEFT JOIN identity i ON i.channel_id = $2::uuid AND i.external_id = $4
    LEFT JOIN conversation c ON c.channel_id = $2::uuid AND c.thread_key = $6 AND c.left_at IS NULL LEFT JOIN agent a ON a.id = c.agent_id`);

async function acceptSaid(
  db: Query,
  scope: EventScope,
  event: Said,
  result: AcceptedEvents,
): Promise<string | null> {
  const { access } = scope;
  const { sender, direct, threadKey } = event;
  // A button of ours was pressed in what we had said.
  const addressed = event.type === 'action' || event.addressed;
  const knock = { access, direct, addressed, group: event.group ?? null, sender };
  const atOnce = droppedAtOnce(knock);
  if (atOnce) return atOnce;
  const known = await lookUp(db, scope, event);
  if (known.duplicate) return 'duplicate';
  const identity = await meet(db, scope.id, scope.teamId, sender, known);
  const admission = admit(knock, identity.status);
  if (admission === 'pair') return pair(db, scope, event, identity.id, result);
  if (admission !== 'answer') return admission;
  if (known.recent >= access.limits.messagesPerMinute) return 'too_many';
  if (sender.isBot && known.bot_turns >= access.limits.programTurns) return 'loop';

  const said = textOfEvent(event);
  const routed = {
    workspace: event.workspace ?? null,
    group: event.group ?? null,
    person: sender.id,
    text: said,
  };
  const thread = {
    teamId: scope.teamId,
    channelId: scope.id,
    thread: event.thread,
    threadKey,
    direct,
    title: null as string | null,
  };
  let conversation =
    known.conversation_id && known.agent_id ? { id: known.conversation_id, agentId: known.agent_id } : null;

  const command = parseCommand(said);
  if (command) {
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
  } else if (!sameAddress(known.thread, event.thread)) {
    await beginThread(db, conversation.agentId, thread);
  }
  if (!conversation) {
    if (!(await store(db, scope, event, { outcome: 'no_agent', identityId: identity.id })))
      return 'duplicate';
    await tell(db, scope, event, null, noAgent, result);
    return null;
  }
  await countTurns(db, conversation.id, sender.isBot, known.bot_turns);
  const accepted = await say(db, scope, event, { identity, conversation });
  if (accepted.duplicate) return 'duplicate';
  result.accepted.push(accepted);
  return null;
}

async function lookUp(db: Query, { id, teamId, access }: EventScope, event: Said): Promise<Look> {
  const { externalId, sender, threadKey } = event;
  const { messagesPerMinute } = access.limits;
  const [known] = await db.query(look, [
    teamId,
    id,
    externalId,
    sender.id,
    sender.name,
    threadKey,
    messagesPerMinute,
  ]);
  return known!;
}

/**
 * Most messages come alone, from somebody who is known, in a thread that is known, and change nothing else: one
 * statement takes them, without a transaction. Null: this one is not so plain.
 */
async function acceptKnown(db: Query, scope: EventScope, event: MessageEvent): Promise<Accepted | null> {
  const { access, routes } = scope;
  const { sender, direct, group = null, workspace = null, addressed, text, attachments = [] } = event;
  const knock = { access, direct, addressed, group, sender };
  if (sender.isBot || attachments.length > 0 || droppedAtOnce(knock) || parseCommand(text)) return null;
  if (calledAgent(routes, { workspace, group, person: sender.id, text })) return null;
  const known = await lookUp(db, scope, event);
  const {
    identity_id: identityId,
    person_id: personId,
    conversation_id: conversationId,
    agent_id: agentId,
  } = known;
  const isPlain =
    !known.duplicate &&
    !known.stale &&
    !known.agent_gone &&
    known.bot_turns === 0 &&
    known.recent < access.limits.messagesPerMinute &&
    sameAddress(known.thread, event.thread);
  if (!isPlain || !identityId || !personId || !known.status || !conversationId || !agentId) return null;
  if (admit(knock, known.status) !== 'answer') return null;
  const accepted = await say(db, scope, event, {
    identity: { id: identityId, personId },
    conversation: { id: conversationId, agentId },
  });
  // Two deliveries of it at once: the other one was first.
  return accepted.duplicate ? null : accepted;
}

interface Placed {
  identity: { id: string; personId: string };
  conversation: { id: string; agentId: string };
}

/** Adds the message to its conversation, and wakes nobody. */
async function say(
  db: Query,
  { id, teamId, traceId }: EventScope,
  event: Said,
  { identity, conversation }: Placed,
): Promise<Accepted> {
  return acceptReply(db, {
    teamId,
    source: id,
    externalId: event.externalId,
    content: await contentOf(db, teamId, conversation.id, event),
    trigger: 'message',
    traceId,
    channel: {
      id,
      identityId: identity.id,
      personId: identity.personId,
      type: event.type,
      ref: event.type === 'message' ? event.messageId : undefined,
    },
    agentId: conversation.agentId,
    conversationId: conversation.id,
  });
}

const textOfEvent = (event: Said) => (event.type === 'action' ? event.value : event.text);

/** By value: the order of keys is nobody's. */
function sameAddress(stored: object | null, now: object): boolean {
  const flat = (address: object) => JSON.stringify(Object.entries(address).sort());
  return stored !== null && flat(stored) === flat(now);
}

async function contentOf(
  db: Query,
  teamId: string,
  conversationId: string,
  event: Said,
): Promise<StoredPart[]> {
  const said = textOfEvent(event);
  const attachments = (event.type === 'message' && event.attachments) || [];
  const files = await announceFiles(db, { teamId, conversationId }, attachments);
  const left = attachments.length - files.length;
  const notes = [
    ...(said.length > maxMessageLength ? [`[The message was longer: only its beginning is here.]`] : []),
    ...(left > 0
      ? [`[${left} more files came with this message; at most ${maxAttachments} are taken.]`]
      : []),
  ];
  const text = [said.slice(0, maxMessageLength).toWellFormed(), ...notes].filter(Boolean).join('\n\n');
  return [...(text ? [{ type: 'text' as const, text }] : []), ...files];
}

const addPerson = statement(`
  WITH met AS (
    INSERT INTO person (id, team_id, name) VALUES ($1, $2, $3) RETURNING id
  )
  INSERT INTO identity (id, channel_id, person_id, external_id, name) SELECT $4, $5, met.id, $6, $7 FROM met`);

const findIdentity = statement<{ id: string; person_id: string; status: IdentityStatus }>(`
  SELECT id, person_id, status FROM identity WHERE channel_id = $1 AND external_id = $2`);

const meetLock = statement(`SELECT pg_advisory_xact_lock(hashtextextended($1, 7306012))`);

const seen = statement(`
  UPDATE identity SET last_seen_at = now(), name = coalesce($2, name) WHERE id = $1`);

interface Met {
  id: string;
  personId: string;
  status: IdentityStatus;
}

async function meet(
  db: Query,
  channelId: string,
  teamId: string,
  sender: Said['sender'],
  known: Look,
): Promise<Met> {
  if (known.identity_id && known.person_id && known.status) {
    if (known.stale) await db.query(seen, [known.identity_id, sender.name]);
    return { id: known.identity_id, personId: known.person_id, status: known.status };
  }
  // Two first messages of one sender at once must not make two people.
  await db.query(meetLock, [`${channelId}/${sender.id}`]);
  const find = async () => (await db.query(findIdentity, [channelId, sender.id]))[0];
  let row = await find();
  if (!row) {
    const name = sender.name ?? sender.id;
    await db.query(addPerson, [newId(), teamId, name, newId(), channelId, sender.id, sender.name]);
    row = (await find())!;
  }
  return { id: row.id, personId: row.person_id, status: row.status };
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
  lanes.add(await writeNotice(db, { teamId, channelId, thread, threadKey, conversationId, text }));
}

async function pair(
  db: Query,
  scope: EventScope,
  event: Said,
  identityId: string,
  result: AcceptedEvents,
): Promise<string | null> {
  if (!(await store(db, scope, event, { outcome: 'pairing', identityId }))) return 'duplicate';
  const thread = { to: event.thread, key: event.threadKey };
  const text = await issueCode(db, { channelId: scope.id, identityId, thread });
  if (!text) return 'stranger';
  await tell(db, scope, event, null, text, result);
  return null;
}

const turns = statement(`UPDATE conversation SET bot_turns = $2 WHERE id = $1`);

async function countTurns(db: Query, conversationId: string, isBot: boolean, before: number): Promise<void> {
  const now = isBot ? before + 1 : 0;
  if (now !== before) await db.query(turns, [conversationId, now]);
}
