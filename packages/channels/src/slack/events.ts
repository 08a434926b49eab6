/** From Slack's payloads to neutral events: the same for what comes over HTTP and over the socket. */
import { z } from 'zod';
import {
  type Address,
  ChannelError,
  type IgnoredEvent,
  type InboundAttachment,
  type InboundEvent,
  type Sender,
} from '../channel.ts';
import {
  BlockActions,
  Changed,
  Deleted,
  EventCallback,
  Message,
  type Post,
  type SlackFile,
  SlashCommand,
} from './payload.ts';
import type { SlackConnection } from './settings.ts';
import { mentions, toText, withoutSalutation } from './text.ts';

/**
 * @param fallbackId names what has no id of its own, the same at every delivery
 * @throws {ChannelError} rejected: it is not what Slack sends
 */
export function toEvents(payload: unknown, connection: SlackConnection, fallbackId: string): InboundEvent[] {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload))
    throw new ChannelError('rejected', 'The request is no payload of Slack.');
  if ('command' in payload) return [fromCommand(read(SlashCommand, payload), connection)];
  const { type } = payload as { type?: unknown };
  if (type === 'event_callback') return [fromCallback(read(EventCallback, payload), connection)];
  // Without a channel it comes from somewhere else than a message of ours.
  if (type === 'block_actions' && 'channel' in payload)
    return fromActions(read(BlockActions, payload), fallbackId);
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

