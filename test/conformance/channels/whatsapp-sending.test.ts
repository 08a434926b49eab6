/** What the kit does not ask: the shapes of messages, files, and what errors say. */
import type { Address, Button, ChannelError, OutgoingFile } from '@nightshift/channels';
import { whatsapp } from '@nightshift/channels/whatsapp';
import { createGuardedFetch } from '@nightshift/core/guarded-fetch';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  businessAccountId,
  credentials,
  type FakeWhatsapp,
  phoneNumberId,
  sheena,
  startFakeWhatsapp,
} from '../../support/whatsapp/index.ts';

let fake: FakeWhatsapp;
beforeEach(async () => {
  fake = await startFakeWhatsapp();
});
afterEach(() => fake.close());

const { fetch } = createGuardedFetch({ allow: ['127.0.0.1'], maxBytes: 200 * 1024 * 1024 });
const context = () => ({ fetch, signal: AbortSignal.timeout(10_000), idempotencyKey: 'delivery:0' });
const connection = () => ({
  credentials,
  settings: { phoneNumberId, businessAccountId, apiUrl: `${fake.url}/v25.0` },
  account: null,
});
const to = { phone: sheena.phone, user: sheena.user, message: 'wamid.1' };
const send = (text: string, buttons?: Button[], address: Address = to) =>
  whatsapp.send({ text, ...(buttons && { buttons }) }, address, connection(), context());
const failureOf = (promise: Promise<unknown>): Promise<ChannelError> =>
  promise.then(
    () => expect.unreachable(),
    (error) => error,
  );

describe('whom it goes to', () => {
  it.each([
    ['a phone number, which is preferred', to, { recipient_type: 'individual', to: sheena.phone }],
    ['an id', { user: sheena.user }, { recipient_type: 'individual', recipient: sheena.user }],
    ['a group', { group: 'Y2FwaQ', message: 'wamid.1' }, { recipient_type: 'group', to: 'Y2FwaQ' }],
  ])('%s', async (_what, address, recipient) => {
    await send('Hello', undefined, address as Address);
    expect(fake.sent).toEqual([
      {
        messaging_product: 'whatsapp',
        ...recipient,
        type: 'text',
        text: { preview_url: false, body: 'Hello' },
      },
    ]);
  });

  it('nobody: nothing is asked of the platform', async () => {
    expect(await failureOf(send('Hello', undefined, {}))).toMatchObject({ kind: 'rejected' });
    expect(fake.requests).toEqual([]);
  });
});

describe('buttons', () => {
  const labels = (...all: string[]): Button[] => all.map((label, at) => ({ label, value: `value:${at}` }));

  it('are three at most', async () => {
    await send('Send it?', labels('Approve', 'A label that is much too long 👩‍👩‍👧', 'Deny'));
    expect(fake.sent[0]).toMatchObject({
      interactive: {
        type: 'button',
        body: { text: 'Send it?' },
        action: {
          buttons: [
            { reply: { id: 'value:0', title: 'Approve' } },
            { reply: { id: 'value:1', title: 'A label that is muc…' } },
            { reply: { id: 'value:2', title: 'Deny' } },
          ],
        },
      },
    });
  });

  it.each([
    ['there are more', 'Which?', labels('One', 'Two', 'Three', 'Four')],
    ['the text is too long for buttons', 'x'.repeat(4_096), labels('Yes')],
    ['they differ in their ends only', 'Which?', labels('The same for all of: A', 'The same for all of: B')],
  ])('are a list where %s', async (_why, text, buttons) => {
    await send(text, buttons);
    expect(fake.sent[0]).toMatchObject({ interactive: { type: 'list', body: { text } } });
    const { rows } = fake.sent[0].interactive.action.sections[0];
    expect(rows.map(({ id }: { id: string }) => id)).toEqual(buttons.map(({ value }) => value));
  });

  it('keep a long label readable in a list', async () => {
    const label = 'Approve this and everything after it';
    await send('Which?', [...labels('a', 'b', 'c'), { label, value: 'all' }]);
    expect(fake.sent[0].interactive.action.sections[0].rows[3]).toEqual({
      id: 'all',
      title: 'Approve this and everyt…',
      description: label,
    });
  });

  it.each([
    ['there are too many', labels(...'abcdefghijk'), to],
    ['a value is too long', [{ label: 'a', value: 'x'.repeat(257) }], to],
    ['it is a group', labels('a'), { group: 'Y2FwaQ' }],
  ])('are numbered where %s', async (_why, buttons, address) => {
    await send('Which?', buttons, address);
    expect(fake.sent[0]).toMatchObject({ type: 'text' });
    expect(fake.sent[0].text.body).toMatch(/^Which\?\n\n1\. a/);
  });
});

