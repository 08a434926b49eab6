import type { MessageEvent } from '@nightshift/contracts';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { describeEvents, expectWellFormed } from '../../../../test/support/channel/event-examples.ts';
import { startDocuments } from '../../../../test/support/documents.ts';
import {
  account,
  alternatives,
  appleHtml,
  authServer,
  bounce,
  gmailHtml,
  gmailQuote,
  mail,
  mailWithFiles,
  nested,
  outlookQuote,
  passed,
} from '../../../../test/support/mail/index.ts';
import type { InboundEvent } from '../channel.ts';
import { Settings } from './connection.ts';
import { maxMailBytes, toEvent } from './events.ts';
import { messageIdFor } from './threading.ts';

const settingsWith = (more: object = {}) =>
  Settings.parse({
    address: account.user,
    name: 'Nightshift',
    imapHost: 'imap.example',
    smtpHost: 'smtp.example',
    authServer,
    ...more,
  });

const documents = startDocuments();
afterAll(() => documents.close());

async function eventOf(
  raw: Uint8Array,
  more: object = {},
  { isCut = false, uid = 7, uidValidity = '1' } = {},
): Promise<InboundEvent> {
  const size = isCut ? maxMailBytes + 1 : raw.length;
  const fetch = async (maxBytes: number) => raw.subarray(0, maxBytes);
  const { signal } = new AbortController();
  const event = await toEvent({ uid, uidValidity, size, fetch }, settingsWith(more), documents, signal);
  return event!;
}

async function messageOf(raw: Uint8Array, more?: object, isCut = false): Promise<MessageEvent> {
  const event = await eventOf(raw, more, { isCut });
  expect(event).toMatchObject({ type: 'message' });
  return event as MessageEvent;
}

const whatOf = async (raw: Uint8Array, more?: object) => {
  const event = await eventOf(raw, more);
  return event.type === 'ignored' ? event.what : event.type;
};

/** A mail of Ann's that answers the agent's answer to her first one. */
async function replyHeaders(): Promise<string[]> {
  const { thread } = await messageOf(mail());
  const ours = messageIdFor(thread, 'delivery:0', settingsWith());
  return [`In-Reply-To: ${ours}`, `References: <question-1@example.com> ${ours}`];
}

describe('a mail to the agent', () => {
  it('is a direct message of whoever wrote it, with its subject', async () => {
    const event = await messageOf(mail());
    expect(event).toMatchObject({
      sender: { id: 'ann@example.com', name: 'Ann Lee', isBot: false, isSelf: false },
      direct: true,
      addressed: true,
      workspace: 'example.com',
      where: { kind: 'mail', name: 'A question' },
      addressees: { to: [account.user], cc: [] },
      text: 'A question\n\nWhere is my order?',
      attachments: [],
      thread: {
        to: 'ann@example.com',
        subject: 'A question',
        messageId: '<question-1@example.com>',
        references: '<question-1@example.com>',
      },
    });
  });

  it('is the same event wherever the server puts it, and another one with another id', async () => {
    const [one, moved, other] = await Promise.all([
      eventOf(mail()),
      eventOf(mail(), {}, { uid: 99, uidValidity: '2' }),
      eventOf(mail({ id: '<question-2@example.com>' })),
    ]);
    expect(moved.externalId).toBe(one.externalId);
    expect(other.externalId).not.toBe(one.externalId);
  });

  it('is read in its letters, whatever the names and texts are written in', async () => {
    const event = await messageOf(
      mail({
        from: '=?utf-8?B?2YXYsdit2KjYpw==?= <ann@example.com>',
        subject: '=?iso-8859-1?Q?Gr=FC=DFe?= =?utf-8?B?8J+Riw==?=',
        body: 'שלום 👩‍👩‍👧 Grüße',
      }),
    );
    expect(event.sender.name).toBe('مرحبا');
    expect(event.text).toBe('Grüße👋\n\nשלום 👩‍👩‍👧 Grüße');
    const latin = Buffer.concat([
      mail({ type: 'text/plain; charset=iso-8859-1', body: '' }),
      Buffer.from([0xfc]),
    ]);
    expect((await messageOf(latin)).text).toContain('ü');
  });

  it('may be HTML alone, or have it beside the text, which is preferred', async () => {
    const { text } = await messageOf(
      mail({ type: 'text/html; charset=utf-8', body: appleHtml, subject: '' }),
    );
    expect(text).toContain('Danke! Und wann genau?');
    expect(text).toMatch(/- heute\n\s*- morgen/);
    expect(text).not.toContain('color');
    expect((await messageOf(alternatives('plain', '<p>html</p>', { subject: '' }))).text).toBe('plain');
    expect((await messageOf(alternatives(' ', '<p>html</p>', { subject: '' }))).text).toBe('html');
  });

  it('keeps a command alone', async () => {
    expect((await messageOf(mail({ body: '/status' }))).text).toBe('/status');
  });

  it('may be all subject, or all files; without either it is nothing', async () => {
    expect((await messageOf(mail({ body: '' }))).text).toBe('A question');
    expect(await whatOf(mail({ subject: '', body: ' ' }))).toBe('empty');
  });

  it('reaches us by tags and other addresses, too', async () => {
    for (const to of ['agent+sales@nightshift.example', 'Help <HELP@nightshift.example>'])
      expect(await messageOf(mail({ to }), { aliases: 'help@nightshift.example' })).toMatchObject({
        direct: true,
      });
  });
});

