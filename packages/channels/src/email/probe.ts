/** Whether both servers let us in, and whether senders can be told from those who only say that they are them. */
import type { ChannelProblem, ProbeContext, ProbeResult } from '../channel.ts';
import { isNamed, parseResults, saysSomething } from './authenticity.ts';
import type { EmailConnection, Settings } from './connection.ts';
import { HeaderLimitError, type Headers, headerLimits, parseHeaders } from './headers.ts';
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

/** How many mails are looked at. */
const newest = 10;

async function aboutSenders(inbox: Inbox, settings: Settings): Promise<ChannelProblem[]> {
  if (settings.senders === 'any') return [];
  const authServer = authServerOf(settings);
  const servers = await verifiersIn(inbox);
  if (authServer !== undefined && (servers.length === 0 || servers.some((each) => isNamed(each, authServer))))
    return [];
  const [found] = servers.filter((each) => each !== '').reverse();
  return [
    {
      message:
        authServer === undefined
          ? 'Nobody is answered yet: anybody can write any sender into a mail, and it is not known which server checks that here.'
          : `Nobody is answered: none of the newest mails was checked by ${authServer || 'Microsoft'}.`,
      fix: found
        ? `Enter the name under which your mail server writes what it has checked. In the newest mail that is ${found}. Only enter it if it is your own server or your provider.`
        : 'Enter the name at the beginning of the header "Authentication-Results" of a mail that you got. If your server writes none and only people you trust can send to the mailbox, let every sender count.',
    },
  ];
}

/** Who says anything about the senders of the newest mails, one of each mail, the newest last. */
async function verifiersIn({ client, mailbox }: Inbox): Promise<string[]> {
  const servers: string[] = [];
  if (mailbox.exists === 0) return servers;
  const wanted = { source: { start: 0, maxLength: headerLimits.bytes } };
  for await (const { source } of client.fetch(`${Math.max(1, mailbox.exists - newest + 1)}:*`, wanted)) {
    const values = source ? resultsIn(source) : [];
    servers.push(
      ...values
        .map(parseResults)
        .filter(saysSomething)
        .slice(0, 1)
        .map(({ server }) => server),
    );
  }
  return servers;
}

function resultsIn(beginning: Uint8Array): ReturnType<Headers['all']> {
  try {
    return parseHeaders(beginning).all('authentication-results');
  } catch (error) {
    if (error instanceof HeaderLimitError) return [];
    throw error;
  }
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
