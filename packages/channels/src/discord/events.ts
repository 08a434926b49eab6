/** From what the gateway dispatches to neutral events: https://docs.discord.com/developers/events/gateway-events */
import type { z } from 'zod';
import type { Address, InboundAttachment, InboundEvent, Place, Sender } from '../channel.ts';
import { forwardedFrom, placeNamed, type Quote, textWithQuote } from '../particulars.ts';
import { idPlace } from '../places.ts';
import { unsupportedField } from '../unsupported.ts';
import { textOfParts, unreadIn } from './content.ts';
import {
  type Attachment,
  Deleted,
  DeletedBulk,
  Interaction,
  isButton,
  isSpoken,
  isThread,
  Message,
  nameOf,
  type User,
} from './payload.ts';
import { type Self, toText } from './text.ts';

export interface Dispatch {
  /** Its name. */
  readonly t: string;
  /** Counts within a session, and is the same when it is dispatched again. */
  readonly s: number;
  readonly d: unknown;
}

/** What a dispatch does not say of its surroundings. */
export interface Surroundings {
  readonly self: Self;
  /** The channel that the thread hangs on; null: it is none. */
  readonly parentId: string | null;
  /** What the channel is called, or of a thread the one that it hangs on; null: nobody says. */
  readonly roomName: string | null;
  readonly sessionId: string;
}

/** What cannot be read is ignored: it would come again for ever. */
export function toEvents({ t, s, d }: Dispatch, around: Surroundings): InboundEvent[] {
  const ignored = (what: string): InboundEvent[] => [
    { type: 'ignored', externalId: `${around.sessionId}:${s}`, what },
  ];
  const read = <T>(schema: z.ZodType<T>, use: (value: T) => InboundEvent[]): InboundEvent[] => {
    const { success, data } = schema.safeParse(d);
    return success ? use(data) : ignored(`${t} that cannot be read`);
  };
  switch (t) {
    case 'MESSAGE_CREATE':
      return read(Message, (message) => {
        if (!isSpoken(message.type)) return ignored(`message of type ${message.type}`);
        const event = said(message, around);
        // Without the Message Content Intent, what is not addressed to us comes without its content.
        const isSaid = event.text !== '' || event.attachments.length > 0 || event.unsupported !== undefined;
        return isSaid ? [event] : ignored('message without content');
      });
    case 'MESSAGE_UPDATE':
      return read(Message, (message) => {
        // Also comes when a link got its preview, or the message was pinned.
        if (!message.edited_timestamp || !isSpoken(message.type)) return ignored('update that is no edit');
        const { thread, threadKey, direct, group, workspace, where, sender, messageId, text, ...event } =
          said(message, around);
        const externalId = `${event.externalId}:${message.edited_timestamp}`;
        const place = { thread, threadKey, direct, group, workspace, where, sender };
        return text
          ? [{ ...place, type: 'edited', externalId, messageId, text }]
          : ignored('edit without content');
      });
    case 'MESSAGE_DELETE':
      return read(Deleted, (message) => [deletion(message.channel_id, message.id)]);
    case 'MESSAGE_DELETE_BULK':
      return read(DeletedBulk, ({ channel_id, ids }) => ids.map((id) => deletion(channel_id, id)));
    case 'INTERACTION_CREATE':
      return read(Interaction, (interaction) => {
        const event = isButton(interaction) ? pressed(interaction, around) : null;
        return event ? [event] : ignored(`interaction of type ${interaction.type}`);
      });
    default:
      return ignored(t);
  }
}

const deletion = (channelId: string, messageId: string): InboundEvent => ({
  type: 'deleted',
  externalId: `${channelId}:${messageId}:deleted`,
  messageId,
});

