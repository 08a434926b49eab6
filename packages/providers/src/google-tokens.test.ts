import { createVerify, generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createGoogleTokens, parseServiceAccount, withGoogleTokens } from './google-tokens.ts';
import type { Endpoint, ModelEvent, Protocol } from './provider.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
const account = {
  type: 'service_account',
  client_email: 'agents@my-project.iam.gserviceaccount.com',
  private_key: privateKey,
  private_key_id: 'key-1',
  // Whatever a file says, the assertion goes to Google.
  token_uri: 'https://evil.example/token',
};
const endpoint: Endpoint = {
  provider: 'vertex',
  wire: 'openai-chat',
  baseUrl: 'https://aiplatform.googleapis.com/v1',
  apiKey: JSON.stringify(account),
  compat: {},
  googleTokens: true,
};
const { signal } = new AbortController();

/** Checks assertions as Google does. */
let answer: (assertion: string) => [status: number, body: unknown];
let asked = 0;

async function read(request: IncomingMessage): Promise<string> {
  const form = new URLSearchParams(await text(request));
  expect(form.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer');
  return form.get('assertion')!;
}

const server = createServer(async (request, response) => {
  asked++;
  const [status, body] = answer(await read(request));
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
});
let tokenUri: string;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  tokenUri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
});

beforeEach(() => {
  asked = 0;
  answer = () => [200, { access_token: `token-${asked}`, expires_in: 3600 }];
});

afterAll(() => new Promise((resolve) => server.close(resolve)));

describe('an access token', () => {
  it('is had for an assertion that the account has signed', async () => {
    let assertion = '';
    answer = (sent) => {
      assertion = sent;
      return [200, { access_token: 'ya29.token', expires_in: 3600 }];
    };
    const now = Date.UTC(2026, 10, 22);
    const tokens = createGoogleTokens({ tokenUri, now: () => now });
    expect(await tokens.tokenFor(endpoint, signal)).toBe('ya29.token');
    const [header, claims, signature] = assertion.split('.');
    const decode = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString());
    expect(decode(header!)).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'key-1' });
    expect(decode(claims!)).toEqual({
      iss: account.client_email,
      scope: 'https://www.googleapis.com/auth/cloud-platform',
      aud: tokenUri,
      iat: now / 1000,
      exp: now / 1000 + 3600,
    });
    const verify = createVerify('RSA-SHA256').update(`${header}.${claims}`);
    expect(verify.verify(publicKey, signature!, 'base64url')).toBe(true);
  });

  it('is kept until five minutes before its end, and asked for once by many', async () => {
    let now = 0;
    const tokens = createGoogleTokens({ tokenUri, now: () => now });
    const get = () => tokens.tokenFor(endpoint, signal);
    expect(await Promise.all([get(), get(), get()])).toEqual(['token-1', 'token-1', 'token-1']);
    now = 55 * 60_000 - 1;
    expect(await get()).toBe('token-1');
    now += 1;
    expect(await get()).toBe('token-2');
    expect(asked).toBe(2);
  });

  it('is refused in words, without the key, and asked for anew the next time', async () => {
    const tokens = createGoogleTokens({ tokenUri });
    answer = () => [400, { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' }];
    const error = await tokens.tokenFor(endpoint, signal).catch((thrown) => thrown);
    expect(error).toMatchObject({
      kind: 'auth',
      message: 'Google refused the service account (invalid_grant: Invalid JWT Signature.).',
    });
    answer = () => [503, { error: 'unavailable' }];
    await expect(tokens.tokenFor(endpoint, signal)).rejects.toMatchObject({ kind: 'overload' });
    answer = () => [200, { nothing: true }];
    await expect(tokens.tokenFor(endpoint, signal)).rejects.toMatchObject({ kind: 'server' });
    answer = () => [200, { access_token: 'at-last', expires_in: 3600 }];
    expect(await tokens.tokenFor(endpoint, signal)).toBe('at-last');
  });

  it('is not waited for by a call that was stopped', async () => {
    const stopped = AbortSignal.abort();
    const tokens = createGoogleTokens({ tokenUri });
    await expect(tokens.tokenFor(endpoint, stopped)).rejects.toMatchObject({ kind: 'aborted' });
  });
});

describe('parseServiceAccount', () => {
  it.each([
    ['{}', 'is no service account'],
    ['{"type":"authorized_user"}', 'is no service account'],
    [JSON.stringify({ ...account, private_key: 'sesame' }), 'has a private_key that cannot be read'],
  ])('says what is wrong with %s', (json, message) => {
    expect(() => parseServiceAccount(json)).toThrow(message);
  });

  it('tells nothing of the key', () => {
    const json = JSON.stringify({ ...account, private_key: 'sesame' });
    expect(() => parseServiceAccount(json)).not.toThrow('sesame');
  });
});

describe('withGoogleTokens', () => {
  const keys: (string | null)[] = [];
  const protocol: Protocol = {
    async *stream(_call, { apiKey }) {
      keys.push(apiKey);
      yield { type: 'start' };
    },
  };
  const call = { model: 'google/gemini-3.5-flash', messages: [] };
  const events = async (at: Endpoint): Promise<ModelEvent[]> =>
    Array.fromAsync(withGoogleTokens(protocol, createGoogleTokens({ tokenUri })).stream(call, at, signal));

  it('gives the wire a token in the place of the account, and leaves other keys alone', async () => {
    await events(endpoint);
    await events({ ...endpoint, apiKey: 'ya29.mine' });
    await events({ ...endpoint, googleTokens: false });
    expect(keys).toEqual([expect.stringMatching(/^token-\d$/), 'ya29.mine', endpoint.apiKey]);
  });

  it('makes a failure the last event', async () => {
    answer = () => [401, { error: 'invalid_client' }];
    expect(await events(endpoint)).toMatchObject([{ type: 'error', error: { kind: 'auth' } }]);
  });
});
