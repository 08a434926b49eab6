/** A mailbox behind a real IMAP server, Hoodiecrow, on loopback. */
import type { AddressInfo, Socket } from 'node:net';
import hoodiecrow from 'hoodiecrow-imap';
import { account } from './account.ts';

export interface ImapServer {
  readonly port: number;
  /** A mail arrives. `at`: when, in milliseconds of the epoch. */
  deliver(raw: string | Uint8Array, at?: number): void;
  /** Of each mail, in their order. */
  flags(): string[][];
  /** How often a command came. */
  count(command: string): number;
  /** Breaks all connections off. */
  drop(): void;
  /** From now on the mail of this number is not handed out: the answer is NO, or the connection ends. */
  refuse(uid: number, how: 'no' | 'drop'): void;
  close(): Promise<void>;
}

export interface ImapOptions {
  uidValidity?: number;
  /** The first one that is given. */
  uidNext?: number;
  /** Mails that are there before. */
  mails?: readonly (string | Uint8Array)[];
  /** Whether the server can tell of new mail by itself. Default: it can. */
  idle?: boolean;
  tls?: { key: string; cert: string };
  /** Default: a free one. */
  port?: number;
}

/** As far as it is looked at here. */
interface ParsedCommand {
  tag: string;
  attributes?: readonly { value?: unknown }[];
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** As IMAP writes it: 17-Jul-1996 02:44:25 +0000. */
function internalDate(at: number): string {
  const [date = '', time = ''] = new Date(at).toISOString().split(/[T.]/);
  const [year, month, day] = date.split('-');
  return `${day}-${months[Number(month) - 1]}-${year} ${time} +0000`;
}

const bytes = (raw: string | Uint8Array) => Buffer.from(raw).toString('latin1');

export async function startImapServer({
  uidValidity = 1,
  uidNext = 1,
  mails = [],
  idle = true,
  tls,
  port = 0,
}: ImapOptions = {}): Promise<ImapServer> {
  const server = hoodiecrow({
    plugins: ['ID', 'SASL-IR', 'AUTH-PLAIN', 'XOAUTH2', 'LITERALPLUS', ...(idle ? ['IDLE'] : [])],
    ...(tls && { secureConnection: true, credentials: tls }),
    users: {
      [account.user]: {
        password: account.password,
        xoauth2: { accessToken: account.accessToken, sessionTimeout: 3_600_000 },
      },
    },
    storage: {
      INBOX: {
        uidvalidity: uidValidity,
        uidnext: uidNext,
        messages: mails.map((raw) => ({ raw: bytes(raw), internaldate: internalDate(Date.now()) })),
      },
      '': {},
    },
  });
  const sockets = new Set<Socket>();
  server.server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
  });
  const counts = new Map<string, number>();
  const refused = new Map<string, 'no' | 'drop'>();
  const drop = () => {
    for (const socket of sockets) socket.destroy();
  };
  for (const command of ['IDLE', 'LOGIN', 'AUTHENTICATE PLAIN', 'NOOP', 'UID FETCH', 'STARTTLS']) {
    const handler = server.getCommandHandler(command);
    if (!handler) continue;
    server.setCommandHandler(command, (connection, parsed, data, callback) => {
      counts.set(command, (counts.get(command) ?? 0) + 1);
      const { tag, attributes } = parsed as ParsedCommand;
      const how = command === 'UID FETCH' ? refused.get(String(attributes?.[0]?.value)) : undefined;
      if (how === 'drop') return drop();
      if (how === 'no') {
        const text = { type: 'TEXT', value: '[SERVERBUG] Internal error occurred' };
        connection.send({ tag, command: 'NO', attributes: [text] }, 'REFUSED', parsed, data);
        return callback();
      }
      handler(connection, parsed, data, callback);
    });
  }
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port: (server.server.address() as AddressInfo).port,
    deliver: (raw, at = Date.now()) => server.appendMessage('INBOX', [], internalDate(at), bytes(raw)),
    flags: () => server.getMailbox('INBOX').messages.map(({ flags = [] }) => flags),
    count: (command) => counts.get(command) ?? 0,
    drop,
    refuse: (uid, how) => void refused.set(String(uid), how),
    close: () =>
      new Promise((resolve) => {
        server.server.close(() => resolve());
        drop();
      }),
  };
}