function said(message: Message, { self, parentId, roomName }: Surroundings) {
  const { id: messageId, channel_id: channelId, author, mentions, mention_roles: roles } = message;
  const snapshots = message.message_snapshots?.map((snapshot) => snapshot.message) ?? [];
  const own = toText(message, self) || textOfParts(message);
  const passedOn = snapshots
    .map((each) => toText({ ...each, mentions: null }, self) || textOfParts(each))
    .filter(Boolean)
    .join('\n\n');
  const files = [message, ...snapshots].flatMap(({ attachments }) => attachments ?? []);
  // Whoever passes a message on without a word says nothing by themselves.
  const text = own || passedOn;
  const quote = own && passedOn ? { text: passedOn } : answeredBy(message, self);
  const isBlank = text === '' && files.length === 0;
  const addressed =
    (mentions?.some(({ id }) => id === self.id) ?? false) ||
    message.referenced_message?.author.id === self.id ||
    (self.roleId !== null && (roles?.includes(self.roleId) ?? false));
  const isOfOthers =
    (mentions?.some(({ id }) => id !== self.id) ?? false) ||
    (roles?.some((role) => role !== self.roleId) ?? false);
  return {
    ...placeOf({
      ...{ channelId, messageId, guildId: message.guild_id, parentId, roomName },
      isThread: isThread(message.channel_type),
    }),
    externalId: `${channelId}:${messageId}`,
    type: 'message' as const,
    messageId,
    // What a webhook says has the webhook as its author.
    sender: senderOf(author, message.member?.nick, {
      // A webhook is an address that whoever knows it can post to, under any name.
      identity: message.webhook_id ? 'name' : 'account',
      isBot: Boolean(author.bot || message.webhook_id),
      isSelf: author.id === self.id,
    }),
    ...textWithQuote(text, quote),
    addressed,
    ...(isOfOthers && { mentionsOthers: true }),
    // Discord does not say whose it was.
    ...(own === '' && snapshots.length > 0 && { forwarded: forwardedFrom(null) }),
    ...unsupportedField(unreadIn(message, [message, ...snapshots], isBlank)),
    attachments: files.map((file) => toAttachment(file, channelId, messageId)),
  };
}

/** https://docs.discord.com/developers/resources/message#message-reference-types */
const forwards = 1;

/** What it answers to, which may no longer be there. */
function answeredBy(message: Message, self: Self): Quote | undefined {
  const { message_reference: reference, referenced_message: answered } = message;
  if (answered) {
    const { id, author, member } = answered;
    return {
      messageId: id ?? reference?.message_id ?? null,
      author: { name: nameOf(author, member?.nick), isSelf: author.id === self.id },
      text: toText({ content: answered.content, mentions: answered.mentions }, self) || textOfParts(answered),
    };
  }
  const messageId = reference?.message_id;
  if (!messageId || reference?.type === forwards) return undefined;
  return { messageId, text: '' };
}

function pressed(interaction: Interaction, { roomName }: Surroundings): InboundEvent | null {
  const { id, channel_id: channelId, guild_id: guildId, channel, member, message, data } = interaction;
  const user = member?.user ?? interaction.user;
  if (!user || !channelId || !message || !data?.custom_id) return null;
  const inThread = isThread(channel?.type);
  const parentId = inThread ? (channel?.parent_id ?? null) : null;
  const name = inThread ? roomName : channel?.name ? `#${channel.name}` : null;
  return {
    ...placeOf({ channelId, messageId: message.id, guildId, parentId, roomName: name, isThread: inThread }),
    type: 'action',
    externalId: `interaction:${id}`,
    sender: senderOf(user, member?.nick, { identity: 'account', isBot: Boolean(user.bot), isSelf: false }),
    value: data.custom_id,
  };
}

/** Ids hold the time when an account was made: https://docs.discord.com/developers/reference#snowflakes */
const accountsOfAMonth = BigInt(30 * 86_400_000) << 22n;

interface Spot {
  channelId: string;
  messageId: string;
  guildId: string | null | undefined;
  parentId: string | null;
  roomName: string | null;
  isThread: boolean;
}

/** A thread is a channel of its own there; what has no server is between one person and us. */
function placeOf({ channelId, messageId, guildId, parentId, roomName, isThread: inThread }: Spot) {
  const thread: Address = { channelId, messageId, ...(guildId && { guildId }) };
  const where: Place = guildId
    ? placeNamed(inThread ? 'thread' : 'channel', roomName)
    : { kind: 'direct', name: null };
  return {
    thread,
    threadKey: channelId,
    direct: !guildId,
    group: guildId ? (parentId ?? channelId) : null,
    workspace: guildId ?? null,
    where,
  };
}

const senderOf = (
  user: User,
  nick: string | null | undefined,
  who: Pick<Sender, 'identity' | 'isBot' | 'isSelf'>,
): Sender => ({ id: user.id, place: idPlace(user.id, accountsOfAMonth), name: nameOf(user, nick), ...who });

function toAttachment(file: Attachment, channelId: string, messageId: string): InboundAttachment {
  return {
    name: file.filename,
    mediaType: file.content_type ?? 'application/octet-stream',
    bytes: file.size ?? null,
    // The address ends after a day; by the ids a new one can be asked for.
    source: { url: file.url, channelId, messageId, attachmentId: file.id },
  };
}
