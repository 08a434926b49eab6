/** Requests as Twilio documents them: https://www.twilio.com/docs/messaging/guides/webhook-request */
import { createHmac } from 'node:crypto';
import type { RawRequest } from '@nightshift/channels';
import { accountSid, authToken, ourNumber } from './fake-twilio.ts';

export const messageSid = `SM${'a1'.repeat(16)}`;
export const theirNumber = '+14017122661';

export const hookUrl = 'https://nightshift.example/v1/hooks/key?from=twilio';

/** A message that somebody has sent to our number. `fields` may replace what is common to all. */
export function received(fields: Record<string, string>): string {
  const common = {
    ToCountry: 'US',
    ToState: '',
    SmsMessageSid: messageSid,
    NumMedia: '0',
    FromZip: '02903',
    SmsSid: messageSid,
    SmsStatus: 'received',
    FromCity: 'PROVIDENCE',
    To: ourNumber,
    MessageSid: messageSid,
    AccountSid: accountSid,
    From: theirNumber,
    NumSegments: '1',
    ApiVersion: '2010-04-01',
  };
  return new URLSearchParams({ ...common, ...fields }).toString();
}

/** What has become of a message of ours. */
export const status = (MessageStatus: string, more: Record<string, string> = {}): string =>
  new URLSearchParams({
    MessageSid: messageSid,
    MessageStatus,
    SmsStatus: MessageStatus,
    AccountSid: accountSid,
    From: ourNumber,
    To: theirNumber,
    ...more,
  }).toString();

const hmac = (text: string, token = authToken) => createHmac('sha1', token).update(text).digest('base64');

/** As Twilio signs and sends it; `signedUrl` is what it took the address for. */
export function signed(body: Uint8Array, url = hookUrl, signedUrl = url, token = authToken): RawRequest {
  const form = [...new URLSearchParams(Buffer.from(body).toString())];
  const sorted = form.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => name + value);
  return request(body, url, hmac(signedUrl + sorted.join(''), token));
}

/** A body that is no form: its hash is in the address, which alone is signed. */
export const signedAsJson = (body: Uint8Array, url: string): RawRequest => request(body, url, hmac(url));

function request(body: Uint8Array, url: string, signature: string): RawRequest {
  const headers = {
    'content-type': 'application/x-www-form-urlencoded; charset=UTF-8',
    'x-twilio-signature': signature,
    'i-twilio-idempotency-token': 'b4b1e0c6-5a0d-4e29-b8a6-0e8bb6f3b3c1',
  };
  return { method: 'POST', url, headers, body };
}