describe('beside messages', () => {
  it('typing marks what it answers as read', async () => {
    await whatsapp.typing!(to, connection(), context());
    expect(fake.reads).toMatchObject([{ status: 'read', message_id: 'wamid.1' }]);
  });

  it.each([{ phone: sheena.phone }, { group: 'Y2FwaQ', message: 'wamid.1' }])(
    'typing is left out where the platform has none: %o',
    async (address) => {
      await whatsapp.typing!(address as Address, connection(), context());
      expect(fake.requests).toEqual([]);
    },
  );

  it('reacts to the message that it answers, and to nothing else', async () => {
    await whatsapp.react!('👍', to, connection(), context());
    expect(fake.sent).toMatchObject([{ type: 'reaction', reaction: { message_id: 'wamid.1', emoji: '👍' } }]);
    const error = await failureOf(whatsapp.react!('👍', { phone: sheena.phone }, connection(), context()));
    expect(error.kind).toBe('rejected');
  });
});

describe('files that go out', () => {
  const data = new TextEncoder().encode('content — of a file');
  const sendFile = (file: Partial<OutgoingFile>) =>
    whatsapp.sendFile!(
      { name: 'Größe.pdf', mediaType: 'application/pdf', data, ...file },
      to,
      connection(),
      context(),
    );

  it.each([
    ['application/pdf', 'document', 'application/pdf'],
    ['text/csv; charset=utf-8', 'document', 'text/plain'],
    ['application/json', 'document', 'text/plain'],
    ['image/png', 'image', 'image/png'],
    ['audio/ogg; codecs=opus', 'audio', 'audio/ogg'],
    ['video/mp4', 'video', 'video/mp4'],
  ])('%s goes as %s', async (mediaType, type, stored) => {
    expect(await sendFile({ mediaType })).toEqual({ id: expect.stringMatching(/^wamid\./) });
    const [message] = fake.sent;
    expect(message.type).toBe(type);
    expect(message[type].filename).toBe(type === 'document' ? 'Größe.pdf' : undefined);
    expect(fake.media.get(message[type].id)).toEqual({ type: stored, data });
  });

  it.each([
    ['a type that WhatsApp does not take', { mediaType: 'application/zip' }],
    ['an image that is too large', { mediaType: 'image/png', data: new Uint8Array(5 * 1024 * 1024 + 1) }],
  ])('refuses %s before anything is sent', async (_what, file) => {
    expect((await failureOf(sendFile(file))).kind).toBe('rejected');
    expect(fake.requests).toEqual([]);
  });

  it('may be tried again when storing the file has an unknown end, since nobody saw it', async () => {
    fake.react(() => 'drop');
    expect((await failureOf(sendFile({}))).kind).toBe('retry');
  });

  it('may have arrived when sending has an unknown end', async () => {
    fake.react(({ url }) => (url.pathname.endsWith('/messages') ? 'drop' : undefined));
    expect((await failureOf(sendFile({}))).kind).toBe('ambiguous');
  });
});

