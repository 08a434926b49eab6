/** What an event says of its sender, its place and what it refers to: bounded, and as a message keeps it. */
import {
  contextLimits,
  cutText,
  type MessageContext,
  type MessageEvent,
  type Place,
  shortenText,
} from '@nightshift/contracts';
import type { Said } from './said.ts';

const { name: maxName, quote: maxQuote, addressees: maxAddressees, kind: maxKind } = contextLimits;

const nameOf = (name: string | null | undefined, max: number = maxName): string | null =>
  name === null || name === undefined ? null : shortenText(name.slice(0, 4 * max).trim(), max) || null;

/** A platform may send anything: each name, quote and list is cut before anything else looks at the event. */
export function boundEvent<Event extends { type: string }>(event: Event): Event {
  if (!('sender' in event)) return event;
  const { sender, where } = event as unknown as Said;
  return {
    ...event,
    sender: { ...sender, name: nameOf(sender.name) },
    ...(where && { where: { kind: where.kind, name: nameOf(where.name) } }),
    ...(event.type === 'message' && boundReferences(event as unknown as MessageEvent)),
  };
}

function boundReferences({
  quoted,
  forwarded,
  addressees,
  unsupported,
}: MessageEvent): Partial<MessageEvent> {
  return {
    ...(quoted && {
      quoted: {
        messageId: quoted.messageId === null ? null : cutText(quoted.messageId, contextLimits.id),
        author: quoted.author && { name: nameOf(quoted.author.name), isSelf: quoted.author.isSelf },
        text: shortenText(quoted.text, maxQuote),
      },
    }),
    ...(forwarded && { forwarded: { from: nameOf(forwarded.from) } }),
    ...(addressees && { addressees: { to: listOf(addressees.to), cc: listOf(addressees.cc) } }),
    ...(unsupported && {
      unsupported: [
        ...new Set(unsupported.slice(0, contextLimits.unsupported).map((kind) => cutText(kind, maxKind))),
      ],
    }),
  };
}

/** The first of them, and how many more there were. */
function listOf(addresses: readonly string[]): string[] {
  const left = addresses.length - maxAddressees;
  const first = addresses.slice(0, left > 0 ? maxAddressees - 1 : maxAddressees);
  const names = first.flatMap((address) => nameOf(address, contextLimits.addressee) ?? []);
  return left > 0 ? [...names, `and ${addresses.length - first.length} more`] : names;
}

/** Where it was said; an adapter that does not tell knows at least whether others read along. */
export const placeOfEvent = ({ where, direct }: Said): Place =>
  where ?? { kind: direct ? 'direct' : 'group', name: null };

/** As a message keeps it. The event has been through `boundEvent`. */
export function contextOf(event: Said): MessageContext {
  const { quoted, forwarded, addressees, unsupported } =
    event.type === 'message' ? event : ({} as Partial<MessageEvent>);
  return {
    sender: { name: event.sender.name },
    where: placeOfEvent(event),
    ...(quoted && { quoted }),
    ...(forwarded && { forwarded }),
    ...(addressees && { addressees }),
    ...(unsupported && unsupported.length > 0 && { unsupported }),
  };
}