describe('its examples', () => {
  const answers = ['In-Reply-To: <bobs@example.com>'];
  const quote = 'No.\n\nBob Ray <bob@example.com> wrote:\n\n> Wire 500 EUR.';
  describeEvents(async () => ({
    direct: await eventOf(mail()),
    room: await eventOf(mail({ to: `${account.user}, bob@example.com` })),
    quote: await eventOf(mail({ headers: answers, body: quote })),
    forward: await eventOf(mail({ subject: 'Fwd: Invoice', body: '' })),
    unreadable: await eventOf(mail({ body: '-----BEGIN PGP MESSAGE-----' })),
    mentionOfOthers: 'Mail has no mentions.',
  }));
});

describe('among several', () => {
  const both = `${account.user}, Bob <bob@example.com>`;

  it('is addressed to us where it is to us, and goes to all of them', async () => {
    const event = await messageOf(mail({ to: both, headers: ['Cc: carol@example.com'] }));
    expect(event).toMatchObject({
      direct: false,
      addressed: true,
      thread: { to: 'ann@example.com, bob@example.com', cc: 'carol@example.com' },
    });
  });

  it('is not addressed to us where we get a copy, seen or unseen', async () => {
    const copy = await messageOf(mail({ to: 'bob@example.com', headers: [`Cc: ${account.user}`] }));
    const blind = await messageOf(mail({ to: 'bob@example.com' }));
    for (const event of [copy, blind]) expect(event).toMatchObject({ direct: false, addressed: false });
  });

  it('is addressed to us where it answers us, also in a copy', async () => {
    const first = await messageOf(mail({ to: both }));
    const ours = messageIdFor(first.thread, 'delivery:0', settingsWith());
    const headers = [
      `Cc: ${account.user}`,
      `In-Reply-To: ${ours}`,
      `References: <question-1@example.com> ${ours}`,
    ];
    const reply = await messageOf(mail({ to: 'bob@example.com', id: '<answer@example.com>', headers }));
    expect(reply).toMatchObject({ addressed: true, threadKey: first.threadKey });
  });

  it('is one conversation as long as the same people are in it', async () => {
    const first = await messageOf(mail({ to: both }));
    const bob = { from: 'Bob <bob@example.com>', id: '<answer@example.com>', subject: 'Re: A question' };
    const headers = ['In-Reply-To: <question-1@example.com>', 'References: <question-1@example.com>'];
    const second = await messageOf(mail({ ...bob, to: `ann@example.com, ${account.user}`, headers }));
    expect(second.threadKey).toBe(first.threadKey);
    const joined = await messageOf(
      mail({
        ...bob,
        to: `ann@example.com, ${account.user}`,
        headers: [...headers, 'Cc: mallory@example.com'],
      }),
    );
    expect(joined.threadKey).not.toBe(first.threadKey);
  });

  it('is left alone where they are too many', async () => {
    const many = Array.from({ length: 30 }, (_, each) => `p${each}@example.com`).join(', ');
    expect(await whatOf(mail({ to: `${account.user}, ${many}` }))).toBe('too_many_recipients');
  });
});

