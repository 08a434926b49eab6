/** Twilio's signature where addresses, methods and bodies are not the plain ones of the kit. */
import { createHash, createHmac } from 'node:crypto';
import type { RawRequest } from '@nightshift/channels';
import { sms } from '@nightshift/channels/sms';
import { describe, expect, it } from 'vitest';
import {
  accountSid,
  authToken,
  ourNumber,
  received,
  signed,
  signedAsJson,
} from '../../support/twilio/index.ts';

const hook = sms.hook!;
const connectionWith = (token = authToken) => ({
  credentials: { authToken: token },
  settings: { accountSid, sender: ourNumber, apiUrl: 'https://api.twilio.com' },
  account: null,
});
const context = { now: Date.now(), fetch, signal: new AbortController().signal };
const isBelieved = (request: RawRequest, token?: string) =>
  (hook.verify(request, connectionWith(token), context) as { ok: boolean }).ok;
const body = Buffer.from(received({ Body: 'Ahoy!' }));
const base = 'https://nightshift.example/v1/hooks/key';

it('believes the example of Twilio’s own libraries', () => {
  const form = {
    CallSid: 'CA1234567890ABCDE',
    Caller: '+14158675309',
    Digits: '1234',
    From: '+14158675309',
    To: '+18005551212',
  };
  const request: RawRequest = {
    method: 'POST',
    url: 'https://mycompany.com/myapp.php?foo=1&bar=2',
    headers: { 'x-twilio-signature': 'RSOYDt4T1cUTdK1PDd93/VVr8B8=' },
    body: Buffer.from(new URLSearchParams(form).toString()),
  };
  expect(isBelieved(request, '12345')).toBe(true);
  expect(isBelieved({ ...request, url: `${request.url}&more=1` }, '12345')).toBe(false);
});

it('believes no signature that is made without a token', () => {
  const signature = createHmac('sha1', '').update(base).digest('base64');
  const headers = { 'x-twilio-signature': signature };
  const request: RawRequest = { method: 'POST', url: base, headers, body: new Uint8Array() };
  expect(isBelieved(request, '')).toBe(false);
});

describe('the address', () => {
  it.each([
    [base, `${base.replace('.example', '.example:443')}`],
    [base.replace('.example', '.example:443'), base],
    [base.replace('.example', '.example:8443'), base],
    [
      base.replace('https', 'http'),
      base.replace('https://nightshift.example', 'http://nightshift.example:80'),
    ],
    ['https://[2001:db8::1]/v1/hooks/key', 'https://[2001:db8::1]:443/v1/hooks/key'],
    [`${base}?a=%20b&a=+c`, `${base}?a=%20b&a=+c`],
  ])('as %s may be signed as %s', (url, signedUrl) => {
    expect(isBelieved(signed(body, url, signedUrl))).toBe(true);
  });

  it.each([
    [base, base.replace('https', 'http')],
    [base, `${base}?`],
    [base, `${base}/`],
    [base, base.replace('nightshift', 'other')],
    [base, base.replace('.example', '.example:8443')],
    [`${base}?a=%20b`, `${base}?a=+b`],
    [`${base}?a=1&b=2`, `${base}?b=2&a=1`],
  ])('as %s may not be signed as %s', (url, signedUrl) => {
    expect(isBelieved(signed(body, url, signedUrl))).toBe(false);
  });
});

describe('the form', () => {
  it('counts a value once that comes twice under a name', () => {
    const { headers, ...rest } = signed(Buffer.from('A=1&MediaUrl=a&MediaUrl=b'));
    expect(isBelieved({ ...rest, headers, body: Buffer.from('MediaUrl=b&MediaUrl=a&MediaUrl=b&A=1') })).toBe(
      true,
    );
    expect(isBelieved({ ...rest, headers, body: Buffer.from('MediaUrl=b&A=1') })).toBe(false);
  });

  it('sorts capitals before small letters', () => {
    const { headers, ...rest } = signed(Buffer.from('B=2&a=1'));
    expect(isBelieved({ ...rest, headers, body: Buffer.from('a=1&B=2') })).toBe(true);
  });

  it('is believed with what Twilio adds tomorrow', () => {
    expect(isBelieved(signed(Buffer.from(`${body}&NewField=%F0%9F%91%8B&Empty=`)))).toBe(true);
  });

  it('is not believed when it is no text', () => {
    const request = { ...signed(body), body: new Uint8Array([0x61, 0x3d, 0xff]) };
    expect(() => expect(isBelieved(request)).toBe(false)).toThrow('no form');
  });
});

describe('a GET', () => {
  const url = `${base}?${body}`;
  const request: RawRequest = { ...signedAsJson(new Uint8Array(), url), method: 'GET' };

  it('is signed by its address, and says the same', () => {
    expect(isBelieved(request)).toBe(true);
    expect(hook.parse(request, connectionWith())).toMatchObject([{ type: 'message', text: 'Ahoy!' }]);
  });

  it('is not believed when the address was changed', () => {
    expect(isBelieved({ ...request, url: url.replace('Ahoy', 'Ahoi') })).toBe(false);
  });
});

describe('a body of JSON', () => {
  const json = Buffer.from(
    '[{"specversion":"1.0","type":"com.twilio.messaging.message.delivered","id":"EZ1","data":{}}]',
  );
  const hash = createHash('sha256').update(json).digest('hex');
  const request = signedAsJson(json, `${base}?bodySHA256=${hash}`);

  it('is signed by its hash, and its events are ignored: the form tells of them', () => {
    expect(isBelieved(request)).toBe(true);
    expect(hook.parse(request, connectionWith())).toEqual([
      { type: 'ignored', externalId: 'EZ1', what: 'com.twilio.messaging.message.delivered' },
    ]);
  });

  it.each([
    ['another body', { ...request, body: Buffer.from('[]') }],
    ['another hash', { ...request, url: request.url.replace(hash, '0'.repeat(64)) }],
    ['no hash', { ...signedAsJson(json, base), body: json }],
    ['half a hash', signedAsJson(json, `${base}?bodySHA256=${hash.slice(0, 32)}`)],
    ['an empty hash', signedAsJson(json, `${base}?bodySHA256=`)],
  ])('is not believed with %s', (_what, forged) => {
    expect(isBelieved(forged)).toBe(false);
  });

  it.each(['{}', '[]', 'null', '{'])('is refused when it is %s', (text) => {
    const bytes = Buffer.from(text);
    expect(() => hook.parse(signedAsJson(bytes, request.url), connectionWith())).toThrow(/no events|no JSON/);
  });
});

it('answers with an empty TwiML document: nothing is said now', () => {
  expect(hook.answer!(signed(body), connectionWith())).toEqual({
    status: 200,
    headers: { 'content-type': 'text/xml' },
    body: '<Response></Response>',
  });
});
