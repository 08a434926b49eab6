/** An IRC server that says what a test wants it to: for what ngircd has not, such as SASL, message ids and bans. */
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { createServer as createTlsServer } from 'node:tls';

export interface ScriptServer {
  readonly port: number;
  /** What clients have sent, in order. */
  readonly lines: string[];
  /** Sends a line to everybody. */
  send(line: string): void;
  /** Ends all connections without a word. */
  drop(): void;
  close(): Promise<void>;
}

/** @param answer what the server says to a line; undefined: what servers say to it */
export async function startScriptServer(
  answer: (line: string) => readonly string[] | undefined = () => undefined,
  {
    caps = 'message-tags server-time account-tag sasl=PLAIN',
    certificate,
  }: { caps?: string; certificate?: { cert: string; key: string } } = {},
): Promise<ScriptServer> {
  const sockets = new Set<Socket>();
  const lines: string[] = [];
  const serve = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    createInterface({ input: socket }).on('line', (line) => {
      if (Buffer.byteLength(line) > 510) throw new Error(`A line is too long: ${line}`);
      lines.push(line);
      for (const each of answer(line) ?? usual(line, caps)) socket.write(`${each}\r\n`);
      if (line.startsWith('QUIT')) socket.end();
    });
  };
  const server = certificate ? createTlsServer(certificate, serve) : createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    lines,
    send: (line) => {
      for (const socket of sockets) socket.write(`${line}\r\n`);
    },
    drop: () => {
      for (const socket of sockets) socket.destroy();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** https://modern.ircdocs.horse/#connection-registration, https://ircv3.net/specs/extensions/sasl-3.1 */
function usual(line: string, caps: string): string[] {
  const [command, ...params] = line.split(' ');
  switch (command) {
    case 'CAP':
      if (params[0] === 'LS') return [`:irc.test CAP * LS :${caps}`];
      if (params[0] === 'REQ') return [`:irc.test CAP * ACK ${params.slice(1).join(' ')}`];
      return [
        ':irc.test 001 nightbot :Welcome',
        ':irc.test 005 nightbot CASEMAPPING=rfc1459 CHANTYPES=# USERLEN=10 HOSTLEN=63 BOT=B :are supported',
        ':irc.test 376 nightbot :End of MOTD',
      ];
    case 'AUTHENTICATE':
      if (params[0] === 'PLAIN') return ['AUTHENTICATE +'];
      return [
        ':irc.test 900 nightbot nightbot!~nightshift@host nightbot :You are now logged in',
        ':irc.test 903 nightbot :SASL authentication successful',
      ];
    case 'JOIN':
      return [
        `:nightbot!~nightshift@host JOIN ${params[0]}`,
        `:irc.test 366 nightbot ${params[0]} :End of NAMES`,
      ];
    case 'PING':
      return [`:irc.test PONG irc.test ${params.join(' ')}`];
    case 'QUIT':
      return ['ERROR :Closing link'];
    default:
      return [];
  }
}
