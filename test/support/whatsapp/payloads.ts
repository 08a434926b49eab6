/**
 * Webhooks as Meta documents them, with its example values.
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages
 */
import { createHmac } from 'node:crypto';
import type { RawRequest } from '@nightshift/channels';
import { businessAccountId, credentials, phoneNumberId } from './fake-whatsapp.ts';

export const businessNumber = '15550783881';
export const sheena = { phone: '16505551234', user: 'US.13491208655302741918', name: 'Sheena Nelson' };

const contacts = [{ profile: { name: sheena.name }, wa_id: sheena.phone, user_id: sheena.user }];

/** A request body around the value of one change. */
export const notification = (value: object, field = 'messages'): string =>
  JSON.stringify({
    object: 'whatsapp_business_account',
    entry: [{ id: businessAccountId, changes: [{ value, field }] }],
  });

const metadata = { display_phone_number: businessNumber, phone_number_id: phoneNumberId };

export const changeOf = (rest: object): object => ({ messaging_product: 'whatsapp', metadata, ...rest });

/** One message of Sheena's. `message` may replace what is common to all. */
export const received = (id: string, message: object): string =>
  notification(
    changeOf({
      contacts,
      messages: [{ from: sheena.phone, from_user_id: sheena.user, id, timestamp: '1749416383', ...message }],
    }),
  );

/** As Meta signs and sends it. */
export function signed(
  body: Uint8Array,
  url = 'https://nightshift.example/v1/hooks/key',
  secret = credentials.appSecret,
): RawRequest {
  const hex = createHmac('sha256', secret).update(body).digest('hex');
  const headers = { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${hex}` };
  return { method: 'POST', url, headers, body };
}

/** The question whether an address is ours. */
export function question(query: Record<string, string>): RawRequest {
  const url = `https://nightshift.example/v1/hooks/key?${new URLSearchParams(query)}`;
  return { method: 'GET', url, headers: {}, body: new Uint8Array() };
}
