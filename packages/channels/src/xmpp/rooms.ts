/** The rooms that we are in, and who is there: https://xmpp.org/extensions/xep-0045.html */
import { type Element, xml } from '@xmpp/client';
import { nickOf, ns, roomsOf, type XmppConnection } from './connection.ts';
import { askInfo } from './disco.ts';
import { refusedEntries } from './errors.ts';
import type { XmppSession } from './session.ts';

export interface Rooms {
  /** Whether an address, bare, is a room that we were told to be in. */
  has(room: string): boolean;
  /** Our own name there, as the room took it. */
  nickIn(room: string): string;
  /** Whose occupant that is, where the room tells it: a bare address. */
  realAddress(occupant: string): string | undefined;
  /**
   * The room's service says that it stamps every message with the occupant's id, and so takes away what senders wrote
   * there. Otherwise such an id is what anybody likes: https://xmpp.org/extensions/xep-0421.html#support
   */
  stampsOccupants(room: string): boolean;
  /** What it calls itself; null: nothing. */
  title(room: string): string | null;
  /** Why we are not in a room; null: we are, or it is none. */
  absence(room: string): string | null;
  close(): void;
}

const joinPatienceMs = 15_000;

/** A room that let us not in may do so later. In milliseconds. */
const againMs = 5 * 60_000;

export const bareOf = (address: string) => address.split('/', 1)[0]!.toLowerCase();
export const resourceOf = (address: string) => {
  const at = address.indexOf('/');
  return at < 0 ? '' : address.slice(at + 1);
};

const codesOf = (stanza: Element) =>
  stanza
    .getChildren('x', ns.mucUser)
    .flatMap((about) => about.getChildren('status').map(({ attrs }) => attrs.code));

/** Joins what the settings name, and waits until each room has taken or refused us. */
export async function joinRooms(
  session: XmppSession,
  { settings }: XmppConnection,
  signal: AbortSignal,
): Promise<Rooms> {
  const { client, listen } = session;
  const rooms = new Map(roomsOf(settings).map((room) => [room.name, room]));
  const nicks = new Map([...rooms.keys()].map((room) => [room, nickOf(settings)]));
  const absences = new Map<string, string>();
  const kicked = new Set<string>();
  const addresses = new Map<string, string>();
  const stamping = new Set<string>();
  const titles = new Map<string, string>();
  const asked = new Map<string, Promise<void>>();
  const open = new Set(rooms.keys());
  const settled = Promise.withResolvers<void>();

  const join = (name: string) => {
    const room = rooms.get(name)!;
    const entry = xml(
      'x',
      { xmlns: ns.muc },
      // What was said before is not for us.
      xml('history', { maxstanzas: '0' }),
      room.password && xml('password', {}, room.password),
    );
    // What fails here, the end of the connection tells.
    client.send(xml('presence', { to: `${name}/${nicks.get(name)}` }, entry)).catch(() => undefined);
  };
  const settle = (name: string) => {
    open.delete(name);
    if (open.size === 0) settled.resolve();
  };

  async function askFeatures(name: string): Promise<void> {
    const info = await askInfo(session, name);
    if (info?.name) titles.set(name, info.name);
    if (info?.features.has(ns.occupantId)) stamping.add(name);
    else stamping.delete(name);
  }

  function read(stanza: Element): void {
    const { from = '', type } = stanza.attrs;
    const room = bareOf(from);
    if (!rooms.has(room)) return;
    // 104: the room was set up in another way.
    if (stanza.name === 'message' && resourceOf(from) === '' && codesOf(stanza).includes('104'))
      asked.set(room, askFeatures(room));
    if (stanza.name !== 'presence') return;
    if (type === 'error') {
      const condition = stanza.getChild('error')?.getChildElements()[0]?.name ?? 'unknown';
      absences.set(room, refusedEntries[condition] ?? condition);
      settle(room);
      return;
    }
    const about = stanza.getChild('x', ns.mucUser);
    const codes = codesOf(stanza);
    // A service that lets an occupant's own word through beside its own tells nobody's address.
    const isService = stanza.getChildren('x', ns.mucUser).length === 1;
    const real = isService ? about?.getChild('item')?.attrs.jid : undefined;
    if (type !== 'unavailable' && real) addresses.set(from, bareOf(real));
    else addresses.delete(from);
    // 110: this is about ourselves.
    if (!codes.includes('110') && resourceOf(from) !== nicks.get(room)) return;
    if (type !== 'unavailable') {
      nicks.set(room, resourceOf(from));
      absences.delete(room);
      asked.set(room, askFeatures(room));
      settle(room);
      return;
    }
    const by = about?.getChild('item')?.getChildText('reason');
    // 307: kicked; 301: banned; 321, 322: no member any more; 332: the service stops.
    if (codes.includes('307') && !kicked.has(room)) join(room);
    if (codes.includes('307') || codes.includes('301')) kicked.add(room);
    if (!codes.includes('303'))
      absences.set(room, `we were sent out of it${by ? ` ("${by}")` : ''}. Resume this channel to try again`);
  }
  const stop = listen(read);
  const again = setInterval(() => {
    for (const name of absences.keys()) if (!kicked.has(name)) join(name);
  }, againMs);

  for (const name of rooms.keys()) join(name);
  if (rooms.size === 0) settled.resolve();
  const timer = setTimeout(settled.resolve, joinPatienceMs);
  signal.addEventListener('abort', () => settled.resolve(), { once: true });
  await settled.promise;
  await Promise.all(asked.values());
  clearTimeout(timer);
  return {
    has: (room) => rooms.has(room),
    nickIn: (room) => nicks.get(room) ?? nickOf(settings),
    realAddress: (occupant) => addresses.get(occupant),
    stampsOccupants: (room) => stamping.has(room),
    title: (room) => titles.get(room) ?? null,
    absence: (room) => absences.get(room) ?? null,
    close() {
      stop();
      clearInterval(again);
    },
  };
}
