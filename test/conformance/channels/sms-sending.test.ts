/** What the kit does not ask: media, what errors say, and what a test of the channel finds and mends. */
import type { ChannelError } from '@nightshift/channels';
import { sms } from '@nightshift/channels/sms';
import { createGuardedFetch } from '@nightshift/core/guarded-fetch';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  accountSid,
  authToken,
  type FakeTwilio,
  ourNumber,
  serviceSid,
  startFakeTwilio,
  theirNumber,
} from '../../support/twilio/index.ts';

const hookUrl = 'https://nightshift.example/v1/hooks/key';
let fake: FakeTwilio;
beforeEach(async () => {
  fake = await startFakeTwilio(hookUrl);
});
afterEach(() => fake.close());

const { fetch } = createGuardedFetch({ allow: ['127.0.0.1'] });
const context = (more: object = {}) => ({
  fetch,
  signal: AbortSignal.timeout(10_000),
  idempotencyKey: 'delivery:0',
  hookUrl,
  maxBytes: 1_000,
  ...more,
});
const connection = (sender = ourNumber) => ({
  credentials: { authToken },
  settings: { accountSid, sender, apiUrl: fake.url },
  account: null,
});
const send = (text: string, to = theirNumber) => sms.send({ text }, { to }, connection(), context());
const failureOf = (promise: Promise<unknown>): Promise<ChannelError> =>
  promise.then(
    () => expect.unreachable(),
    (error) => error,
  );

describe('sending', () => {
  it.each([
    ['x'.repeat(160), 1],
    ['x'.repeat(161), 2],
    [`${'x'.repeat(159)}é`, 1],
    ['ж'.repeat(71), 2],
    [`${'x'.repeat(160)}👋`, 3],
  ])('tells how many parts the carrier counts (%#)', async (text, segments) => {
    expect(await send(text)).toEqual({ id: expect.stringMatching(/^SM/), segments });
    expect(fake.sent).toMatchObject([{ to: theirNumber, from: ourNumber, text }]);
  });

  it('tells what to do when somebody has replied STOP', async () => {
    fake.stopped.add(theirNumber);
    expect(await failureOf(send('Hello'))).toMatchObject({
      kind: 'rejected',
      message: expect.stringMatching(/21610.*STOP.*START/),
    });
  });

  it('sends nothing to nobody', async () => {
    const error = await failureOf(sms.send({ text: 'Hello' }, {}, connection(), context()));
    expect(error.kind).toBe('rejected');
    expect(fake.requests).toEqual([]);
  });

  it('passes on what Twilio says of an error that has no words here, without the password', async () => {
    const body = JSON.stringify({ code: 99999, message: `The token ${authToken} is odd.` });
    fake.react(() => ({ status: 400, body }));
    expect((await failureOf(send('Hello'))).message).toBe('Twilio answered error 99999: The token … is odd.');
  });

  it('is glad of an answer that does not name the message', async () => {
    fake.react(() => ({ status: 201, body: '' }));
    expect(await send('Hello')).toEqual({});
  });
});

describe('media that come in', () => {
  const data = new Uint8Array([0xff, 0xd8, 0xff, 0xe0]);
  const cdn = 'https://mms.twiliocdn.com/AC1/hash?Expires=1&Signature=x';
  const path = 'Messages/MM1/Media/ME1';
  const urlOf = (at = path) => `${fake.url}/2010-04-01/Accounts/${accountSid}/${at}`;
  const asked: { url: string; authorization: string | null }[] = [];
  /** Twilio's other hosts are not on loopback. */
  const watched: typeof fetch = async (url, init) => {
    asked.push({ url, authorization: new Headers(init?.headers).get('authorization') });
    return url.startsWith(fake.url) ? fetch(url, init) : new Response(data);
  };
  beforeEach(() => {
    asked.length = 0;
  });
  const download = (url: string, more: object = {}) =>
    sms.download!(
      { name: 'media-1.jpeg', mediaType: 'image/jpeg', bytes: null, source: { url } },
      connection(),
      context({ fetch: watched, ...more }),
    );

  it('are fetched with the password', async () => {
    fake.media.set(path, { type: 'image/jpeg', data });
    expect(await download(urlOf())).toEqual({ data: Buffer.from(data), mediaType: 'image/jpeg' });
  });

  it('are followed to where Twilio keeps them, without the password', async () => {
    fake.media.set(path, cdn);
    expect((await download(urlOf())).data).toEqual(Buffer.from(data));
    expect(asked).toEqual([
      { url: urlOf(), authorization: expect.stringMatching(/^Basic /) },
      { url: cdn, authorization: null },
    ]);
  });

  it.each([
    'https://evil.example/',
    'http://mms.twiliocdn.com/AC1/hash',
    'https://mms.twiliocdn.com.evil.example/',
    'https://eviltwiliocdn.com/',
    'https://mms.twiliocdn.com:8443/',
    'http://169.254.169.254/latest/meta-data',
    '/2010-04-01/Accounts.json',
    '',
  ])('are not followed to %s', async (location) => {
    fake.react(() => ({ status: 302, headers: { location } }));
    expect((await failureOf(download(urlOf()))).kind).toBe('rejected');
    expect(asked).toHaveLength(1);
  });

  it.each([
    'https://evil.example/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1',
    'nonsense',
    '',
    'urlOf:../../../../Accounts.json',
    'urlOf:Messages/../../ACother/Messages/MM1/Media/ME1',
    'urlOf:IncomingPhoneNumbers.json',
  ])('are not fetched from %s: the password is not for anybody else', async (url) => {
    const at = url.startsWith('urlOf:') ? urlOf(url.slice('urlOf:'.length)) : url;
    expect((await failureOf(download(at))).kind).toBe('rejected');
    expect(asked).toEqual([]);
  });

  it('are refused when they are larger than allowed, or gone', async () => {
    fake.media.set(path, { type: 'image/jpeg', data: new Uint8Array(1_001) });
    expect((await failureOf(download(urlOf()))).message).toContain('larger than 1000 bytes');
    expect(await failureOf(download(urlOf('Messages/MM2/Media/ME2')))).toMatchObject({ kind: 'rejected' });
  });
});

