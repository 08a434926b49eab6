/**
 * Meta's webhooks as events. One request may tell of up to a thousand things, in no particular order, more than once
 * and for 7 days, and of all numbers of the business account:
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview
 */
import { createHash } from 'node:crypto';
import {
  type Address,
  ChannelError,
  type InboundEvent,
  type Place,
  type RawRequest,
  type Sender,
} from '../channel.ts';
import { readJson } from '../http.ts';
import { forwardedFrom, nameOf, quotedMessage } from '../particulars.ts';
import { numberPlace } from '../places.ts';
import { unsupportedField } from '../unsupported.ts';
import type { WhatsappConnection } from './connection.ts';
import { readContent } from './content.ts';
import { reasonOf } from './errors.ts';
import { type Contact, Message, Payload, Status, Value } from './payload.ts';
import { unreadKind } from './unread.ts';

/** Names what the platform gave no name. */
const digest = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('base64url');

const ignored = (what: string, externalId: string): InboundEvent => ({ type: 'ignored', externalId, what });

/** See `InboundHook.parse`. */
export function parse(request: RawRequest, { settings }: WhatsappConnection): InboundEvent[] {
  if (request.method === 'GET') return [];
  const payload = Payload.safeParse(readJson(request));
  if (!payload.success) throw new ChannelError('rejected', 'The request is no notification of WhatsApp.');
  return payload.data.entry.flatMap(({ changes }) =>
    changes.flatMap(({ field, value }) => parseChange(field, value, settings.phoneNumberId)),
  );
}

function parseChange(field: string, unread: unknown, phoneNumberId: string): InboundEvent[] {
  const read = Value.safeParse(unread);
  // Of the account, its templates, its calls…
  if (!read.success) return [ignored(field, digest(unread))];
  const value = read.data;
  const { messages, message_echoes, statuses, errors, metadata } = value;
  if (messages.length + message_echoes.length + statuses.length === 0)
    return [ignored(withCodes(field, errors), digest(unread))];
  if (metadata?.phone_number_id !== phoneNumberId)
    return [ignored(`${field} of another number`, digest(unread))];
  return [
    ...messages.map((item) => toMessageEvent(item, value, false)),
    // What people of the business write in the app, beside us.
    ...message_echoes.map((item) => toMessageEvent(item, value, true)),
    ...statuses.map(toStatusEvent),
  ];
}

const words = (...parts: (string | undefined)[]) => parts.filter(Boolean).join(' ');
const withCodes = (what: string, errors: readonly { code: number }[]) =>
  words(what, ...errors.map(({ code }) => String(code)));

/** Whether what we sent was delivered and read, or why not. */
function toStatusEvent(item: unknown): InboundEvent {
  const read = Status.safeParse(item);
  if (!read.success) return ignored('status', digest(item));
  const { id, status, errors = [] } = read.data;
  if (status === 'failed') {
    const [error] = errors;
    return {
      type: 'undelivered',
      externalId: `${id}:${status}`,
      sent: { id },
      reason: { code: String(error?.code ?? 'undelivered'), message: reasonOf(error) },
    };
  }
  return ignored(withCodes(`status ${status}`, errors), `${id}:${status}`);
}

function toMessageEvent(item: unknown, value: Value, isEcho: boolean): InboundEvent {
  const read = Message.safeParse(item);
  if (!read.success) return ignored('message that cannot be read', digest(item));
  const message = read.data;
  const { id: externalId, type } = message;
  if (type === 'revoke' && message.revoke)
    return { type: 'deleted', externalId, messageId: message.revoke.original_message_id };

  const place = placeOf(message, value, isEcho);
  if (!place) return ignored('message from nobody', externalId);
  if (type === 'edit' && message.edit) {
    const { original_message_id: messageId, message: content } = message.edit;
    return { ...place, type: 'edited', externalId, messageId, text: readContent(content)?.text ?? '' };
  }
  if (type === 'interactive') {
    const { button_reply, list_reply, type: kind } = message.interactive ?? {};
    const pressed = button_reply ?? list_reply;
    if (pressed) return { ...place, type: 'action', externalId, value: pressed.id };
    // Asked for by us, and answered elsewhere.
    if (kind === 'call_permission_reply') return ignored(words(type, kind), externalId);
  }
  const said = readContent(message);
  const unread = said ? null : unreadKind(message);
  // Reactions, a changed number, pins…
  if (!said && !unread)
    return ignored(words(type, message.unsupported?.type ?? message.system?.type), externalId);
  const { context } = message;
  const unsupported = [
    ...(unread ? [unread] : []),
    ...(context?.referred_product ? (['product'] as const) : []),
  ];
  return {
    ...place,
    type: 'message',
    externalId,
    messageId: externalId,
    addressed: isOurs(context?.from, value),
    ...(said ?? { text: message.order?.text ?? '', attachments: [] }),
    ...particularsOf(context, value),
    ...unsupportedField(unsupported),
  };
}

/** The words of what is answered are not told, nor whose those are that were passed on. */
function particularsOf(context: Message['context'], value: Value) {
  const { id: messageId, from, forwarded, frequently_forwarded: often } = context ?? {};
  const author = from === undefined ? null : { name: nameAt(from, value), isSelf: isOurs(from, value) };
  return {
    ...(messageId !== undefined && { quoted: quotedMessage({ messageId, author, text: '' }) }),
    ...((forwarded || often) && { forwarded: forwardedFrom(null) }),
  };
}

const nameAt = (number: string, { contacts }: Value) =>
  contacts.find(({ wa_id }) => wa_id !== undefined && digits(wa_id) === digits(number))?.profile?.name;

const digits = (number: string | undefined) => number?.replace(/\D/g, '');

function isOurs(number: string | undefined, { metadata }: Value): boolean {
  return number !== undefined && digits(number) === digits(metadata?.display_phone_number);
}

/** Undefined: it says of nobody that they wrote it. */
function placeOf(message: Message, value: Value, isEcho: boolean) {
  const { id, group_id: group, from, from_user_id } = message;
  const contact = contactOf(message, value);
  // The id stays when somebody hides their number or shows it again. It is there since April 2026.
  const user = from_user_id ?? contact?.user_id;
  const senderId = user ?? from;
  if (senderId === undefined) return undefined;

  const peer = isEcho ? { phone: message.to, user: message.to_user_id } : { phone: from, user };
  const threadKey = group ?? peer.user ?? peer.phone;
  if (threadKey === undefined) return undefined;
  const sender: Sender = {
    id: senderId,
    identity: 'account',
    // An id of a user begins with the country of their number: `US.13491208655302741918`.
    place: from ? numberPlace(from) : (/^([A-Z]{2})\./.exec(senderId)?.[1] ?? null),
    name: nameOf(contact?.profile?.name ?? contact?.profile?.username),
    isBot: false,
    isSelf: isEcho || isOurs(from, value),
  };
  const thread: Address = {
    ...(group !== undefined
      ? { group }
      : { ...(peer.phone && { phone: peer.phone }), ...(peer.user && { user: peer.user }) }),
    message: id,
  };
  const direct = group === undefined;
  // What a group is called is not told.
  const where: Place = { kind: direct ? 'direct' : 'group', name: null };
  return { thread, threadKey, direct, group: group ?? null, where, sender };
}

function contactOf({ from, from_user_id }: Message, { contacts }: Value): Contact | undefined {
  return contacts.find(({ wa_id, user_id }) =>
    from_user_id !== undefined && user_id !== undefined
      ? user_id === from_user_id
      : from !== undefined && wa_id === from,
  );
}
