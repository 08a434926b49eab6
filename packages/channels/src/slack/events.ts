/** From Slack's payloads to neutral events: the same for what comes over HTTP and over the socket. */
import { z } from 'zod';
import {
  type Address,
  ChannelError,
  type IgnoredEvent,
  type InboundAttachment,
  type InboundEvent,
  type Place,
  type Sender,
} from '../channel.ts';
import { nameOf, placeNamed } from '../particulars.ts';
import { unsupportedField } from '../unsupported.ts';
import type { KnownNames } from './names.ts';
import { type Ours, oursOf } from './ours.ts';
import {
  BlockActions,
  Changed,
  Deleted,
  EventCallback,
  isElsewhere,
  Message,
  type Post,
  type SlackFile,
  SlashCommand,
} from './payload.ts';
import { sayingOf } from './saying.ts';
import type { SlackConnection } from './settings.ts';
import { mentions, mentionsOthers, toText } from './text.ts';

/**
 * @param fallbackId names what has no id of its own, the same at every delivery
 * @throws {ChannelError} rejected: it is not what Slack sends
 */
export function toEvents(
  payload: unknown,
  connection: SlackConnection,
  names: KnownNames,
  fallbackId: string,
): InboundEvent[] {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload))
    throw new ChannelError('rejected', 'The request is no payload of Slack.');
  if ('command' in payload) return [fromCommand(read(SlashCommand, payload), connection, names)];
  const { type } = payload as { type?: unknown };
  if (type === 'event_callback') return [fromCallback(read(EventCallback, payload), connection, names)];
  // Without a channel it comes from somewhere else than a message of ours.
  if (type === 'block_actions' && 'channel' in payload)
    return fromActions(read(BlockActions, payload), names, fallbackId);
  // Among them: url_verification, app_rate_limited, view_submission, and ssl_check, which has no type.
  return [{ type: 'ignored', externalId: fallbackId, what: typeof type === 'string' ? type : 'untyped' }];
}

function read<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new ChannelError('rejected', `The payload is not as Slack's. ${z.prettifyError(result.error)}`);
}

/** Subtypes of messages in which somebody says something: https://docs.slack.dev/reference/events/message#subtypes */
const spoken = new Set([undefined, null, 'file_share', 'thread_broadcast', 'me_message', 'bot_message']);

function fromCallback(callback: EventCallback, connection: SlackConnection, names: KnownNames): InboundEvent {
  const { event, team_id: team, event_id: eventId } = callback;
  const { type, subtype } = event;
  const ignored = (what: string): IgnoredEvent => ({ type: 'ignored', externalId: eventId, what });
  if (type !== 'message' && type !== 'app_mention') return ignored(type);

  if (subtype === 'message_deleted') {
    const { channel, deleted_ts: ts } = read(Deleted, event);
    return deletion(team, channel, ts);
  }

  const ours = oursOf(callback, connection, names);
  if (subtype === 'message_changed') {
    const { channel, channel_type, message, previous_message, event_ts } = read(Changed, event);
    // A deleted message that has replies stays as a stone.
    if (message.subtype === 'tombstone') return deletion(team, channel, message.ts);
    // Slack has shown a preview of a link, for instance.
    if (message.text === previous_message?.text) return ignored('message.message_changed');
    return {
      ...placeOf(team, { ...message, channel, channel_type }, senderOf(message, ours), ours),
      type: 'edited',
      externalId: `${team}:${channel}:${message.ts}:edited:${message.edited?.ts ?? event_ts}`,
      messageId: `${channel}:${message.ts}`,
      text: sayingOf(message, channel, ours).text,
    };
  }

  if (!spoken.has(subtype)) return ignored(`message.${subtype}`);
  const post = read(Message, event);
  const saying = sayingOf(post, post.channel, ours);
  const attachments = (post.files ?? []).flatMap(toAttachment);
  const isSaid = saying.text !== '' || attachments.length > 0 || saying.unsupported.length > 0;
  if (!isSaid) return ignored(`${type}.empty`);
  const { text, mrkdwn, quoted, forwarded, unsupported } = saying;
  return {
    ...placeOf(team, post, senderOf(post, ours), ours),
    type: 'message',
    // One post is one event, though it comes as `message` and as `app_mention`: files may be in either.
    externalId: `${team}:${post.channel}:${post.ts}`,
    messageId: `${post.channel}:${post.ts}`,
    text,
    addressed:
      type === 'app_mention' || mentions(mrkdwn, ours.users) || ours.users.has(post.parent_user_id ?? ''),
    ...(mentionsOthers(mrkdwn, ours.users) && { mentionsOthers: true }),
    ...(quoted && { quoted }),
    ...(forwarded && { forwarded }),
    ...unsupportedField(unsupported),
    attachments,
  };
}

function deletion(team: string, channel: string, ts: string): InboundEvent {
  return {
    type: 'deleted',
    externalId: `${team}:${channel}:${ts}:deleted`,
    messageId: `${channel}:${ts}`,
  };
}

