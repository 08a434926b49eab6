/** What comes over the connection, and who sends over it. */
import type { IrcMessage } from 'irc-framework';
import type { ConnectContext, Connector, InboundEvent, InboundSink } from '../channel.ts';
import { createMailbox } from '../mailbox.ts';
import { untilAborted } from '../until-aborted.ts';
import type { Credentials, IrcConnection, Settings } from './connection.ts';
import { toEvent } from './events.ts';
import { joinRooms, type Rooms } from './rooms.ts';
import { type IrcSession, openSession } from './session.ts';

/** What sending finds in its context. */
export interface Outlet {
  readonly session: IrcSession;
  readonly rooms: Rooms;
}

const maxBatch = 100;

export const connector: Connector<Credentials, Settings> = { connect: untilAborted(stayConnected) };

async function stayConnected(
  connection: IrcConnection,
  sink: InboundSink,
  context: ConnectContext,
): Promise<void> {
  const session = await openSession(connection, context);
  const mailbox = createMailbox<InboundEvent>(session);
  const { client } = session;
  const leave = () => mailbox.end();
  context.signal.addEventListener('abort', leave, { once: true });
  if (context.signal.aborted) leave();
  void session.ended.then(mailbox.end);
  const around = {
    fold: (name: string) => client.caseLower(name),
    isChannel: (target: string) => client.network.isChannelName(target),
  };
  session.listen((message: IrcMessage) => {
    const event = toEvent(message, { ...around, nick: client.user.nick });
    if (event) mailbox.put(event);
  });
  let rooms: Rooms | undefined;
  try {
    // The network marks what we say as a program's: https://ircv3.net/specs/extensions/bot-mode
    const mode = client.network.supports('bot');
    if (typeof mode === 'string') client.raw(`MODE ${client.user.nick} +${mode}`);
    rooms = await joinRooms(session, connection, context.signal);
    const outlet: Outlet = { session, rooms };
    if (!context.signal.aborted) context.connected(outlet);
    for (;;) {
      const batch = await mailbox.take(maxBatch);
      if (!batch) return;
      await sink.commit(batch);
    }
  } finally {
    context.signal.removeEventListener('abort', leave);
    rooms?.close();
    await session.close();
  }
}