describe('a conversation', () => {
  it('goes on with an answer, whichever ids the program keeps', async () => {
    const first = await messageOf(mail());
    const [inReplyTo = '', references = ''] = await replyHeaders();
    for (const headers of [[inReplyTo, references], [references], [inReplyTo]]) {
      const reply = await messageOf(mail({ id: '<q2@example.com>', subject: 'Re: A question', headers }));
      expect(reply.threadKey).toBe(first.threadKey);
      expect(reply.thread.messageId).toBe('<q2@example.com>');
    }
  });

  it('cannot be joined by somebody who knows its ids', async () => {
    const first = await messageOf(mail());
    const stranger = await messageOf(
      mail({ from: 'Mallory <mallory@example.com>', id: '<x@example.com>', headers: await replyHeaders() }),
    );
    expect(stranger.threadKey).not.toBe(first.threadKey);
  });

  it('refers to its first mail and the newest ones, however long it is', async () => {
    const ids = Array.from({ length: 200 }, (_, each) => `<m${each}@example.com>`);
    const { thread } = await messageOf(mail({ headers: [`References: ${ids.join('\n ')}`] }));
    const kept = thread.references!.split(' ');
    expect([kept[0], kept.at(-1), kept.length]).toEqual(['<m0@example.com>', '<question-1@example.com>', 20]);
  });

  it('goes where an answer is asked for, if that is at the same domain', async () => {
    const at = async (address: string) =>
      (await messageOf(mail({ headers: [`Reply-To: ${address}`] }))).thread.to;
    expect(await at('orders@example.com')).toBe('orders@example.com');
    expect(await at('victim@elsewhere.example')).toBe('ann@example.com');
  });
});

describe('what a reply quotes', () => {
  it.each([
    ['Gmail', gmailQuote, 'Thank you!'],
    ['Outlook, in German', outlookQuote, 'Vielen Dank!\n\nMit freundlichen Grüßen\nAnn Lee'],
    ['a signature', 'Thanks\n\n-- \nAnn Lee\nExample Inc.', 'Thanks'],
    [
      'answers between the lines',
      'See below.\n\n> Which size?\n\nLarge.\n\n> Which colour?\n\nBlue.',
      'See below.\n\n> Which size?\n\nLarge.\n\n> Which colour?\n\nBlue.',
    ],
    ['an answer below', '> Which size?\n\nLarge.', '> Which size?\n\nLarge.'],
    ['nothing but a quote', '> Your order is on its way.', '> Your order is on its way.'],
    ['what may be no quote', 'I need:\n\n> 3 apples', 'I need:\n\n> 3 apples'],
    ['fields of a form', 'Name: Ann\nCity: Berlin\nSize: L', 'Name: Ann\nCity: Berlin\nSize: L'],
  ])('%s', async (_name, body, expected) => {
    const headers = await replyHeaders();
    expect((await messageOf(mail({ subject: 'Re: A question', headers, body }))).text).toBe(expected);
  });

  it('in HTML', async () => {
    const headers = await replyHeaders();
    const of = async (body: string) =>
      (await messageOf(mail({ type: 'text/html; charset=utf-8', headers, body }))).text;
    expect(await of(gmailHtml)).toBe('Thank you!');
    expect(await of(appleHtml)).not.toContain('on its way');
  });

  it('stays in a mail that is not an answer to us: it is what we are asked about', async () => {
    const forwarded = `What do you think?\n\n---------- Forwarded message ---------\nFrom: Bob <bob@example.com>\nDate: Monday\nSubject: Offer\n\n> 100 euros`;
    expect((await messageOf(mail({ subject: 'Fwd: Offer', body: forwarded }))).text).toContain('100 euros');
    expect((await messageOf(mail({ body: gmailQuote }))).text).toContain('on its way');
  });
});

