/** One mail, handed to the SMTP server. Each has a connection of its own: https://www.rfc-editor.org/rfc/rfc5321 */
import { Readable } from 'node:stream';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import XOAuth2 from 'nodemailer/lib/xoauth2';
import { type CallContext, ChannelError } from '../channel.ts';
import { resolveHost } from '../sockets.ts';
import { domainOf, type EmailConnection, userOf } from './connection.ts';
import { smtpError } from './errors.ts';
import { authorize } from './oauth.ts';
import { certifiedName, encryptionFor } from './security.ts';

export interface Envelope {
  readonly from: string;
  readonly to: readonly string[];
}

/** @returns whom the server would not send to, though it takes the mail for others. @throws {ChannelError} */
export async function submit(
  envelope: Envelope,
  message: Uint8Array,
  connection: EmailConnection,
  context: CallContext,
): Promise<readonly string[]> {
  let began = false;
  // The server has asked for the message when it is read.
  const stream = Readable.from(
    (function* () {
      began = true;
      yield message;
    })(),
    { objectMode: false },
  );
  return withLogin(
    connection,
    context,
    () => began,
    async (smtp) => {
      const { rejected } = await new Promise<{ rejected: string[] }>((resolve, reject) =>
        smtp.send(
          { from: envelope.from, to: [...envelope.to], size: message.length },
          stream,
          (error, info) => (error ? reject(error) : resolve(info as { rejected: string[] })),
        ),
      );
      return rejected;
    },
  );
}

/** Logs in, and no more. @throws {ChannelError} */
export const tryLogin = (connection: EmailConnection, context: CallContext): Promise<void> =>
  withLogin(
    connection,
    context,
    () => false,
    async () => undefined,
  );

async function withLogin<T>(
  connection: EmailConnection,
  context: CallContext,
  began: () => boolean,
  work: (smtp: SMTPConnection) => Promise<T>,
): Promise<T> {
  const { settings } = connection;
  const { smtpHost: hostname, smtpPort: port } = settings;
  const login = await authorize(connection, context);
  const address = await resolveHost(hostname, port, context);
  const encryption = encryptionFor(hostname, port, settings);
  const smtp = new SMTPConnection({
    host: address,
    port,
    ...certifiedName(hostname),
    secure: encryption === 'tls',
    requireTLS: encryption === 'starttls',
    ignoreTLS: encryption === 'none',
    name: domainOf(settings.address),
    connectionTimeout: 15_000,
    greetingTimeout: 15_000,
    socketTimeout: 60_000,
    socketCloseTimeout: 1_000,
  });
  const { promise: broken, reject } = Promise.withResolvers<never>();
  // Also when nothing waits for it any more.
  broken.catch(() => undefined);
  smtp.on('error', reject);
  const stop = () => {
    reject(Object.assign(new Error('There is no more time.'), { code: 'ETIMEDOUT' }));
    smtp.close();
  };
  context.signal.addEventListener('abort', stop, { once: true });
  const step = (run: (done: (error?: Error | null) => void) => void) =>
    new Promise<void>((resolve, fail) => run((error) => (error ? fail(error) : resolve())));
  try {
    if (context.signal.aborted) throw new ChannelError('retry', 'There was no time to send it.');
    await Promise.race([broken, step((done) => smtp.connect(done))]);
    await Promise.race([broken, step((done) => smtp.login(authOf(userOf(settings), login), done))]);
    const result = await Promise.race([broken, work(smtp)]);
    smtp.quit();
    return result;
  } catch (error) {
    throw smtpError(error, connection, began());
  } finally {
    context.signal.removeEventListener('abort', stop);
    smtp.close();
  }
}

const authOf = (user: string, login: Awaited<ReturnType<typeof authorize>>) =>
  'pass' in login ? { user, ...login } : { user, oauth2: new XOAuth2({ user, ...login }) };
