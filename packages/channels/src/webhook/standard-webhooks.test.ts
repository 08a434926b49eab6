import { randomBytes } from 'node:crypto';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import type { RawRequest } from '../channel.ts';
import { signedHeaders, verifySigned } from './standard-webhooks.ts';

const now = Date.UTC(2026, 10, 22, 12);
const secretOf = (bytes: number) => `whsec_${randomBytes(bytes).toString('base64')}`;
const secret = secretOf(32);
const body = Buffer.from('{"text":"grüße"}');

const request = (headers: Record<string, string | undefined> = {}, raw: Uint8Array = body): RawRequest => ({
  method: 'POST',
  url: 'https://nightshift.example/v1/hooks/key',
  headers: { ...signedHeaders(secret, 'msg_1', now, body), ...headers },
  body: raw,
});

describe('against another implementation', () => {
  it('signs what it verifies', () => {
    const headers = signedHeaders(secret, 'msg_1', Date.now(), body);
    expect(new StandardWebhook(secret).verify(body.toString(), headers)).toEqual({ text: 'grüße' });
  });

  it('verifies what it signs', () => {
    const signature = new StandardWebhook(secret).sign('msg_2', new Date(now), body.toString());
    const headers = { 'webhook-id': 'msg_2', 'webhook-signature': signature };
    expect(verifySigned(request(headers), secret, now)).toEqual({ ok: true });
  });
});

describe('what is verified', () => {
  it('takes any of several signatures, for a sender that changes its secret', () => {
    const good = request().headers['webhook-signature'];
    const other = signedHeaders(secretOf(32), 'msg_1', now, body)['webhook-signature'];
    expect(verifySigned(request({ 'webhook-signature': `v1a,xyz ${other} ${good}` }), secret, now).ok).toBe(
      true,
    );
  });

  it.each([
    ['another body', request({}, Buffer.from('{"text":"grüsse"}'))],
    ['another id', request({ 'webhook-id': 'msg_2' })],
    ['another time', request({ 'webhook-timestamp': String(now / 1000 + 1) })],
    ['a signature of another version', request({ 'webhook-signature': `v2,${'A'.repeat(43)}=` })],
    ['a short signature', request({ 'webhook-signature': 'v1,AAAA' })],
    ['an empty signature', request({ 'webhook-signature': 'v1,' })],
    ['no signature', request({ 'webhook-signature': undefined })],
    ['no id', request({ 'webhook-id': undefined })],
    ['no time', request({ 'webhook-timestamp': undefined })],
    ['a time that is none', request({ 'webhook-timestamp': `${now / 1000}abc` })],
  ])('refuses %s', (_what, forged) => {
    expect(verifySigned(forged, secret, now).ok).toBe(false);
  });

  it.each([
    [-299, true],
    [299, true],
    [-301, false],
    [301, false],
  ])('with a clock %i s off: %s', (seconds, fine) => {
    expect(verifySigned(request(), secret, now + seconds * 1000).ok).toBe(fine);
  });

  it.each([undefined, '', 'whsec_', 'whsec_!!!', secretOf(23)])(
    'refuses everything under the secret %s',
    (weak) => {
      const headers = signedHeaders(weak ?? '', 'msg_1', now, body);
      expect(verifySigned(request(headers), weak, now).ok).toBe(false);
    },
  );
});