describe('files that come in', () => {
  const download = (media: string, maxBytes = 1_000) =>
    whatsapp.download!(
      { name: 'image.jpeg', mediaType: 'image/jpeg', bytes: null, source: { media } },
      connection(),
      { ...context(), maxBytes },
    );
  const data = new Uint8Array([0xff, 0xd8, 0xff, 0xe0]);

  it('are fetched with the token, through the address that Meta gives', async () => {
    fake.media.set('42', { type: 'image/jpeg', data });
    expect(await download('42')).toEqual({ data: Buffer.from(data), mediaType: 'image/jpeg' });
  });

  it('may be at the media host of Meta', async () => {
    const url = 'https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=42&ext=1&hash=AT';
    fake.media.set('42', { type: 'image/jpeg', data, url });
    const asked: [string, unknown][] = [];
    const toMeta: typeof fetch = async (address, init) => {
      if (!address.startsWith('https://lookaside')) return fetch(address, init);
      asked.push([address, new Headers(init?.headers).get('authorization')]);
      return new Response(data);
    };
    const attachment = { name: 'a', mediaType: 'b', bytes: null, source: { media: '42' } };
    const more = { ...context(), fetch: toMeta, maxBytes: 10 };
    expect((await whatsapp.download!(attachment, connection(), more)).data).toEqual(Buffer.from(data));
    expect(asked).toEqual([[url, `Bearer ${credentials.accessToken}`]]);
  });

  it.each([
    'https://evil.example/?mid=42',
    'http://lookaside.fbsbx.com/?mid=42',
    'https://lookaside.fbsbx.com.evil.example/',
    'https://lookaside.fbsbx.com:444/',
    'file:///etc/passwd',
    'nonsense',
  ])('are not fetched from %s: the token is not for anybody else', async (url) => {
    fake.media.set('42', { type: 'image/jpeg', data, url });
    const seen: string[] = [];
    const watched: typeof fetch = (address, init) => {
      seen.push(new URL(address).origin);
      return fetch(address, init);
    };
    const attachment = { name: 'a', mediaType: 'b', bytes: null, source: { media: '42' } };
    const more = { ...context(), fetch: watched, maxBytes: 10 };
    const error = await failureOf(whatsapp.download!(attachment, connection(), more));
    expect(error.kind).toBe('rejected');
    expect(seen).toEqual([fake.url]);
  });

  it('are refused when they are larger than allowed, whatever size is announced', async () => {
    fake.media.set('42', { type: 'image/jpeg', data: new Uint8Array(1_001) });
    expect((await failureOf(download('42'))).message).toContain('larger than 1000 bytes');
    expect(fake.requests).toHaveLength(1);
    fake.react(({ url }) =>
      url.pathname === '/attachments'
        ? undefined
        : { status: 200, body: JSON.stringify({ url: `${fake.url}/attachments?mid=42`, file_size: 1 }) },
    );
    expect((await failureOf(download('42'))).message).toContain('larger than 1000 bytes');
  });

  it.each(['43', '', '../106540352242922/messages'])('are gone when Meta does not know %s', async (media) => {
    expect(await failureOf(download(media))).toMatchObject({ kind: 'rejected' });
  });
});

describe('what errors say', () => {
  const answer = (status: number, error: object) =>
    fake.react(() => ({ status, body: JSON.stringify({ error }) }));

  it('tells what to do when the 24 hours are over', async () => {
    answer(400, { code: 131047, message: '(#131047) Re-engagement message' });
    const { message } = await failureOf(send('Hello'));
    expect(message).toMatch(/131047.*24 hours.*template/);
  });

  it('passes on what Meta says of an error that has no words here', async () => {
    answer(400, { code: 131009, message: 'Invalid', error_data: { details: 'Parameter x is wrong.' } });
    expect((await failureOf(send('Hello'))).message).toBe(
      'WhatsApp answered error 131009: Parameter x is wrong.',
    );
  });

  it('keeps a token out that Meta repeats', async () => {
    answer(400, { code: 1234, message: `Malformed access token ${credentials.accessToken}` });
    expect((await failureOf(send('Hello'))).message).toBe(
      'WhatsApp answered error 1234: Malformed access token ….',
    );
  });

  it('prefers the wait that Meta asks for to the one that it documents', async () => {
    fake.react(() => ({ status: 400, headers: { 'retry-after': '30' }, body: '{"error":{"code":131056}}' }));
    expect(await failureOf(send('Hello'))).toMatchObject({ retryAfterMs: 30_000, pauses: 'thread' });
  });

  it('is glad of an answer that does not name the message', async () => {
    fake.react(() => ({ status: 200, body: '<html>' }));
    expect(await send('Hello')).toEqual({});
  });
});
