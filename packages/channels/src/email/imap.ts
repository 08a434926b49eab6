/** A connection to the mailbox. */
import { ImapFlow, type MailboxObject } from 'imapflow';
import { type CallContext, ChannelError } from '../channel.ts';
import { resolveHost } from '../sockets.ts';
import { type EmailConnection, userOf } from './connection.ts';
import { imapError, isOfImap } from './errors.ts';
import { maxMailBytes } from './events.ts';
import { authorize } from './oauth.ts';
import { certifiedName, encryptionFor } from './security.ts';

export interface Inbox {
  readonly client: ImapFlow;
  readonly mailbox: MailboxObject;
}

/** More than is ever asked for: a server that sends more is disconnected. */
const maxLiteralBytes = maxMailBytes + 1024;

/**
 * Logs in, opens INBOX, and closes the connection when `work` ends or the signal aborts.
 * @throws {ChannelError}
 */
export async function withInbox<T>(
  connection: EmailConnection,
  context: CallContext,
  { readOnly }: { readOnly: boolean },
  work: (inbox: Inbox) => Promise<T>,
): Promise<T> {
  const { settings } = connection;
  const { imapHost: hostname, imapPort: port } = settings;
  const login = await authorize(connection, context);
  const address = await resolveHost(hostname, port, context);
  const encryption = encryptionFor(hostname, port, settings);
  const client = new ImapFlow({
    host: address,
    port,
    ...certifiedName(hostname),
    secure: encryption === 'tls',
    ...(encryption === 'starttls' && { doSTARTTLS: true }),
    ...(encryption === 'none' && { doSTARTTLS: false }),
    auth: { user: userOf(settings), ...login },
    clientInfo: { name: 'Nightshift' },
    logger: false,
    disableAutoIdle: true,
    connectionTimeout: 15_000,
    greetingTimeout: 15_000,
    socketTimeout: 60_000,
    maxIdleTime: 4 * 60_000,
    maxLiteralSize: maxLiteralBytes,
    maxResponseSize: maxLiteralBytes + 1024 * 1024,
  });
  let lost: unknown;
  client.on('error', (error) => {
    lost ??= error;
  });
  const close = () => client.close();
  context.signal.addEventListener('abort', close, { once: true });
  try {
    context.signal.throwIfAborted();
    await client.connect();
    const mailbox = await client.mailboxOpen('INBOX', { readOnly });
    const result = await work({ client, mailbox });
    if (lost) throw lost;
    await client.logout();
    return result;
  } catch (error) {
    if (context.signal.aborted && !(error instanceof ChannelError))
      throw new ChannelError('retry', `The IMAP server ${hostname} took too long.`, { cause: error });
    throw isOfImap(error) ? imapError(lost ?? error, connection) : error;
  } finally {
    context.signal.removeEventListener('abort', close);
    client.close();
  }
}
