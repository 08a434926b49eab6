/**
 * Messages that the API does not show, or that nobody here reads.
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/unsupported
 */
import { type UnsupportedKind, unknownKind } from '../unsupported.ts';
import type { Message } from './payload.ts';

/** Types of messages that nobody says anything by, also where the API only tells that there was one. */
const notices = new Set([
  ...['reaction', 'system', 'request_welcome', 'poll_update', 'pin', 'keep_in_chat', 'edit', 'revoke'],
  ...['link_preview', 'group_invite', 'hsm'],
]);

/** Those that are read: without what their type promises they say nothing. */
const readable = new Set([
  ...['text', 'button', 'image', 'video', 'audio', 'document', 'sticker', 'location', 'contacts'],
]);

const kinds: Readonly<Record<string, UnsupportedKind>> = {
  order: 'order',
  product: 'product',
  interactive: 'form',
  poll_creation: 'poll',
  event: 'event',
  sticker: 'sticker',
  gif: 'media',
  image: 'media',
  video: 'video',
  audio: 'audio',
  document: 'file',
  media_placeholder: 'media',
  location: 'location',
  contacts: 'contact',
  view_once: 'view-once message',
};

const kindOf = (type: string): UnsupportedKind => (Object.hasOwn(kinds, type) ? kinds[type]! : unknownKind);

/** What a message without words and files is. Null: a notice, or not what it says that it is. */
export function unreadKind({ type, unsupported }: Message): UnsupportedKind | null {
  if (type !== 'unsupported') return notices.has(type) || readable.has(type) ? null : kindOf(type);
  const hidden = unsupported?.type;
  if (hidden === undefined) return unknownKind;
  return notices.has(hidden) ? null : kindOf(hidden);
}