describe('what a mail says of others', () => {
  it('names everybody that it is to, as its header does', async () => {
    const to = `${account.user}, "Bob, R." <Bob@example.com>, =?utf-8?B?2YXYsdit2KjYpw==?= <c@example.com>`;
    const event = await messageOf(
      mail({ to, headers: ['Cc: Carol <carol@example.com>, team:d@example.com;'] }),
    );
    expect(event.addressees).toEqual({
      to: [account.user, 'Bob, R. <Bob@example.com>', 'مرحبا <c@example.com>'],
      cc: ['Carol <carol@example.com>', 'd@example.com'],
    });
  });

  const gmailForward = `---------- Forwarded message ---------
From: Bob Ray <bob@example.com>
Date: Mon, 2 Mar 2026 at 10:05
Subject: Invoice
To: Ann Lee <ann@example.com>

Wire 500 EUR.`;
  const thunderbird = `-------- Weitergeleitete Nachricht --------
Betreff: 	Invoice
Datum: 	Mon, 2 Mar 2026 10:05:00 +0100
Von: 	Bob Ray <bob@example.com>
An: 	Ann Lee <ann@example.com>

Wire 500 EUR.`;
  const apple = `Begin forwarded message:

> From: Bob Ray <bob@example.com>
> Subject: Invoice
> Date: 2 March 2026

Wire 500 EUR.`;
  const outlook = `________________________________
From: Bob Ray <bob@example.com>
Sent: Monday, 2 March 2026 10:05
To: Ann Lee <ann@example.com>
Subject: Invoice

Wire 500 EUR.`;
  it.each([
    ['Gmail', 'Fwd: Invoice', gmailForward],
    ['Gmail, with another subject', 'Please look', gmailForward],
    ['Thunderbird, in German', 'Fwd: Invoice', thunderbird],
    ['Outlook', 'FW: Invoice', outlook],
    ['Outlook, in German', 'WG: Invoice', outlook.replace('From:', 'Von:').replace('Sent:', 'Gesendet:')],
    ['Apple', 'Fwd: Invoice', apple.replace(/^> /gm, '')],
  ])('marks what is passed on, and by whom that is: %s', async (_name, subject, body) => {
    for (const note of ['', 'What do you think?\n\n'])
      expect(await messageOf(mail({ subject, body: note + body }))).toMatchObject({
        text: expect.stringContaining('Wire 500 EUR.'),
        forwarded: { from: 'Bob Ray <bob@example.com>' },
      });
  });

  it('marks a mail that is passed on as a file', async () => {
    const eml = [{ name: 'Invoice.eml', type: 'message/rfc822', content: mail({ body: 'Wire 500 EUR.' }) }];
    expect(await messageOf(mailWithFiles(eml, { subject: 'Fwd: Invoice', body: '' }))).toMatchObject({
      forwarded: { from: null },
    });
    expect(await messageOf(mail({ subject: 'Fwd: Invoice', body: '' }))).toMatchObject({
      forwarded: { from: null },
    });
  });

  it.each([
    ['what answers a mail that was passed on', 'Re: Fwd: Invoice', `No.\n\n${gmailForward}`],
    ['what quotes one', 'Invoice', gmailForward.replace(/^/gm, '> ')],
    ['what speaks of one', 'Invoice', 'I sent you a forwarded message yesterday.'],
    ['what is only called so', 'Fwd: Invoice', 'Here it is.'],
  ])('takes for the own words of a sender: %s', async (_name, subject, body) => {
    expect((await messageOf(mail({ subject, body }))).forwarded).toBeUndefined();
  });

  const answers = ['In-Reply-To: <bobs@example.com>', 'References: <bobs@example.com>'];
  it.each([
    [
      'Gmail',
      'No.\n\nOn Tue, Mar 3, 2026 at 10:05 AM Bob Ray <bob@example.com> wrote:\n\n> Wire 500 EUR.\n> Now.',
    ],
    ['Outlook', `No.\n\n${outlook}\nNow.`],
  ])('keeps what it answers apart, as %s quotes it', async (_name, body) => {
    expect(await messageOf(mail({ subject: '', headers: answers, body }))).toMatchObject({
      text: 'No.',
      quoted: {
        messageId: '<bobs@example.com>',
        author: { name: 'Bob Ray', isSelf: false },
        text: expect.stringMatching(/Wire 500 EUR\.\nNow\.$/),
      },
    });
  });

  it('keeps all of a long one, marked', async () => {
    const body = `Well?\n\nBob Ray <bob@example.com> wrote:\n\n${'> a line\n'.repeat(200)}> the end`;
    const { text, quoted } = await messageOf(mail({ subject: '', headers: answers, body }));
    expect(text).toMatch(/^Well\?\n\nBob Ray wrote:\n> a line\n/);
    expect(text).toMatch(/\n> the end$/);
    expect(quoted!.text.length).toBeLessThanOrEqual(500);
  });

  it('never loses words, whatever they look like', async () => {
    const line = fc.constantFrom(
      ...['> quoted', 'Bob <bob@example.com> wrote:', 'From: Bob <b@example.com>', 'To: x', 'Date: y', ''],
      ...['-----', '-- ', 'Begin forwarded message:', 'word', '>', ':', 'Von:', '<@>', '@'],
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 12 }), async (lines) => {
        const event = await eventOf(
          mail({ subject: 'x', headers: answers, body: ['kept', ...lines].join('\n') }),
        );
        expectWellFormed(event);
        expect(event).toMatchObject({ type: 'message', text: expect.stringContaining('kept') });
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    ['OpenPGP', { type: 'multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b' }],
    ['S/MIME', { type: 'application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m' }],
    ['OpenPGP in the text', { body: '-----BEGIN PGP MESSAGE-----\n\nhQ\n-----END PGP MESSAGE-----' }],
  ])('says that it cannot read what is encrypted by %s', async (_name, written) => {
    expect(await messageOf(mail({ body: 'hQ', ...written }))).toMatchObject({
      text: '',
      attachments: [],
      unsupported: ['encrypted mail'],
    });
  });
});

