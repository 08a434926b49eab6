/** A connection to an IRC network: registered, logged in, and kept until it ends. */

import { randomInt } from 'node:crypto';
import type { Socket } from 'node:net';
import { cutText } from '@nightshift/contracts';
import irc, { type IrcClient, type IrcMessage } from 'irc-framework';
import { type CallContext, ChannelError } from '../channel.ts';
import { resolveHost } from '../sockets.ts';
import { type IrcConnection, portOf } from './connection.ts';
import { brokenOff, closedFor, refusedEntry } from './errors.ts';
import { createFloodBucket, type FloodBucket } from './flood.ts';
import { transportTo } from './transport.ts';

export interface IrcSession {
  readonly client: IrcClient;
  readonly flood: FloodBucket;
  /** Why the connection ended; pending while it stands. */
  readonly ended: Promise<ChannelError>;
  /** Aborts when it has: for what is waited for meanwhile, and forgotten afterwards. */
  readonly gone: AbortSignal;
  /** Calls the listener for each line of the server, until the function that is returned is called. */
  listen(listener: (message: IrcMessage) => void): () => void;
  /** Stops reading, and goes on: what the server has for us waits there. */
  pause(): void;
  resume(): void;
  /** Says goodbye. */
  close(): Promise<void>;
}

/** How long a server has to let us in, in milliseconds. Some look up who we are for 10 s and more. */
const patienceMs = 30_000;
const partingMs = 1_000;

/** @throws {ChannelError} auth: refused for good · retry: for now · rejected: sockets may not go there */
export async function openSession(
  connection: IrcConnection,
  context: CallContext,
  nick: string = connection.settings.nick,
): Promise<IrcSession> {
  const { credentials, settings } = connection;
  const { host, encryption, login } = settings;
  const port = portOf(settings);
  const address = await resolveHost(host, port, context);
  const account = settings.account ?? settings.nick;
  const { password } = credentials;
  let socket: Socket | undefined;
  const client = new irc.Client({
    nick,
    username: 'nightshift',
    gecos: settings.nick,
    // What somebody asks of our client is not answered: each answer would be a line that a stranger causes.
    version: '',
    auto_reconnect: false,
    account: login === 'sasl' && password !== undefined ? { account, password } : {},
    ...(credentials.serverPassword !== undefined && { password: credentials.serverPassword }),
    transport: transportTo({ address, port, tlsHost: encryption === 'tls' ? host : null }, (opened) => {
      socket = opened;
    }),
  });
  const { promise: ended, resolve: end } = Promise.withResolvers<ChannelError>();
  const listeners = new Set<(message: IrcMessage) => void>();
  let farewell: ChannelError | undefined;
  client.connection.on('message', (message: IrcMessage) => {
    if (message.command === 'ERROR') farewell ??= closedFor(message.params.at(-1) ?? '');
    for (const listener of listeners) listener(message);
  });
  const gone = new AbortController();
  client.on('socket close', (error: Error | false) => {
    end(farewell ?? brokenOff(error || undefined));
    gone.abort();
  });
  const session: IrcSession = {
    client,
    flood: createFloodBucket(),
    ended,
    gone: gone.signal,
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    pause: () => void socket?.pause(),
    resume: () => void socket?.resume(),
    async close() {
      client.raw('QUIT :Goodbye');
      const parting = setTimeout(() => client.connection.end(undefined, true), partingMs);
      await ended;
      clearTimeout(parting);
    },
  };
  client.connect();
  try {
    await register(session, connection, nick, context.signal);
    return session;
  } catch (error) {
    client.connection.end(undefined, true);
    throw error;
  }
}

/** Two digits behind as much of a nick as the narrowest server takes: RFC 2812, 1.2.1 has nine characters. */
export const nickBeside = (nick: string) => `${cutText(nick, 7)}${randomInt(10, 100)}`;

/** What to try where a nick is taken. */
const otherNicks = (nick: string) => [`${nick}_`, nickBeside(nick), nickBeside(nick)];

const loggedIn = new Set(['900', '903']);

/** Until the server has let us in, under a nick and with an account. @throws {ChannelError} */
async function register(
  session: IrcSession,
  { credentials, settings }: IrcConnection,
  nick: string,
  signal: AbortSignal,
): Promise<void> {
  const { client } = session;
  const nicks = otherNicks(nick);
  const entered = Promise.withResolvers<void>();
  const identified = Promise.withResolvers<void>();
  let isIdentified = false;
  const refuse = (error: ChannelError) => {
    entered.reject(error);
    identified.reject(error);
  };
  // Each is awaited in its turn.
  entered.promise.catch(() => undefined);
  identified.promise.catch(() => undefined);
  const isTaken = (command: string, name = '') =>
    command === '433' ||
    (command === '437' && !client.network.isChannelName(name)) ||
    // Too long for this server, though the one that is wanted was not.
    (command === '432' && name !== nick);
  const stop = session.listen(({ command, params }) => {
    const said = params.at(-1) ?? '';
    if (command === '001') entered.resolve();
    else if (loggedIn.has(command)) {
      isIdentified = true;
      identified.resolve();
    } else if (isTaken(command, params[1])) {
      const next = nicks.shift();
      if (next) client.raw(`NICK ${next}`);
      else
        refuse(new ChannelError('retry', `The nick ${nick} and those like it are taken on the IRC network.`));
    } else if (command === '421' && params[1] === 'NICKSERV')
      refuse(
        new ChannelError(
          'auth',
          'The IRC network has no NickServ to log in at. Choose SASL, or no password.',
        ),
      );
    else {
      const refusal = refusedEntry(command, said);
      if (refusal) refuse(refusal);
    }
  });
  const late = () => refuse(new ChannelError('retry', 'The IRC server did not let us in in time.'));
  const timer = setTimeout(late, patienceMs);
  signal.addEventListener('abort', late, { once: true });
  void session.ended.then(refuse);
  try {
    await entered.promise;
    if (credentials.password === undefined) return;
    if (settings.login === 'nickserv') {
      // A command of the server: a message would go to whoever has the nick NickServ.
      client.raw(`NICKSERV IDENTIFY ${settings.account ?? settings.nick} ${credentials.password}`);
      client.on('notice', ({ nick: from, message }: { nick?: string; message: string }) => {
        if (
          from &&
          client.caseLower(from) === 'nickserv' &&
          /invalid|incorrect|wrong|not registered/i.test(message)
        )
          refuse(new ChannelError('auth', `NickServ refuses the account or its password: "${message}".`));
      });
    } else if (!isIdentified) {
      throw new ChannelError(
        'auth',
        'The IRC server offers no SASL. Choose NickServ as the way to log in, or no password.',
      );
    }
    await identified.promise;
  } finally {
    stop();
    clearTimeout(timer);
    signal.removeEventListener('abort', late);
  }
}
