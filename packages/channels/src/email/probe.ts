/** Whether both servers let us in, and whether senders can be told from those who only say that they are them. */
import PostalMime from 'postal-mime';
import type { ChannelProblem, ProbeContext, ProbeResult } from '../channel.ts';
import { parseResults, saysSomething } from './authenticity.ts';
import type { EmailConnection, Settings } from './connection.ts';
import { type Inbox, withInbox } from './imap.ts';
import { authServerOf } from './providers.ts';
import { encryptionFor } from './security.ts';
import { tryLogin } from './smtp.ts';

/** See `ChannelAdapter.probe`. */
export async function probe(connection: EmailConnection, context: ProbeContext): Promise<ProbeResult> {
  const { settings } = connection;
  const problems = await withInbox(connection, context, { readOnly: true }, (inbox) =>
    aboutSenders(inbox, settings),
  );
  await tryLogin(connection, context);
  return {
    account: { id: settings.address, name: settings.address },
    problems: [...problems, ...unencrypted(settings)],
  };
}

async function aboutSenders({ client, mailbox }: Inbox, settings: Settings): Promise<ChannelProblem[]> {
  if (settings.senders === 'any' || authServerOf(settings) !== undefined) return [];
  const newest = mailbox.exists > 0 && (await client.fetchOne('*', { headers: ['authentication-results'] }));
  const headers = newest !== false && newest.headers ? (await PostalMime.parse(newest.headers)).headers : [];
  const server = headers.map(({ value }) => parseResults(value)).find(saysSomething)?.server;
  return [
    {
      message:
        'Nobody is answered yet: anybody can write any sender into a mail, and it is not known which server checks that here.',
      fix: server
        ? `Enter the name under which your mail server writes what it has checked. In the newest mail that is ${server}. Only enter it if it is your own server or your provider.`
        : 'Enter the name at the beginning of the header "Authentication-Results" of a mail that you got. If your server writes none and only people you trust can send to the mailbox, let every sender count.',
    },
  ];
}

function unencrypted(settings: Settings): ChannelProblem[] {
  const plain = [
    ...(encryptionFor(settings.imapHost, settings.imapPort, settings) === 'none' ? [settings.imapHost] : []),
    ...(encryptionFor(settings.smtpHost, settings.smtpPort, settings) === 'none' ? [settings.smtpHost] : []),
  ];
  if (plain.length === 0) return [];
  return [
    {
      message: `The password and all mails go to ${[...new Set(plain)].join(' and ')} without encryption.`,
      fix: 'Set the encryption to automatic, and let the servers offer TLS.',
    },
  ];
}