describe('whom it is from', () => {
  const forged = 'dkim=none; spf=softfail smtp.mailfrom=evil.example; dmarc=fail header.from=example.com';

  it.each([
    ['verified', passed('ann@example.com'), 'message'],
    ['forged', forged, 'sender_not_verified'],
    ['verified as somebody else', 'dmarc=pass header.from=evil.example', 'sender_not_verified'],
    ['of a domain that asks for no checks, signed', 'dkim=pass header.d=example.com; dmarc=none', 'message'],
    ['of a domain that asks for no checks, by its server', 'spf=pass smtp.mailfrom=x@example.com', 'message'],
    ['signed by another domain', 'dkim=pass header.d=evil.example; dmarc=none', 'sender_not_verified'],
    ['signed below', 'dkim=pass header.d=a.example.com; dmarc=none', 'sender_not_verified'],
    ['signed', 'dkim=pass header.d=example.com; dmarc=fail', 'sender_not_verified'],
    ['logged in', 'auth=pass smtp.auth=ann@example.com', 'message'],
    ['logged in as another', 'auth=pass smtp.auth=bob@example.com', 'sender_not_verified'],
    [
      'in a comment',
      'dmarc=fail (dmarc=pass header.from=example.com; (x) ) header.from=example.com',
      'sender_not_verified',
    ],
    ['in quotes', 'spf=fail smtp.mailfrom="a; dmarc=pass header.from=example.com"', 'sender_not_verified'],
    [
      'twice',
      'dmarc=pass header.from=example.com; dmarc=fail header.from=example.com',
      'sender_not_verified',
    ],
    ['nobody has looked', 'none', 'sender_not_verified'],
  ])('%s', async (_name, verdict, outcome) => {
    expect(await whatOf(mail({ verdict }))).toBe(outcome);
  });

  it('is told by the topmost header of our server alone', async () => {
    const own = `Authentication-Results: ${authServer}; dmarc=pass header.from=example.com`;
    const other = 'Authentication-Results: mx.evil.example; dmarc=pass header.from=example.com';
    expect(await whatOf(mail({ verdict: forged, headers: [own] }))).toBe('sender_not_verified');
    expect(await whatOf(mail({ verdict: null, headers: [other] }))).toBe('sender_not_verified');
    expect(await whatOf(mail({ verdict: null }))).toBe('sender_not_verified');
  });

  it('may stand below what our server says besides', async () => {
    const besides = [`Authentication-Results: ${authServer}; x-ptr=pass policy.ptr=mail.example.com`];
    const own = `Authentication-Results: ${authServer}; dmarc=pass header.from=example.com`;
    expect(await whatOf(mail({ verdict: null, headers: [...besides, own] }))).toBe('message');
    const fails = own.replace('pass', 'fail');
    expect(await whatOf(mail({ verdict: null, headers: [...besides, fails, own] }))).toBe(
      'sender_not_verified',
    );
  });

  it('is not known where our server is not, and need not be where every sender counts', async () => {
    expect(await whatOf(mail(), { authServer: undefined })).toBe('sender_not_verified');
    expect(await whatOf(mail({ verdict: null }), { senders: 'any' })).toBe('message');
  });

  it('is told by the large providers in their ways', async () => {
    const plain = { verdict: null, id: '<1@example.com>' };
    const google = `Authentication-Results: mx.google.com;\n       dkim=pass header.i=@example.com header.s=s1 header.b=Ab;\n       spf=pass (google.com: domain of ann@example.com designates 192.0.2.1 as permitted sender) smtp.mailfrom=ann@example.com;\n       dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=example.com`;
    const microsoft = `Authentication-Results: spf=pass (sender IP is 192.0.2.1)\n smtp.mailfrom=example.com; dkim=pass (signature was verified)\n header.d=example.com;dmarc=pass action=none\n header.from=example.com;compauth=pass reason=100`;
    const of = (header: string, imapHost: string) =>
      whatOf(mail({ ...plain, headers: [header] }), { imapHost, authServer: undefined });
    expect(await of(google, 'imap.gmail.com')).toBe('message');
    expect(await of(microsoft, 'outlook.office365.com')).toBe('message');
    expect(await of(microsoft.replace('dmarc=pass', 'dmarc=fail'), 'outlook.office365.com')).toBe(
      'sender_not_verified',
    );
    expect(await of(google, 'outlook.office365.com')).toBe('sender_not_verified');
    expect(await of('X-MS-Exchange-Organization-AuthAs: Internal', 'outlook.office365.com')).toBe('message');
    expect(await of('X-MS-Exchange-Organization-AuthAs: Internal', 'imap.gmail.com')).toBe(
      'sender_not_verified',
    );
  });
});

