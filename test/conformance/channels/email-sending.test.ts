/** What people find in their mailboxes, and what becomes of mails that servers do not take. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { renderMessage } from '@nightshift/channels';
import { email } from '@nightshift/channels/email';
import { createGuardedFetch } from '@nightshift/core/guarded-fetch';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  account,
  authServer,
  type ImapServer,
  mail,
  type SmtpServer,
  startImapServer,
  startSmtpServer,
} from '../../support/mail/index.ts';
import { describeWith } from '../../support/programs.ts';

const { fetch, lookup } = createGuardedFetch({ allow: ['127.0.0.1', 'localhost'] });

let imap: ImapServer;
let smtp: SmtpServer;
beforeEach(async () => {
  [imap, smtp] = await Promise.all([startImapServer(), startSmtpServer()]);
});
afterEach(() => Promise.all([imap.close(), smtp.close()]));

const connection = (settings: object = {}, credentials: object = { password: account.password }) => ({
  credentials: email.credentials.parse(credentials),
  settings: email.settings.parse({
    address: account.user,
    name: 'Nightshift, the "agent"',
    imapHost: '127.0.0.1',
    imapPort: imap.port,
    smtpHost: '127.0.0.1',
    smtpPort: smtp.port,
    authServer,
    ...settings,
  }),
  account: null,
});

const context = (more: object = {}) => ({
  fetch,
  lookup,
  signal: AbortSignal.timeout(15_000),
  idempotencyKey: 'delivery:0',
  hookUrl: 'https://nightshift.example/v1/hooks/key',
  ...more,
});

const to = {
  to: 'ann@example.com, bob@example.com',
  cc: 'carol@example.com',
  subject: 'AW: Re: Grüße',
  messageId: '<two@example.com>',
  references: '<one@example.com> <two@example.com>',
  root: '0123456789abcdef',
  key: '01234567',
};

const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error) => error,
  );

describe('an answer', () => {
  it('stands in the thread, to all who are in it', async () => {
    const receipt = await email.send({ text: 'Hello' }, to, connection(), context());
    const { from, to: recipients, mail: sent, raw } = smtp.received[0]!;
    expect([from, recipients]).toEqual([
      account.user,
      ['ann@example.com', 'bob@example.com', 'carol@example.com'],
    ]);
    expect(sent).toMatchObject({
      from: { name: 'Nightshift, the "agent"', address: account.user },
      subject: 'Re: Grüße',
      inReplyTo: '<two@example.com>',
      references: '<one@example.com> <two@example.com>',
      messageId: receipt.messageId,
      cc: [{ address: 'carol@example.com' }],
    });
    expect(raw).toMatch(/^Auto-Submitted: auto-replied\r$/m);
    expect(raw).toMatch(/^X-Auto-Response-Suppress: All\r$/m);
  });

  it('has the same id at every attempt, and no other part has it', async () => {
    for (const idempotencyKey of ['delivery:0', 'delivery:0', 'delivery:1'])
      await email.send({ text: 'Hello' }, to, connection(), context({ idempotencyKey }));
    const [first, again, other] = smtp.received.map(({ mail: sent }) => sent.messageId);
    expect(again).toBe(first);
    expect(other).not.toBe(first);
    expect(first).toMatch(/^<ns\.0123456789abcdef\.01234567\.[0-9a-f]{32}@nightshift\.example>$/);
  });

  it('looks right with HTML and without', async () => {
    const markdown =
      '# Order\n\n- packed\n- sent\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```js\nok();\n```\n\n<script>x</script>';
    const { parts } = renderMessage(markdown, email.capabilities);
    await email.send(parts[0]!, to, connection(), context());
    const { text = '', html = '' } = smtp.received[0]!.mail;
    expect(text).toContain('- packed');
    expect(text).not.toContain('<li>');
    for (const tag of ['<h1>', '<li>', '<td', '<pre']) expect(html).toContain(tag);
    expect(html).not.toContain('<script');
  });

  it('cannot smuggle in headers, recipients or files', async () => {
    const odd = {
      ...to,
      to: 'ann@example.com',
      cc: '',
      subject: 'x\r\nBcc: eve@evil.example',
      references: '<a@b>\r\nX-Evil: 1',
    };
    const file = { name: '../a"\r\nX-Evil: 1.md', mediaType: 'text/markdown', data: Buffer.from('# A') };
    await email.send(
      { text: '.\r\nQUIT\r\n.\r\n', html: '<img src="file:///etc/passwd">' },
      odd,
      connection(),
      context(),
    );
    await email.sendFile!(file, odd, connection(), context());
    expect(smtp.received.map(({ to: recipients }) => recipients)).toEqual([
      ['ann@example.com'],
      ['ann@example.com'],
    ]);
    for (const { raw } of smtp.received) expect(raw).not.toMatch(/^(X-Evil|Bcc):/im);
    expect(smtp.received[0]!.mail.text).toContain('QUIT');
    expect(smtp.received[0]!.mail.attachments).toEqual([]);
  });

  it('may be a file', async () => {
    const data = Buffer.from(Array.from({ length: 50_000 }, (_, each) => each % 256));
    await email.sendFile!(
      { name: 'Übersicht.bin', mediaType: 'application/octet-stream', data },
      to,
      connection(),
      context(),
    );
    const [file] = smtp.received[0]!.mail.attachments;
    expect(file).toMatchObject({ filename: 'Übersicht.bin', mimeType: 'application/octet-stream' });
    expect(Buffer.compare(Buffer.from(file!.content as ArrayBuffer), data)).toBe(0);
  });
});

describe('what is not taken', () => {
  const sending = (settings?: object) =>
    failureOf(email.send({ text: 'Hello' }, to, connection(settings), context()));

  it.each([
    [{ status: 421, at: 'connect' }, { kind: 'retry' }],
    [{ status: 554, at: 'connect' }, { kind: 'rejected' }],
    [{ status: 454, at: 'auth' }, { kind: 'retry' }],
    [{ status: 535, at: 'auth' }, { kind: 'auth' }],
    [{ status: 534, at: 'auth' }, { kind: 'auth' }],
    [
      { status: 452, at: 'from' },
      { kind: 'retry', pauses: 'channel' },
    ],
    [{ status: 550, at: 'from' }, { kind: 'rejected' }],
    [
      { status: 450, at: 'to', text: 'Greylisted for 5 minutes' },
      { kind: 'retry', pauses: 'thread' },
    ],
    [{ status: 550, at: 'to' }, { kind: 'rejected' }],
  ] as const)('%o is %o', async (reaction, expected) => {
    smtp.react(() => reaction);
    expect(await sending()).toMatchObject({ name: 'ChannelError', ...expected });
    expect(smtp.received).toEqual([]);
  });

  it('by one of several still goes to the others', async () => {
    smtp.react(() => ({ status: 550, at: 'to', only: 'bob@example.com' }));
    expect(await email.send({ text: 'Hello' }, to, connection(), context())).toMatchObject({
      refused: 'bob@example.com',
    });
    expect(smtp.received[0]!.to).toEqual(['ann@example.com', 'carol@example.com']);
  });

  it('says in words what is wrong', async () => {
    expect(await sending({ encryption: 'tls' })).toMatchObject({
      kind: 'retry',
      message: expect.stringContaining('does not speak TLS'),
    });
    expect(await sending({ encryption: 'starttls' })).toMatchObject({
      kind: 'retry',
      message: expect.stringContaining('does not offer STARTTLS'),
    });
    await smtp.close();
    expect(await sending()).toMatchObject({
      kind: 'retry',
      message: expect.stringContaining('nobody listens'),
    });
  });

  it('has nobody to go to', async () => {
    expect(await failureOf(email.send({ text: 'x' }, { to: '' }, connection(), context()))).toMatchObject({
      kind: 'rejected',
    });
  });
});

describe('a test of the channel', () => {
  const probe = (settings?: object, credentials?: object) =>
    email.probe(connection(settings, credentials), context());

  it('logs in at both servers, and changes nothing', async () => {
    imap.deliver(mail());
    expect(await probe()).toEqual({ account: { id: account.user, name: account.user }, problems: [] });
    expect([imap.flags(), smtp.received, smtp.connections()]).toEqual([[[]], [], 1]);
  });

  it('finds the name of the server that verifies', async () => {
    imap.deliver(mail());
    const { problems } = await probe({ authServer: undefined });
    expect(problems).toEqual([
      {
        message: expect.stringContaining('Nobody is answered yet'),
        fix: expect.stringContaining(authServer),
      },
    ]);
    expect((await probe({ authServer: undefined, senders: 'any' })).problems).toEqual([]);
    expect((await probe({ authServer: 'mx.mistyped.example' })).problems).toEqual([
      {
        message: expect.stringContaining('mx.mistyped.example'),
        fix: expect.stringContaining(authServer),
      },
    ]);
    expect((await probe({ authServer: `*.${authServer.split('.').slice(1).join('.')}` })).problems).toEqual(
      [],
    );
  });

  it('says that nothing is encrypted', async () => {
    const { problems } = await probe({ encryption: 'none' });
    expect(problems).toMatchObject([{ message: expect.stringContaining('without encryption') }]);
  });

  it('says which password is wanted, and shows none', async () => {
    const wrong = { password: 'the-password-of-the-account' };
    const error = await failureOf(probe({}, wrong));
    expect(error).toMatchObject({
      kind: 'auth',
      message: expect.stringContaining('password of its own for programs'),
    });
    expect(error.message).not.toContain(wrong.password);
    smtp.react(() => ({ status: 535, at: 'auth', text: `5.7.8 ${account.password} is bad` }));
    const atSmtp = await failureOf(probe());
    expect(atSmtp).toMatchObject({ kind: 'auth', message: expect.stringContaining('The SMTP server') });
    expect(atSmtp.message).not.toContain(account.password);
  });

  it.each([
    [{ status: 400, body: '{"error":"invalid_client"}' }, 'auth', 'invalid_client'],
    [{ status: 503, body: 'busy' }, 'retry', '503'],
    [{ status: 200, body: '<html>' }, 'retry', '200'],
  ])('says why there is no access token: %o', async ({ status, body }, kind, words) => {
    const answering = async () => new Response(body, { status });
    const settings = { tokenUrl: 'https://login.example/token', clientId: 'app' };
    const error = await failureOf(
      email.probe(connection(settings, { refreshToken: 'r' }), context({ fetch: answering })),
    );
    expect(error).toMatchObject({ kind, message: expect.stringContaining(words) });
  });

  it('says what OAuth lacks', async () => {
    expect(await failureOf(probe({}, { clientSecret: 's' }))).toMatchObject({ kind: 'auth' });
    expect(email.credentials.safeParse({}).success).toBe(false);
  });
});

it('sends with an access token', async () => {
  const asked: string[] = [];
  const answering = async (url: string, init?: RequestInit) => {
    asked.push(`${url} ${init?.body}`);
    return Response.json({ access_token: account.accessToken });
  };
  const settings = { tokenUrl: 'https://login.example/token', clientId: 'app' };
  const connected = connection(settings, { refreshToken: 'r' });
  await email.send({ text: 'Hello' }, to, connected, context({ fetch: answering }));
  expect(smtp.received).toHaveLength(1);
  expect(asked).toEqual([
    'https://login.example/token grant_type=refresh_token&refresh_token=r&client_id=app',
  ]);
});

describeWith('openssl', 'with TLS', () => {
  let directory: string;
  const file = (name: string) => join(directory, name);
  const known = getCACertificates('default');
  let tls: { key: string; cert: string };

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'nightshift-mail-'));
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-days',
        '2',
        '-keyout',
        file('key'),
        '-out',
        file('cert'),
        ...subject,
      ],
      { stdio: 'ignore' },
    );
    tls = { key: readFileSync(file('key'), 'utf8'), cert: readFileSync(file('cert'), 'utf8') };
    await Promise.all([imap.close(), smtp.close()]);
  });
  afterEach(() => {
    setDefaultCACertificates(known);
    rmSync(directory, { recursive: true, force: true });
  });

  it('goes to whom the certificate is for, and to nobody else', async () => {
    [imap, smtp] = await Promise.all([startImapServer({ tls }), startSmtpServer({ tls })]);
    const probe = (host: string) =>
      email.probe(connection({ imapHost: host, smtpHost: host, encryption: 'tls' }), context());
    expect(await failureOf(probe('localhost'))).toMatchObject({
      kind: 'retry',
      message: expect.stringContaining('cannot be trusted'),
    });
    setDefaultCACertificates([...known, tls.cert]);
    expect((await probe('localhost')).problems).toEqual([]);
    expect(await failureOf(probe('127.0.0.1'))).toMatchObject({
      message: expect.stringContaining('for another name'),
    });
  });

  it('turns to it before anything is said, where the server has STARTTLS', async () => {
    [imap, smtp] = await Promise.all([startImapServer(), startSmtpServer({ startTls: tls })]);
    const send = () =>
      email.send(
        { text: 'Hello' },
        to,
        connection({ smtpHost: 'localhost', encryption: 'starttls' }),
        context(),
      );
    expect(await failureOf(send())).toMatchObject({ message: expect.stringContaining('cannot be trusted') });
    setDefaultCACertificates([...known, tls.cert]);
    await send();
    expect(smtp.received).toHaveLength(1);
  });
});
