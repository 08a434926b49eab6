import { createHmac } from 'node:crypto';
import { expect, it } from 'vitest';
import { growthOf } from '../../../../test/support/growth/ratio.ts';
import { sms } from './index.ts';

const authToken = 'a'.repeat(32);
const url = 'https://nightshift.example/v1/hooks/key';
const connection = { credentials: { authToken }, settings: {}, account: null } as never;

const verify = (body: string, signature = 'wrong') =>
  sms.hook!.verify(
    { method: 'POST', url, headers: { 'x-twilio-signature': signature }, body: Buffer.from(body) },
    connection,
    {} as never,
  );
const sign = (text: string) =>
  createHmac('sha1', authToken)
    .update(url + text)
    .digest('base64');

it('takes a form by its parameters in order, each value of a name once', () => {
  expect(verify('b=2&a=2&a=1&a=2', sign('a1a2b2'))).toEqual({ ok: true });
  expect(verify('b=2&a=2&a=1&a=2', sign('a1a2a2b2'))).toMatchObject({ ok: false });
});

it('takes a time that grows with the length of the form alone, and no longer one than Twilio sends', () => {
  const form = (size: number) => Array.from({ length: size / 10 }, (_, each) => `n${each}=x`).join('&');
  expect(growthOf((body: string) => verify(body), form, 40_000)).toBeLessThanOrEqual(3);
  expect(verify('a=1&'.repeat(30_000))).toEqual({ ok: false, reason: 'the form is too large' });
});
