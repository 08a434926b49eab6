/** Updates to neutral events. */
import { ChannelError, type InboundEvent, type RawRequest } from '../channel.ts';
import { readJson } from '../http.ts';
import { nameOf, textWithQuote } from '../particulars.ts';
import { idPlace } from '../places.ts';
import { attachmentsOf } from './attachments.ts';
import type { Me } from './connection.ts';
import { contentOf, fullName, noticeIn, particularsOf, quoteIn, whereIs } from './particulars.ts';
import { isAddressed, readableText } from './text.ts';
import { type CallbackQuery, type Message, Update, type User } from './updates.ts';

/** See `InboundHook.parse`: a request is one update. */
export function parseRequest(request: RawRequest, me: Me): InboundEvent[] {
  return [toEvent(readJson(request), me)];
}

/** The id of the callback query that a request brings: until it is answered, the button that was pressed looks busy. */
export function pressedButton(request: RawRequest): string | undefined {
  return Update.safeParse(readJson(request)).data?.callback_query?.id;
}

/** @throws {ChannelError} rejected: it is no update */
export function toEvent(json: unknown, me: Me): InboundEvent {
  const read = Update.safeParse(json);
  if (read.success) return eventOf(read.data, me);
  // One update that is not as documented must not hold up those after it.
  const { update_id: id } = (json ?? {}) as { update_id?: unknown };
  if (!Number.isSafeInteger(id)) throw new ChannelError('rejected', 'It is no update: it has no update_id.');
  return { type: 'ignored', externalId: `update:${id}`, what: `${kindOf(json as object)}.malformed` };
}

/** At most one field of an update is there beside its id, and that is what it is. */
const kindOf = (update: object) => Object.keys(update).find((key) => key !== 'update_id') ?? 'empty';

function eventOf(update: Update, me: Me): InboundEvent {
  const { message, edited_message: edited, callback_query: query } = update;
  const ignored = (what: string): InboundEvent => ({
    type: 'ignored',
    externalId: `update:${update.update_id}`,
    what,
  });

  if (query) return toAction(query, me) ?? ignored('callback_query');
  const about = message ?? edited;
  if (!about) return ignored(kindOf(update));
  const kind = message ? 'message' : 'edited_message';
  const odd = oddityOf(about);
  if (odd) return ignored(`${kind}.${odd}`);
  const placed = placeOf(about, me);
  if (!placed) return ignored(`${kind}.anonymous`);

  const messageId = idOf(about);
  const text = readableText(about, me);
  if (edited) {
    // Two edits may fall into one second, so that their date would not tell them apart.
    const externalId = `edited:${messageId}:${update.update_id}`;
    return text
      ? { ...placed, type: 'edited', externalId, messageId, text }
      : ignored(`${kind}.${contentOf(about)}`);
  }
  const notice = noticeIn(about);
  if (notice) return ignored(`${kind}.${notice}`);
  const attachments = attachmentsOf(about);
  const particulars = particularsOf(about, me);
  if (!text && attachments.length === 0 && !particulars.unsupported)
    return ignored(`${kind}.${contentOf(about)}`);
  return {
    ...placed,
    type: 'message',
    // Update ids are drawn anew after a quiet week, message ids never.
    externalId: `message:${messageId}`,
    messageId,
    ...textWithQuote(text, quoteIn(about, me)),
    addressed: isAddressed(about, me),
    attachments,
    ...particulars,
    ...(about.media_group_id !== undefined && { album: about.media_group_id }),
  };
}

/** Ids of messages count within their chat. */
const idOf = ({ chat, message_id }: Message) => `${chat.id}:${message_id}`;

/** What looks like a message to us, and is none that could be answered. */
function oddityOf(message: Message): string | undefined {
  if (message.chat.type === 'channel') return 'channel';
  if (message.is_automatic_forward) return 'is_automatic_forward';
  // Their message ids are 0; they are answered in ways of their own.
  return ['ephemeral_message_id', 'direct_messages_topic', 'guest_query_id'].find((name) => name in message);
}

function toAction(query: CallbackQuery, me: Me): InboundEvent | undefined {
  const { message, data } = query;
  // Of a game, or of a message that was sent through the bot to where it is not.
  if (!message || !data || message.chat.type === 'channel') return undefined;
  return {
    ...placeIn(message),
    type: 'action',
    externalId: `callback_query:${query.id}`,
    sender: personOf(query.from, me),
    value: data,
  };
}

function placeOf(message: Message, me: Me) {
  const { from, sender_chat: chat } = message;
  // When a chat speaks (an anonymous administrator, a channel), `from` is a made-up user for older programs.
  if (chat)
    return {
      ...placeIn(message),
      // Whoever may speak for it does: all administrators of a group, all writers of a channel.
      sender: {
        id: String(chat.id),
        identity: 'name' as const,
        name: nameOf(chat.title),
        isBot: false,
        isSelf: false,
      },
    };
  return from && { ...placeIn(message), sender: personOf(from, me) };
}

function placeIn(message: Message) {
  const { chat, message_id, message_thread_id: topic, is_topic_message: inTopic } = message;
  const direct = chat.type === 'private';
  const chatId = String(chat.id);
  const thread = inTopic && topic !== undefined ? { message_thread_id: String(topic) } : {};
  return {
    thread: { chat_id: chatId, ...thread, message_id: String(message_id) },
    threadKey: [chatId, ...Object.values(thread)].join(':'),
    direct,
    group: direct ? null : chatId,
    where: whereIs(message),
  };
}

/** Newer accounts have higher ids. */
const accountsOfAFewWeeks = 10_000_000n;

function personOf(user: User, me: Me) {
  const { id, is_bot: isBot } = user;
  return {
    id: String(id),
    identity: 'account' as const,
    place: idPlace(String(id), accountsOfAFewWeeks),
    name: nameOf(fullName(user)),
    isBot,
    isSelf: String(id) === me.id,
  };
}