describe('the test of a channel', () => {
  const probe = (sender?: string) => sms.probe(connection(sender), context());
  const problemsOf = async (sender?: string) => (await probe(sender)).problems.map(({ message }) => message);
  const changes = () => fake.requests.filter(({ method }) => method === 'POST').length;

  it.each([ourNumber, serviceSid])('changes nothing where all is well (%s)', async (sender) => {
    expect(await probe(sender)).toEqual({
      account: { id: accountSid, name: `Lucky Shrub · ${sender}` },
      problems: [],
    });
    expect(changes()).toBe(0);
  });

  it.each([null, '', 'https://demo.twilio.com/welcome/sms/reply', 'https://old.example/v1/hooks/key'])(
    'has messages sent here where they go to "%s"',
    async (current) => {
      fake.account.number.sms_url = current;
      fake.account.service.inbound_request_url = current;
      expect([await problemsOf(), await problemsOf(serviceSid)]).toEqual([[], []]);
      expect(fake.account.number.sms_url).toBe(hookUrl);
      expect(fake.account.service.inbound_request_url).toBe(hookUrl);
      expect(changes()).toBe(2);
    },
  );

  it('has them posted', async () => {
    fake.account.number.sms_method = 'GET';
    await probe();
    expect(fake.account.number).toMatchObject({ sms_url: hookUrl, sms_method: 'POST' });
  });

  it.each([ourNumber, serviceSid])('takes messages from nobody (%s)', async (sender) => {
    fake.account.number.sms_url = 'https://other.example/sms';
    fake.account.service.inbound_request_url = 'https://other.example/sms';
    const { problems } = await probe(sender);
    expect(problems).toMatchObject([
      { message: expect.stringContaining('other.example'), fix: expect.stringContaining(hookUrl) },
    ]);
    expect(changes()).toBe(0);
  });

  it.each([
    ['a trial account', () => Object.assign(fake.account, { type: 'Trial' }), 'trial'],
    ['a suspended account', () => Object.assign(fake.account, { status: 'suspended' }), 'suspended'],
    [
      'a number of somebody else',
      () => Object.assign(fake.account.number, { phone_number: '+15550000000' }),
      ourNumber,
    ],
    [
      'a number that only talks',
      () => Object.assign(fake.account.number.capabilities, { sms: false }),
      'no text',
    ],
    ['a TwiML app', () => Object.assign(fake.account.number, { sms_application_sid: 'AP1' }), 'TwiML'],
  ])('finds %s', async (_what, spoil, words) => {
    spoil();
    expect(await problemsOf()).toEqual([expect.stringContaining(words)]);
    expect(changes()).toBe(0);
  });

  it('finds a service that leaves messages to its numbers', async () => {
    fake.account.service.use_inbound_webhook_on_number = true;
    expect(await problemsOf(serviceSid)).toEqual([expect.stringContaining('to its numbers')]);
  });

  it('asks no more of a short code than whether the password is taken', async () => {
    expect((await probe('22395')).problems).toEqual([]);
    expect(fake.requests).toHaveLength(1);
  });

  it('fails when there is no such service', async () => {
    await expect(probe(`MG${'0'.repeat(32)}`)).rejects.toMatchObject({ kind: 'auth' });
  });

  it('asks another host for services, of the same region', async () => {
    const hosts: string[] = [];
    const elsewhere: typeof fetch = async (url, init) => {
      hosts.push(new URL(url).host);
      return fetch(`${fake.url}${new URL(url).pathname}`, init);
    };
    const { credentials, settings } = connection(serviceSid);
    const irish = { ...settings, apiUrl: 'https://api.dublin.ie1.twilio.com' };
    await sms.probe({ credentials, settings: irish, account: null }, context({ fetch: elsewhere }));
    expect(hosts).toEqual(['api.dublin.ie1.twilio.com', 'messaging.dublin.ie1.twilio.com']);
  });
});