describe('what nobody has written', () => {
  it.each([
    ['own', { from: account.user }],
    ['own', { from: `Me <Agent+x@nightshift.example>` }],
    ['auto_reply', { headers: ['Auto-Submitted: auto-replied (vacation)'] }],
    ['auto_reply', { headers: ['Auto-Submitted: auto-generated; type=x'] }],
    ['auto_reply', { headers: ['X-Auto-Response-Suppress: All'] }],
    ['auto_reply', { headers: ['X-Autoreply: yes'] }],
    ['auto_reply', { headers: ['Precedence: auto_reply'] }],
    ['message', { headers: ['Auto-Submitted: no'] }],
    ['message', { headers: ['X-Auto-Response-Suppress: DR, OOF, AutoReply'] }],
    ['bulk', { headers: ['List-Id: Everybody <all.lists.example.com>'] }],
    ['bulk', { headers: ['Precedence: bulk'] }],
    ['bulk', { headers: ['List-Unsubscribe: <mailto:x@example.com>'] }],
    ['robot', { from: 'no-reply@example.com' }],
    ['robot', { from: 'Mail <MAILER-DAEMON@example.com>' }],
    ['no_sender', { from: 'a@example.com, b@example.com' }],
    ['no_sender', { headers: ['From: other@example.com'] }],
    ['no_sender', { from: 'nobody' }],
  ])('is ignored: %s %o', async (what, written) => {
    expect(await whatOf(mail(written))).toBe(what);
  });

  it('is ignored where it comes back', async () => {
    expect(await whatOf(bounce)).toBe('bounce');
    const nobody = Buffer.from(
      mail().toString().replace('Return-Path: <bounces@example.com>', 'Return-Path: <>'),
    );
    expect(await whatOf(nobody)).toBe('bounce');
  });
});