function senderOf(post: Post, ours: Ours): Sender {
  const { user, bot_id: bot, bot_profile: botProfile, user_profile: profile } = post;
  const app = post.app_id ?? botProfile?.app_id;
  const isSelf = ours.users.has(user ?? '') || (ours.app !== null && app === ours.app);
  const isProgram = Boolean(bot) || post.subtype === 'bot_message' || user === 'USLACKBOT';
  const told = profile?.display_name || profile?.real_name || profile?.name || botProfile?.name;
  const name = told || (user ? ours.names.person(user) : null) || post.username;
  return {
    id: user ?? bot ?? 'unknown',
    // What has no user is a program under any name that it likes.
    identity: user ? 'account' : 'name',
    // Of a channel that is shared with another company it is theirs.
    place: post.user_team ?? post.source_team ?? null,
    name: nameOf(name),
    isBot: isProgram && !isSelf,
    isSelf,
  };
}

const account = (id: string, name: string | null | undefined): Sender => ({
  id,
  identity: 'account',
  name: nameOf(name),
  isBot: false,
  isSelf: false,
});

/** Ids of direct messages begin with D, wherever else their kind is not told. */
const isDirect = (channel: string) => channel.startsWith('D');

/** Rooms are answered in threads; a direct conversation goes on where it is. */
function placeOf(
  team: string,
  {
    channel,
    channel_type,
    ts,
    thread_ts,
  }: Post & { channel: string; channel_type?: string | null | undefined },
  sender: Sender,
  { names }: Ours,
) {
  const room = names.room(channel);
  const kind = thread_ts ? 'thread' : room?.isGroup || channel_type === 'mpim' ? 'group' : 'channel';
  return place(team, channel, {
    threadTs: thread_ts ?? (isDirect(channel) ? null : ts),
    ts,
    where: isDirect(channel) ? direct : placeNamed(kind, room?.name),
    sender,
  });
}

const direct: Place = { kind: 'direct', name: null };

/** Of a room that a person is in just now: Slack then says what it is called, or what it is where it does not say. */
function roomNamed(
  channel: string,
  name: string | null | undefined,
  isThread: boolean,
  names: KnownNames,
): Place {
  if (isDirect(channel)) return direct;
  const isTold = name && name !== 'privategroup' && name !== 'directmessage' && !name.startsWith('mpdm-');
  const known = names.room(channel)?.name ?? (isTold ? `#${name}` : null);
  return placeNamed(isThread ? 'thread' : name?.startsWith('mpdm-') ? 'group' : 'channel', known);
}

interface Spot {
  readonly threadTs: string | null;
  readonly ts: string | null;
  readonly where: Place;
  readonly sender: Sender;
}

function place(team: string, channel: string, { threadTs, ts, where, sender }: Spot) {
  const thread: Address = {
    channel,
    ...(threadTs !== null && { thread_ts: threadTs }),
    ...(ts !== null && { ts }),
  };
  return {
    thread,
    threadKey: threadTs === null ? channel : `${channel}:${threadTs}`,
    direct: isDirect(channel),
    group: isDirect(channel) ? null : channel,
    workspace: team,
    where,
    sender,
  };
}

function toAttachment(file: SlackFile): InboundAttachment[] {
  if (isElsewhere(file) || file.mode === 'tombstone' || file.mode === 'hidden_by_limit') return [];
  // Of files that come from another company's Slack only the id is told: `download` asks for the rest.
  const url = file.url_private_download ?? file.url_private;
  return [
    {
      name: file.name || file.title || file.id,
      mediaType: file.mimetype || 'application/octet-stream',
      bytes: file.size ?? null,
      source: { file: file.id, ...(url && { url }) },
    },
  ];
}

/** Commands have no place in threads: one in a room belongs to the room's own conversation. */
function fromCommand(slash: SlashCommand, { settings }: SlackConnection, names: KnownNames): InboundEvent {
  const { command, team_id: team, channel_id: channel, user_id: user, user_name: name } = slash;
  const argument = toText(slash.text ?? '', names.person).trim();
  const text = command === settings.command ? argument : `${command} ${argument}`.trim();
  const where = roomNamed(channel, slash.channel_name, false, names);
  const sender = account(user, names.person(user) ?? name);
  return {
    ...place(team, channel, { threadTs: null, ts: null, where, sender }),
    type: 'message',
    externalId: `command:${slash.trigger_id}`,
    text: text || '/help',
    addressed: true,
    attachments: [],
  };
}

function fromActions(payload: BlockActions, names: KnownNames, fallbackId: string): InboundEvent[] {
  const { team, user, channel, container, message, actions } = payload;
  const sender = account(user.id, names.person(user.id) ?? user.name ?? user.username);
  const threadTs = message?.thread_ts ?? container.thread_ts ?? null;
  const where = roomNamed(channel.id, channel.name, threadTs !== null, names);
  return actions.map(({ action_id, action_ts, value }, at) =>
    value
      ? {
          ...place(team.id, channel.id, { threadTs, ts: container.message_ts, where, sender }),
          type: 'action',
          externalId: `${team.id}:${channel.id}:${container.message_ts}:${action_id}:${action_ts}`,
          value,
        }
      : { type: 'ignored', externalId: `${fallbackId}:${at}`, what: 'block_actions' },
  );
}
