/** From stanzas to neutral events: https://www.rfc-editor.org/rfc/rfc6121#section-5.2 */
import { createHash, randomUUID } from 'node:crypto';
import type { Element } from '@xmpp/client';
import type { InboundAttachment, InboundEvent, Place, Sender } from '../channel.ts';
import { readMention } from '../mention.ts';
import { forwardedFrom, nameOf, placeNamed, type Quote, textWithQuote } from '../particulars.ts';
import { domainPlace } from '../places.ts';
import { type UnsupportedKind, unsupportedField } from '../unsupported.ts';
import { bodyOf } from './body.ts';
import type { Bots } from './bots.ts';
import { ns } from './connection.ts';
import { encryptionOf } from './encryption.ts';
import { bareOf, type Rooms, resourceOf } from './rooms.ts';

/** What a stanza does not say of its surroundings. */
export interface Surroundings {
  /** Our own, bare. */
  readonly address: string;
  readonly rooms: Pick<Rooms, 'has' | 'nickIn' | 'realAddress' | 'stampsOccupants'> &
    Partial<Pick<Rooms, 'title'>>;
  readonly bots: Pick<Bots, 'has'>;
}

/** Null: it has nothing to do with a conversation. */
export function toEvent(stanza: Element, around: Surroundings): InboundEvent | null {
  const { from = '', type = 'normal', id } = stanza.attrs;
  if (stanza.name !== 'message' || from === '' || type === 'error' || type === 'headline') return null;
  const { address, rooms } = around;
  const room = rooms.has(bareOf(from)) ? bareOf(from) : null;
  const externalId = idOf(stanza, room ?? address);
  const ignored = (what: string): InboundEvent => ({ type: 'ignored', externalId, what });
  const isGroup = type === 'groupchat';
  // Copies of what our own account said or heard elsewhere.
  if (stanza.getChild('received', ns.carbons) || stanza.getChild('sent', ns.carbons))
    return ignored('carbon');
  if (room !== null && isReplayed(stanza, room)) return ignored('history of a room');
  const encryption = encryptionOf(stanza);
  if (encryption === 'keys') return ignored('keys for encryption');

  const sender = senderOf(stanza, room, around);
  const said = (messageId: string) => `${room ? from : bareOf(from)} ${messageId}`;
  const place = {
    externalId,
    thread: { to: isGroup ? room! : room ? from : bareOf(from), type: isGroup ? 'groupchat' : 'chat' },
    // A nick may be somebody else's tomorrow.
    threadKey: isGroup ? room! : room ? `${room} ${sender.id}` : bareOf(from),
    direct: !isGroup,
    group: isGroup ? room : null,
    workspace: null,
    where: isGroup
      ? placeNamed('channel', rooms.title?.(room!) ?? room!.slice(0, room!.indexOf('@')))
      : direct,
    sender,
  };
  const retracted = stanza.getChild('retract', ns.retract)?.attrs.id;
  if (retracted && !isGroup) return { type: 'deleted', externalId, messageId: said(retracted) };
  const body = encryption === null ? bodyOf(stanza) : { text: '', quote: '' };
  const attachments = encryption === null ? attachmentsOf(stanza) : [];
  const passedOn = encryption === null ? forwardedIn(stanza) : null;
  // A client that shows no files shows where they are.
  const own = attachments.some(({ source }) => source.url === body.text) ? '' : body.text;
  const text = own || (passedOn?.text ?? '');
  const unsupported = unreadIn(stanza, encryption !== null);
  if (text === '' && attachments.length === 0 && unsupported.length === 0) return null;
  if (isGroup && resourceOf(from) === '') return ignored('message of a room itself');
  const corrected = stanza.getChild('replace', ns.correct)?.attrs.id;
  if (corrected && encryption === null)
    return text === '' ? null : { ...place, type: 'edited', messageId: said(corrected), text };

  const nick = room === null ? '' : rooms.nickIn(room);
  const occupantOf = (to: string) =>
    bareOf(to) === room
      ? { name: resourceOf(to), isSelf: resourceOf(to) === nick }
      : { name: bareOf(to), isSelf: bareOf(to) === address };
  const mention = isGroup ? readMention(text, nick, fold) : { addressed: true, text };
  // Reactions in rooms name the room's id of a message, elsewhere the sender's: XEP-0444, 4.2
  const reactable = isGroup ? stanzaIdBy(stanza, room!) : id;
  const isPassedOn = own === '' && passedOn !== null;
  const quote =
    own !== '' && passedOn ? quoteOf(passedOn, address) : answeredBy(stanza, body.quote, occupantOf);
  return {
    ...place,
    thread: { ...place.thread, ...(reactable && { messageId: reactable }) },
    type: 'message',
    ...(id && { messageId: said(id) }),
    ...textWithQuote(mention.text, quote),
    ...(isPassedOn && { forwarded: forwardedFrom(bareOf(passedOn.from)) }),
    ...(mentionsOthers(stanza, address) && { mentionsOthers: true }),
    ...unsupportedField(unsupported),
    addressed: mention.addressed || isAnswerTo(stanza, `${room}/${nick}`) || isReferenceTo(stanza, address),
    attachments,
  };
}

const direct: Place = { kind: 'direct', name: null };

/**
 * A room plays again what was said before, and says when (https://xmpp.org/extensions/xep-0045.html#enter-history); so
 * do servers for what they kept for us, which is ours to answer. Programs of people stamp live messages in their own
 * name, for instance those that were written without a connection: https://xmpp.org/extensions/xep-0203.html
 */
