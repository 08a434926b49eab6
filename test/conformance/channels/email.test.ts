import type { OutgoingFile } from '@nightshift/channels';
import { email } from '@nightshift/channels/email';
import type { Reaction } from '../../support/channel/index.ts';
import { account, startImapServer, startSmtpServer } from '../../support/mail/index.ts';
import { describeChannel, type Peer } from './kit.ts';

/** The kit speaks of statuses of HTTP; what they stand for here are replies of SMTP. */
function replyOf(reaction: Reaction) {
  if (typeof reaction === 'string') return reaction;
  const { status, body } = reaction;
  const text = body === undefined ? {} : { text: String(body) };
  return status === 401 ? { status: 535, at: 'auth' as const, ...text } : { status, ...text };
}

const mailWith = ({ name, mediaType, data }: OutgoingFile) => `From: ann@example.com
To: ${account.user}
Subject: A file
MIME-Version: 1.0
Content-Type: ${mediaType}; name="${name}"
Content-Disposition: attachment; filename="${name}"
Content-Transfer-Encoding: base64

${Buffer.from(data).toString('base64').replace(/.{76}/g, '$&\n')}
`;

async function startPeer(): Promise<Peer> {
  let offered = 0;
  const [imap, smtp] = await Promise.all([startImapServer(), startSmtpServer()]);
  return {
    url: `smtp://127.0.0.1:${smtp.port}/?imap=${imap.port}`,
    requests: smtp.connections,
    shown: () => smtp.received.map(({ mail }) => ({ text: (mail.text ?? '').trimEnd() })),
    offer(file) {
      imap.deliver(mailWith(file).replaceAll('\n', '\r\n'));
      const { name, mediaType, data } = file;
      return {
        name,
        mediaType,
        bytes: data.length,
        source: { uidValidity: '1', uid: String(++offered), index: '0' },
      };
    },
    files: () =>
      smtp.received.flatMap(({ mail }) =>
        mail.attachments.map(({ filename, content }) => ({
          name: filename ?? '',
          data: new Uint8Array(content as ArrayBuffer),
        })),
      ),
    react: (how) => smtp.react(() => replyOf(how())),
    shut: smtp.close,
    async close() {
      await Promise.all([imap.close(), smtp.close()]);
    },
  };
}

describeChannel('email', {
  adapter: email,
  examples: 'packages/channels/src/email/events.test.ts',
  startPeer,
  connect: (url) => ({
    credentials: { password: account.password },
    settings: {
      address: account.user,
      imapHost: '127.0.0.1',
      imapPort: Number(new URL(url).searchParams.get('imap')),
      smtpHost: '127.0.0.1',
      smtpPort: Number(new URL(url).port),
      authServer: 'mx.nightshift.example',
    },
  }),
  to: {
    to: 'ann@example.com',
    subject: 'Hello',
    messageId: '<1@example.com>',
    references: '<1@example.com>',
  },
  meaning: [
    [{ status: 421 }, { kind: 'retry', pauses: 'channel' }],
    [{ status: 450 }, { kind: 'retry', pauses: 'thread' }],
    [{ status: 451 }, { kind: 'retry' }],
    [{ status: 452 }, { kind: 'retry', pauses: 'channel' }],
    [{ status: 454 }, { kind: 'retry' }],
    [
      { status: 451, body: '4.7.1 Greylisted, please try again in 5 minutes' },
      { kind: 'retry', retryAfterMs: 300_000 },
    ],
    [{ status: 401 }, { kind: 'auth' }],
    [{ status: 535 }, { kind: 'auth' }],
    [{ status: 550, body: '5.1.1 No such user' }, { kind: 'rejected' }],
    [{ status: 552, body: '5.3.4 Message too big' }, { kind: 'rejected' }],
    [{ status: 554 }, { kind: 'rejected' }],
  ],
  rateLimit: { status: 451, body: '4.7.0 Too many messages, try again in 7 seconds' },
});
