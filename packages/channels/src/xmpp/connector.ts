/** What comes over the connection, and who sends over it. */
import { type Element, xml } from '@xmpp/client';
import type { ConnectContext, Connector, InboundSink } from '../channel.ts';
import { createMailbox } from '../mailbox.ts';
import { untilAborted } from '../until-aborted.ts';
import { watchForBots } from './bots.ts';
import { type Credentials, ns, roomsOf, type Settings, type XmppConnection } from './connection.ts';
import { toEvent } from './events.ts';
import { joinRooms, type Rooms } from './rooms.ts';
import { openSession, type XmppSession } from './session.ts';

/** What sending finds in its context. */
export interface Outlet {
  readonly session: XmppSession;
  readonly rooms: Rooms;
}

const maxBatch = 100;

/** The same each time: whoever connects takes the place of a connection of ours that is dead and does not know it. */
const resource = 'nightshift';

export const connector: Connector<Credentials, Settings> = { connect: untilAborted(stayConnected) };

async function stayConnected(
  connection: XmppConnection,
  sink: InboundSink,
  context: ConnectContext,
): Promise<void> {
  const session = await openSession(connection, context, resource);
  const { client, address } = session;
  const mailbox = createMailbox<Element>(session);
  const leave = () => mailbox.end();
  context.signal.addEventListener('abort', leave, { once: true });
  if (context.signal.aborted) leave();
  void session.ended.then(mailbox.end);
  const answerContacts = ({ name, attrs: { type, from } }: Element) => {
    if (name === 'presence' && type === 'subscribe' && from && connection.settings.contacts === 'accept')
      client.send(xml('presence', { type: 'subscribed', to: from })).catch(() => undefined);
  };
  session.listen(answerContacts);
  session.listen((stanza) => stanza.name === 'message' && mailbox.put(stanza));
  const names = new Set(roomsOf(connection.settings).map(({ name }) => name));
  const bots = watchForBots(session, (room) => names.has(room));
  let rooms: Rooms | undefined;
  try {
    // What was kept for us while we were away comes from here on.
    await client.send(xml('presence', {}));
    rooms = await joinRooms(session, connection, context.signal);
    const outlet: Outlet = { session, rooms };
    if (!context.signal.aborted) context.connected(outlet);
    for (;;) {
      const batch = await mailbox.take(maxBatch);
      if (!batch) return;
      const events = batch.map((stanza) => toEvent(stanza, { address, bots, rooms: outlet.rooms }));
      await sink.commit(events.filter((event) => event !== null));
      for (const stanza of batch) confirm(stanza, session);
    }
  } finally {
    context.signal.removeEventListener('abort', leave);
    rooms?.close();
    bots.close();
    await session.close();
  }
}

/** Tells whoever wants to know that their message has arrived: https://xmpp.org/extensions/xep-0184.html */
function confirm(stanza: Element, { client }: XmppSession): void {
  const { from, id, type } = stanza.attrs;
  if (stanza.name !== 'message' || !from || !id || type === 'error' || type === 'groupchat') return;
  if (!stanza.getChild('request', ns.receipts)) return;
  const received = xml('received', { xmlns: ns.receipts, id });
  // A courtesy: when the connection is gone, they send it again or ask.
  client.send(xml('message', { to: from, type: 'chat' }, received)).catch(() => undefined);
}
