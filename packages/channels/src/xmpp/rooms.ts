/** The rooms that we are in, and who is there: https://xmpp.org/extensions/xep-0045.html */
import { type Element, xml } from '@xmpp/client';
import { nickOf, ns, roomsOf, type XmppConnection } from './connection.ts';
import { refusedEntries } from './errors.ts';
import type { XmppSession } from './session.ts';

export interface Rooms {
  /** Whether an address, bare, is a room that we were told to be in. */
  has(room: string): boolean;
  /** Our own name there, as the room took it. */
  nickIn(room: string): string;
  /** Whose occupant that is, where the room tells it: a bare address. */
  realAddress(occupant: string): string | undefined;
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

/** Joins what the settings name, and waits until each room has taken or refused us. */
export async function joinRooms(
  { client, listen }: XmppSession,
  { settings }: XmppConnection,
  signal: AbortSignal,
): Promise<Rooms> {
  const rooms = new Map(roomsOf(settings).map((room) => [room.name, room]));
  const nicks = new Map([...rooms.keys()].map((room) => [room, nickOf(settings)]));
  const absences = new Map<string, string>();
  const kicked = new Set<string>();
  const addresses = new Map<string, string>();
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

  function read(stanza: Element): void {
    const { from = '', type } = stanza.attrs;
    const room = bareOf(from);
    if (stanza.name !== 'presence' || !rooms.has(room)) return;
    if (type === 'error') {
      const condition = stanza.getChild('error')?.getChildElements()[0]?.name ?? 'unknown';
      absences.set(room, refusedEntries[condition] ?? condition);
      settle(room);
      return;
    }
    const about = stanza.getChild('x', ns.mucUser);
    const codes = about?.getChildren('status').map(({ attrs }) => attrs.code) ?? [];
    const real = about?.getChild('item')?.attrs.jid;
    if (type !== 'unavailable' && real) addresses.set(from, bareOf(real));
    else addresses.delete(from);
    // 110: this is about ourselves.
    if (!codes.includes('110') && resourceOf(from) !== nicks.get(room)) return;
    if (type !== 'unavailable') {
      nicks.set(room, resourceOf(from));
      absences.delete(room);
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
  clearTimeout(timer);
  return {
    has: (room) => rooms.has(room),
    nickIn: (room) => nicks.get(room) ?? nickOf(settings),
    realAddress: (occupant) => addresses.get(occupant),
    absence: (room) => absences.get(room) ?? null,
    close() {
      stop();
      clearInterval(again);
    },
  };
}
