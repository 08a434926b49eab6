/**
 * Several files that somebody sends at once come as a message each, with one `media_group_id`; the words are on one of
 * them (https://core.telegram.org/bots/api#message). Whoever has them all can put them together again.
 */
import type { InboundEvent, MessageEvent } from '../channel.ts';

/** Neighbours of one album become one message. */
export function joinAlbums(events: readonly InboundEvent[]): InboundEvent[] {
  const joined: InboundEvent[] = [];
  for (const event of events) {
    const last = joined.at(-1);
    if (last && isSameAlbum(last, event)) joined[joined.length - 1] = join(last, event);
    else joined.push(event);
  }
  return joined;
}

/** Whether the last event is of an album, whose rest may be still to come. */
export function endsInAlbum(events: readonly InboundEvent[]): boolean {
  const last = events.at(-1);
  return last?.type === 'message' && last.album !== undefined;
}

function isSameAlbum(one: InboundEvent, other: InboundEvent): one is MessageEvent {
  return (
    one.type === 'message' &&
    other.type === 'message' &&
    one.album !== undefined &&
    one.album === other.album &&
    one.threadKey === other.threadKey
  );
}

function join(first: MessageEvent, next: InboundEvent): MessageEvent {
  if (next.type !== 'message') return first;
  // An edit comes for the message that has the words.
  const speaking = first.text || !next.text ? first : next;
  return {
    ...first,
    ...(speaking.messageId !== undefined && { messageId: speaking.messageId }),
    text: [first.text, next.text].filter(Boolean).join('\n\n'),
    addressed: first.addressed || next.addressed,
    ...(next.quoted && !first.quoted && { quoted: next.quoted }),
    ...(next.forwarded && !first.forwarded && { forwarded: next.forwarded }),
    ...(next.mentionsOthers && { mentionsOthers: true }),
    attachments: [...(first.attachments ?? []), ...(next.attachments ?? [])],
  };
}