describe('files', () => {
  it('come with their names, kinds and sizes, also those in the text and those of Outlook', async () => {
    const { attachments, text } = await messageOf(
      mailWithFiles([
        { name: 'Bericht.pdf', type: 'application/pdf', content: 'PDF' },
        { name: 'image001.png', type: 'image/png', content: 'PNG!', cid: 'image001' },
        { name: 'winmail.dat', type: 'application/ms-tnef', content: 'TNEF!' },
        { name: '../../etc/passwd', type: 'text/plain', content: 'x' },
      ]),
    );
    expect(text).toBe('A question\n\nSee the files.');
    expect(attachments!.map(({ name, mediaType, bytes }) => [name, mediaType, bytes])).toEqual([
      ['Bericht.pdf', 'application/pdf', 3],
      ['image001.png', 'image/png', 4],
      ['winmail.dat', 'application/ms-tnef', 5],
      ['.._.._etc_passwd', 'text/plain', 1],
    ]);
    expect(attachments![1]!.source).toEqual({ uid: '7', uidValidity: '1', index: '1' });
  });

  it('may be many', async () => {
    const files = Array.from({ length: 50 }, (_, each) => ({
      name: `${each}.txt`,
      type: 'text/plain',
      content: 'x',
    }));
    expect((await messageOf(mailWithFiles(files))).attachments).toHaveLength(50);
  });
});

describe('too much', () => {
  it('of a text is read as far as it goes', async () => {
    const { text } = await messageOf(mail({ subject: '', body: 'word '.repeat(12_000) }));
    expect(text.length).toBeGreaterThan(59_000);
    const html = `<p>${'word '.repeat(600_000)}</p>`;
    expect((await messageOf(mail({ type: 'text/html', body: html }))).text.length).toBeLessThan(500_000);
  });

  it('of nesting is not read', async () => {
    expect(await whatOf(nested(5))).toBe('message');
    expect(await whatOf(nested(60))).toBe('unreadable');
    const tags = mail({ type: 'text/html', body: '<div>'.repeat(50_000) });
    expect(['message', 'empty']).toContain(await whatOf(tags));
  });

  it('of headers, parts and addresses does no harm', async () => {
    const huge = Array.from({ length: 20_000 }, (_, each) => `X-${each}: ${'x'.repeat(50)}`);
    expect(await whatOf(mail({ headers: huge }))).toBe('too_large');
    const part = '--b\nContent-Type: application/x; name=f\nContent-Disposition: attachment\n\nx\n';
    const many = (count: number) =>
      mail({ type: 'multipart/mixed; boundary=b', body: `${part.repeat(count)}--b--` });
    expect((await messageOf(many(2_000))).attachments).toHaveLength(200);
    expect(await whatOf(many(20_000))).toBe('too_large');
  });

  it('of a mail leaves its beginning, and says so', async () => {
    const whole = mailWithFiles([{ name: 'film.mp4', type: 'video/mp4', content: 'x'.repeat(100_000) }]);
    const { text, attachments } = await messageOf(whole.subarray(0, 5_000), {}, true);
    expect(text).toContain('See the files.');
    expect(text).toContain('too large');
    expect(attachments).toEqual([]);
  });
});
