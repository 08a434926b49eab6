/** Connecting a number: the question whether an address is ours, and what a test of the channel finds and mends. */
import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { whatsapp } from '@nightshift/channels/whatsapp';
import { createGuardedFetch } from '@nightshift/core/guarded-fetch';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  appId,
  businessAccountId,
  credentials,
  type FakeWhatsapp,
  phoneNumberId,
  question,
  startFakeWhatsapp,
} from '../../support/whatsapp/index.ts';

const hook = whatsapp.hook!;
const settings = { phoneNumberId, businessAccountId, apiUrl: 'https://graph.facebook.com/v25.0' };
const { fetch } = createGuardedFetch({ allow: ['127.0.0.1'] });
const context = () => ({ fetch, signal: AbortSignal.timeout(10_000), now: Date.now() });

describe('the question whether an address is ours', () => {
  const asked = {
    'hub.mode': 'subscribe',
    'hub.challenge': '1158201444',
    'hub.verify_token': credentials.verifyToken,
  };
  const under = (verifyToken = credentials.verifyToken) => ({
    credentials: { ...credentials, verifyToken },
    settings,
    account: null,
  });
  const isBelieved = (query: Record<string, string>, connection = under()) =>
    (hook.verify(question(query), connection, context()) as { ok: boolean }).ok;

  it('is answered with the challenge, and is no event', () => {
    expect(isBelieved(asked)).toBe(true);
    expect(hook.parse(question(asked), under())).toEqual([]);
    expect(hook.answer!(question(asked), under())).toMatchObject({ status: 200, body: '1158201444' });
  });

  it.each([
    ['another token', { ...asked, 'hub.verify_token': `${credentials.verifyToken}x` }],
    ['half a token', { ...asked, 'hub.verify_token': credentials.verifyToken.slice(0, 9) }],
    [
      'a token that is not ASCII',
      { ...asked, 'hub.verify_token': 'ü'.repeat(credentials.verifyToken.length) },
    ],
    ['no token', { 'hub.mode': 'subscribe', 'hub.challenge': '1' }],
    ['another mode', { ...asked, 'hub.mode': 'unsubscribe' }],
    ['nothing', {}],
  ])('is not believed with %s', (_what, query) => {
    expect(isBelieved(query as Record<string, string>)).toBe(false);
  });

  it('is not believed where no token is set', () => {
    expect(isBelieved({ ...asked, 'hub.verify_token': '' }, under(''))).toBe(false);
  });

  it('is asked by GET only: a POST is signed', () => {
    const post = { ...question(asked), method: 'POST' as const };
    expect(hook.verify(post, under(), context())).toMatchObject({ ok: false });
  });
});

it('believes no signature that is made without a secret', () => {
  const body = new TextEncoder().encode('{"object":"whatsapp_business_account","entry":[]}');
  const hex = createHmac('sha256', '').update(body).digest('hex');
  const headers = { 'x-hub-signature-256': `sha256=${hex}` };
  const request = { method: 'POST' as const, url: 'https://nightshift.example/v1/hooks/key', headers, body };
  const unset = { credentials: { ...credentials, appSecret: '' }, settings, account: null };
  expect(hook.verify(request, unset, context())).toMatchObject({ ok: false });
});