function isReplayed(stanza: Element, room: string): boolean {
  const service = room.slice(room.indexOf('@') + 1);
  const stamps = [...stanza.getChildren('delay', ns.delay), ...stanza.getChildren('x', ns.delayed)];
  return stamps.some(({ attrs: { from, stamp } }) =>
    // Whoever played it again would have said so, and we ask rooms for nothing of before.
    from === undefined ? stamp === undefined : [room, service].includes(from.toLowerCase()),
  );
}

function unreadIn(stanza: Element, isEncrypted: boolean): UnsupportedKind[] {
  return [
    ...(isEncrypted ? (['encrypted message'] as const) : []),
    ...(stanza.getChild('propose', ns.call) ? (['call'] as const) : []),
  ];
}

interface PassedOn {
  readonly text: string;
  readonly from: string;
}

/** Without the copies of our own account, which are in `received` and `sent`: https://xmpp.org/extensions/xep-0297.html */
function forwardedIn(stanza: Element): PassedOn | null {
  const message = stanza.getChild('forwarded', ns.forward)?.getChild('message');
  const text = message ? bodyOf(message).text : '';
  return text === '' ? null : { text, from: message?.attrs.from ?? '' };
}

const quoteOf = ({ text, from }: PassedOn, address: string): Quote => ({
  author: from === '' ? null : { name: bareOf(from), isSelf: bareOf(from) === address },
  text,
});

/** https://xmpp.org/extensions/xep-0461.html */
function answeredBy(
  stanza: Element,
  text: string,
  who: (address: string) => { name: string; isSelf: boolean },
): Quote | undefined {
  const { to, id } = stanza.getChild('reply', ns.reply)?.attrs ?? {};
  if (!id) return undefined;
  const from = stanza.attrs.type === 'groupchat' ? to : bareOf(to ?? '');
  return { messageId: from ? `${from} ${id}` : id, author: to ? who(to) : null, text };
}

/** Letters of one length: names of rooms are compared without case. */
const fold = (text: string) =>
  text.replace(/\p{Lu}/gu, (letter) => {
    const lower = letter.toLowerCase();
    return lower.length === letter.length ? lower : letter;
  });

/**
 * Servers vouch for addresses, and rooms for whose occupant somebody is: by the address that they tell, or by the id that
 * they stamp. A nick is whoever takes it.
 */
function senderOf(stanza: Element, room: string | null, { address, rooms, bots }: Surroundings): Sender {
  const from = stanza.attrs.from!;
  const isBot = bots.has(from);
  const known = (id: string) =>
    ({ id, identity: 'account', place: domainPlace(id.slice(id.indexOf('@') + 1)) }) as const;
  if (room === null)
    return { ...known(bareOf(from)), name: nameOf(bareOf(from)), isBot, isSelf: bareOf(from) === address };
  const nick = resourceOf(from);
  const real = rooms.realAddress(from);
  const stamped = stanza.getChildren('occupant-id', ns.occupantId);
  const occupant = rooms.stampsOccupants(room) && stamped.length === 1 ? stamped[0]?.attrs.id : undefined;
  return {
    ...(real !== undefined
      ? known(real)
      : occupant
        ? { id: `${room}#${occupant}`, identity: 'account', place: room }
        : {
            id: from,
            identity: 'name',
            place: room,
            advice: `Write to me at ${address} from your own address, instead of through the room.`,
          }),
    name: nameOf(nick),
    isBot,
    isSelf: nick === rooms.nickIn(room),
  };
}

/** Only who is named as its maker can have made it: https://xmpp.org/extensions/xep-0359.html#security */
const stanzaIdBy = (stanza: Element, by: string) =>
  stanza.getChildren('stanza-id', ns.stanzaId).find(({ attrs }) => bareOf(attrs.by ?? '') === by)?.attrs.id;

function idOf(stanza: Element, by: string): string {
  const { from = '', id } = stanza.attrs;
  const given = stanzaIdBy(stanza, by);
  if (given) return `stanza:${by} ${given}`;
  // The sender's own, so that nobody takes another one's.
  if (id) return createHash('sha256').update(`${from}\n${id}`).digest('base64url');
  return randomUUID();
}

/** https://xmpp.org/extensions/xep-0461.html */
const isAnswerTo = (stanza: Element, occupant: string) =>
  stanza.getChild('reply', ns.reply)?.attrs.to === occupant;

/** https://xmpp.org/extensions/xep-0372.html#usecase_mention */
const isReferenceTo = (stanza: Element, address: string) =>
  stanza
    .getChildren('reference', ns.reference)
    .some(({ attrs }) => attrs.type === 'mention' && attrs.uri?.toLowerCase() === `xmpp:${address}`);

const mentionsOthers = (stanza: Element, address: string) =>
  stanza
    .getChildren('reference', ns.reference)
    .some(
      ({ attrs }) => attrs.type === 'mention' && attrs.uri && attrs.uri.toLowerCase() !== `xmpp:${address}`,
    );

/** https://xmpp.org/extensions/xep-0066.html */
function attachmentsOf(stanza: Element): InboundAttachment[] {
  return stanza
    .getChildren('x', ns.oob)
    .map((x) => x.getChildText('url')?.trim() ?? '')
    .filter((url) => /^https?:\/\//.test(url) && URL.canParse(url))
    .map((url) => ({
      name: nameIn(url),
      // The server that has the file says it.
      mediaType: 'application/octet-stream',
      bytes: null,
      source: { url },
    }));
}

function nameIn(url: string): string {
  const last = new URL(url).pathname.split('/').at(-1) ?? '';
  try {
    return decodeURIComponent(last) || 'file';
  } catch {
    return last;
  }
}