function fromCallback(callback: EventCallback, connection: SlackConnection): InboundEvent {
  const { event, team_id: team, event_id: eventId } = callback;
  const { type, subtype } = event;
  const ignored = (what: string): IgnoredEvent => ({ type: 'ignored', externalId: eventId, what });
  if (type !== 'message' && type !== 'app_mention') return ignored(type);

  if (subtype === 'message_deleted') {
    const { channel, deleted_ts: ts } = read(Deleted, event);
    return deletion(team, channel, ts);
  }

  const ours = oursOf(callback, connection);
  if (subtype === 'message_changed') {
    const { channel, message, previous_message, event_ts } = read(Changed, event);
    // A deleted message that has replies stays as a stone.
    if (message.subtype === 'tombstone') return deletion(team, channel, message.ts);
    // Slack has shown a preview of a link, for instance.
    if (message.text === previous_message?.text) return ignored('message.message_changed');
    return {
      ...placeOf(team, channel, message, senderOf(message, ours)),
      type: 'edited',
      externalId: `${team}:${channel}:${message.ts}:edited:${message.edited?.ts ?? event_ts}`,
      messageId: `${channel}:${message.ts}`,
      text: textOf(message, ours),
    };
  }

  if (!spoken.has(subtype)) return ignored(`message.${subtype}`);
  const post = read(Message, event);
  const text = textOf(post, ours);
  const attachments = (post.files ?? []).flatMap(toAttachment);
  if (text.trim() === '' && attachments.length === 0) return ignored(`${type}.empty`);
  return {
    ...placeOf(team, post.channel, post, senderOf(post, ours)),
    type: 'message',
    // One post is one event, though it comes as `message` and as `app_mention`.
    externalId: `${team}:${post.channel}:${post.ts}`,
    messageId: `${post.channel}:${post.ts}`,
    text,
    addressed:
      type === 'app_mention' ||
      mentions(post.text ?? '', ours.users) ||
      ours.users.has(post.parent_user_id ?? ''),
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

/** By what we are known there. */
interface Ours {
  readonly users: ReadonlySet<string>;
  readonly app: string | null;
}

function oursOf({ authorizations, api_app_id: app }: EventCallback, { account }: SlackConnection): Ours {
  const bots = (authorizations ?? []).filter(({ is_bot }) => is_bot);
  const users = [account?.id, ...bots.map(({ user_id }) => user_id)];
  return { users: new Set(users.filter((user) => typeof user === 'string')), app: app ?? null };
}

function senderOf(post: Post, ours: Ours): Sender {
  const { user, bot_id: bot, bot_profile: botProfile, user_profile: profile } = post;
  const app = post.app_id ?? botProfile?.app_id;
  const isSelf = ours.users.has(user ?? '') || (ours.app !== null && app === ours.app);
  const isProgram = Boolean(bot) || post.subtype === 'bot_message' || user === 'USLACKBOT';
  const name = profile?.display_name || profile?.real_name || profile?.name || botProfile?.name;
  return {
    id: user ?? bot ?? 'unknown',
    // What has no user is a program under any name that it likes.
    identity: user ? 'account' : 'name',
    // Of a channel that is shared with another company it is theirs.
    place: post.user_team ?? post.source_team ?? null,
    name: name || post.username || null,
    isBot: isProgram && !isSelf,
    isSelf,
  };
}

const account = (id: string, name: string | null | undefined): Sender => ({
  id,
  identity: 'account',
  name: name ?? null,
  isBot: false,
  isSelf: false,
});

/** Ids of direct messages begin with D, wherever else their kind is not told. */
const isDirect = (channel: string) => channel.startsWith('D');

/** Rooms are answered in threads; a direct conversation goes on where it is. */
function placeOf(team: string, channel: string, { ts, thread_ts }: Post, sender: Sender) {
  return place(team, channel, thread_ts ?? (isDirect(channel) ? null : ts), ts, sender);
}

function place(team: string, channel: string, threadTs: string | null, ts: string | null, sender: Sender) {
  const thread: Address = {
    channel,
    ...(threadTs !== null && { thread_ts: threadTs }),
    ...(ts !== null && { ts }),
  };
  const direct = isDirect(channel);
  return {
    thread,
    threadKey: threadTs === null ? channel : `${channel}:${threadTs}`,
    direct,
    group: direct ? null : channel,
    workspace: team,
    sender,
  };
}

function textOf(post: Post, ours: Ours): string {
  const mrkdwn = post.text ?? '';
  // A mention and nothing more is still something said.
  const said = withoutSalutation(mrkdwn, ours.users) || mrkdwn;
  const shared = (post.attachments ?? [])
    .filter(({ is_share, text }) => is_share && text)
    .map(({ author_name, text }) => `Forwarded from ${author_name || 'somebody'}:\n${text}`);
  const links = (post.files ?? [])
    .filter(isElsewhere)
    .map((file) => `${file.title || file.name || 'File'}: ${file.permalink ?? file.url_private ?? ''}`);
  return [said, ...shared, ...links].map(toText).filter(Boolean).join('\n\n');
}

/** A file of another service, which our token opens nothing at. */
const isElsewhere = ({ is_external, mode }: SlackFile) => is_external === true || mode === 'external';

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
function fromCommand(slash: SlashCommand, { settings }: SlackConnection): InboundEvent {
  const { command, team_id: team, channel_id: channel, user_id: user, user_name: name } = slash;
  const argument = toText(slash.text ?? '').trim();
  const text = command === settings.command ? argument : `${command} ${argument}`.trim();
  return {
    ...place(team, channel, null, null, account(user, name)),
    type: 'message',
    externalId: `command:${slash.trigger_id}`,
    text: text || '/help',
    addressed: true,
    attachments: [],
  };
}

function fromActions(payload: BlockActions, fallbackId: string): InboundEvent[] {
  const { team, user, channel, container, message, actions } = payload;
  const sender = account(user.id, user.name ?? user.username);
  const threadTs = message?.thread_ts ?? container.thread_ts ?? null;
  return actions.map(({ action_id, action_ts, value }, at) =>
    value
      ? {
          ...place(team.id, channel.id, threadTs, container.message_ts, sender),
          type: 'action',
          externalId: `${team.id}:${channel.id}:${container.message_ts}:${action_id}:${action_ts}`,
          value,
        }
      : { type: 'ignored', externalId: `${fallbackId}:${at}`, what: 'block_actions' },
  );
}