describe('the test of a channel', () => {
  let fake: FakeWhatsapp;
  let server: Server;
  let hookUrl: string;
  beforeEach(async () => {
    // Our own door, as Meta meets it.
    server = createServer((request, response) => {
      const url = `${hookUrl}${request.url?.replace(/^[^?]*/, '')}`;
      const connection = { credentials, settings, account: null };
      const raw = { method: 'GET' as const, url, headers: {}, body: new Uint8Array() };
      const { ok } = hook.verify(raw, connection, context()) as { ok: boolean };
      const { status, body } = ok ? hook.answer!(raw, connection) : { status: 404, body: '' };
      response.writeHead(status).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    hookUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/hooks/key`;
    fake = await startFakeWhatsapp(hookUrl);
  });
  afterEach(async () => {
    await fake.close();
    await new Promise((resolve) => server.close(resolve));
  });

  const probe = (verifyToken = credentials.verifyToken) =>
    whatsapp.probe(
      {
        credentials: { ...credentials, verifyToken },
        settings: { ...settings, apiUrl: `${fake.url}/v25.0` },
        account: null,
      },
      { ...context(), hookUrl },
    );
  const problemsOf = async () => (await probe()).problems.map(({ message }) => message);
  const changes = () => fake.requests.filter(({ method }) => method === 'POST').length;

  it('changes nothing where all is well', async () => {
    expect(await probe()).toEqual({
      account: { id: phoneNumberId, name: 'Lucky Shrub · +1 555-078-3881' },
      problems: [],
    });
    expect(changes()).toBe(0);
  });

  it('sets up all of it where nothing is set up', async () => {
    Object.assign(fake.account, { hooks: {}, appFields: null, subscribedApps: [] });
    expect(await problemsOf()).toEqual([]);
    expect(fake.account).toMatchObject({
      hooks: { application: hookUrl, phone_number: hookUrl },
      appFields: ['messages'],
      subscribedApps: [appId],
    });
    await probe();
    expect(changes()).toBe(3);
  });

  it('gives the number an address of its own where the app serves others', async () => {
    fake.account.hooks = { application: 'https://other.example/hook' };
    expect(await problemsOf()).toEqual([]);
    expect(fake.account.hooks).toEqual({
      application: 'https://other.example/hook',
      phone_number: hookUrl,
    });
  });

  it('follows a server that has moved', async () => {
    fake.account.hooks = { phone_number: 'https://old.example/v1/hooks/key' };
    expect(await problemsOf()).toEqual([]);
    expect(fake.account.hooks.phone_number).toBe(hookUrl);
  });

  it('takes a number from nobody', async () => {
    fake.account.hooks = { phone_number: 'https://other.example/v1/hooks/other' };
    expect(await problemsOf()).toEqual([expect.stringContaining('other.example')]);
    expect(changes()).toBe(0);
  });

  it('says what to enter by hand when Meta does not reach the address', async () => {
    fake.account.hooks = {};
    const { problems } = await probe('another-verify-token');
    expect(problems).toMatchObject([
      { message: expect.stringContaining('2200'), fix: expect.stringContaining(hookUrl) },
    ]);
  });

  it.each([
    ['a token that ends', { tokenExpiresAt: 2_000_000_000 }, 'expires on 2033-05-18'],
    [
      'a token that may not enough',
      { scopes: ['whatsapp_business_messaging'] },
      'whatsapp_business_management',
    ],
    ['another app secret', { appSecret: 'f'.repeat(32) }, 'app secret'],
    ['an app without messages', { appFields: ['message_template_status_update'] }, 'ask Meta for messages'],
    ['a number that is not connected', { status: 'PENDING' }, 'PENDING'],
    ['a number of low quality', { quality: 'RED' }, 'quality'],
  ])('finds %s', async (_what, state, words) => {
    Object.assign(fake.account, state);
    expect(await problemsOf()).toEqual([expect.stringContaining(words)]);
    expect(changes()).toBe(0);
  });

  it('fails when the number is not known, or Meta does not answer', async () => {
    fake.react(() => ({
      status: 400,
      body: '{"error":{"code":100,"error_subcode":33,"message":"No such object"}}',
    }));
    await expect(probe()).rejects.toMatchObject({
      kind: 'auth',
      message: expect.stringContaining('phone number ID'),
    });
    fake.react(({ url }) => (url.pathname.endsWith('/subscribed_apps') ? { status: 503 } : undefined));
    await expect(probe()).rejects.toMatchObject({ kind: 'retry' });
  });

  it('has room for answers that are not what they should be', async () => {
    fake.react(() => ({ status: 200, body: '[]' }));
    expect((await probe()).account).toEqual({ id: phoneNumberId, name: phoneNumberId });
  });
});
