import { createHmac } from 'node:crypto';
import { isValidSlackRequest } from '@slack/bolt';
import { describe, expect, it } from 'vitest';
import type { RawRequest } from '../channel.ts';
import { signature, verifySignature } from './verify.ts';

/** The example of https://docs.slack.dev/authentication/verifying-requests-from-slack */
const secret = '8f742231b10e8888abcd99yyyzzz85a5';
const timestamp = 1531420618;
const body = Buffer.from(
  'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c',
);
const signed = 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503';
const now = timestamp * 1000;

const request = (headers: Record<string, string | undefined> = {}, raw: Uint8Array = body): RawRequest => ({
  method: 'POST',
  url: 'https://nightshift.example/v1/hooks/key',
  headers: { 'x-slack-request-timestamp': String(timestamp), 'x-slack-signature': signed, ...headers },
  body: raw,
});
const isGood = (forged: RawRequest, at = now, key: string | undefined = secret) =>
  verifySignature(forged, key, at).ok;

it('believes the vendor’s own example', () => {
  expect(signature(secret, String(timestamp), body)).toBe(signed);
  expect(isGood(request())).toBe(true);
});

it('agrees with @slack/bolt, but for the future, which that believes', () => {
  const theirs = (at: number) =>
    isValidSlackRequest({
      signingSecret: secret,
      body: body.toString(),
      headers: { 'x-slack-signature': signed, 'x-slack-request-timestamp': timestamp },
      nowMilliseconds: at,
    });
  for (const seconds of [0, 299, 400])
    expect(isGood(request(), now + seconds * 1000)).toBe(theirs(now + seconds * 1000));
  expect(theirs(now - 3_600_000)).toBe(true);
  expect(isGood(request(), now - 3_600_000)).toBe(false);
});

describe('what is refused', () => {
  it.each([
    ['another body', request({}, Buffer.concat([body, Buffer.from(' ')]))],
    ['a body written anew', request({}, Buffer.from(decodeURIComponent(body.toString())))],
    ['an empty body', request({}, Buffer.alloc(0))],
    ['another time', request({ 'x-slack-request-timestamp': String(timestamp + 1) })],
    ['no signature', request({ 'x-slack-signature': undefined })],
    ['an empty signature', request({ 'x-slack-signature': '' })],
    ['half a signature', request({ 'x-slack-signature': signed.slice(0, 35) })],
    ['a signature in capitals', request({ 'x-slack-signature': signed.toUpperCase() })],
    ['a signature without its version', request({ 'x-slack-signature': signed.slice(3) })],
    ['another version', request({ 'x-slack-signature': signed.replace('v0', 'v1') })],
    ['a signature that is no ASCII', request({ 'x-slack-signature': `v0=${'ä'.repeat(64)}` })],
    ['no time', request({ 'x-slack-request-timestamp': undefined })],
    ['a time that is none', request({ 'x-slack-request-timestamp': 'NaN' })],
    ['a time in another notation', request({ 'x-slack-request-timestamp': '1.531420618e9' })],
  ])('%s', (_what, forged) => expect(isGood(forged)).toBe(false));

  it.each([
    [299, true],
    [-299, true],
    [301, false],
    [-301, false],
  ])('with a clock %i s off: %s', (seconds, fine) => {
    expect(isGood(request(), now + seconds * 1000)).toBe(fine);
  });

  it.each(['', 'short'])('everything, where the secret is "%s"', (weak) => {
    const forged = `v0=${createHmac('sha256', weak).update(`v0:${timestamp}:`).update(body).digest('hex')}`;
    expect(isGood(request({ 'x-slack-signature': forged }), now, weak)).toBe(false);
    expect(verifySignature(request(), undefined, now).ok).toBe(false);
  });
});
