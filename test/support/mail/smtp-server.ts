/** A real SMTP server on loopback that keeps what it is sent, and answers as a test says. */
import type { AddressInfo } from 'node:net';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer } from 'smtp-server';
import { account } from './account.ts';

export interface ReceivedMail {
  readonly from: string;
  readonly to: string[];
  readonly raw: string;
  readonly mail: Email;
}

/** When a refusal comes: at the greeting, the login, the sender, a recipient, or for the message. */
export type Stage = 'connect' | 'auth' | 'from' | 'to' | 'data';

/** hang: takes the message and never answers · drop: takes it and breaks the connection off. */
export type SmtpReaction =
  | { status: number; text?: string; at?: Stage; only?: string }
  | 'hang'
  | 'drop'
  | null;

export interface SmtpServer {
  readonly port: number;
  readonly received: ReceivedMail[];
  connections(): number;
  react(how: () => SmtpReaction): void;
  close(): Promise<void>;
}

export async function startSmtpServer({
  tls,
  startTls,
}: {
  tls?: { key: string; cert: string };
  startTls?: { key: string; cert: string };
} = {}): Promise<SmtpServer> {
  const received: ReceivedMail[] = [];
  let connections = 0;
  let react: () => SmtpReaction = () => null;

  function refusal(stage: Stage, who = ''): Error | null {
    const how = react();
    if (how === null || typeof how === 'string') return null;
    if ((how.at ?? 'data') !== stage || (how.only !== undefined && how.only !== who)) return null;
    return Object.assign(new Error(how.text ?? 'It is refused'), { responseCode: how.status });
  }

  const server = new SMTPServer({
    ...(tls && { secure: true, ...tls }),
    ...startTls,
    disabledCommands: startTls ? [] : ['STARTTLS'],
    authMethods: ['PLAIN', 'LOGIN', 'XOAUTH2'],
    size: 20_000_000,
    logger: false,
    closeTimeout: 100,
    onConnect(_session, done) {
      connections += 1;
      done(refusal('connect'));
    },
    onAuth({ username, password, accessToken }, _session, done) {
      const isKnown = password === account.password || accessToken === account.accessToken;
      const error = refusal('auth');
      if (error) return done(error);
      if (username !== account.user || !isKnown)
        return done(Object.assign(new Error('Authentication failed'), { responseCode: 535 }));
      done(null, { user: username });
    },
    onMailFrom: ({ address }, _session, done) => done(refusal('from', address)),
    onRcptTo: ({ address }, _session, done) => done(refusal('to', address)),
    async onData(stream, session, done) {
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk as Buffer);
      const how = react();
      if (how === 'hang') return;
      if (how === 'drop') {
        const all = server.connections as unknown as Set<{
          session: { id: string };
          _socket: { destroy(): void };
        }>;
        for (const connection of all) if (connection.session.id === session.id) connection._socket.destroy();
        return;
      }
      const error = refusal('data');
      if (error) return done(error);
      const raw = Buffer.concat(chunks);
      const { mailFrom, rcptTo } = session.envelope;
      received.push({
        from: mailFrom ? mailFrom.address : '',
        to: rcptTo.map(({ address }) => address),
        raw: raw.toString(),
        mail: await PostalMime.parse(raw),
      });
      done(null);
    },
  });
  server.on('error', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.server.address() as AddressInfo).port,
    received,
    connections: () => connections,
    react(how) {
      react = how;
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
