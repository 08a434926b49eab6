/**
 * What Meta proves of its requests.
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/create-webhook-endpoint
 */
import { createHmac } from 'node:crypto';
import type { HookAnswer, RawRequest, Verified } from '../channel.ts';
import { isSameSecret } from '../http.ts';
import type { WhatsappConnection } from './connection.ts';

const no = (reason: string): Verified => ({ ok: false, reason });

/**
 * A GET asks whether the address is ours and shows the verify token; a POST is signed with the app's secret. No time is
 * signed, so a captured request stays good: the names of its events are what makes it worthless.
 */
export function verify(request: RawRequest, { credentials }: WhatsappConnection): Verified {
  return request.method === 'GET' ? verifyQuestion(request, credentials) : verifySigned(request, credentials);
}

function verifyQuestion({ url }: RawRequest, { verifyToken }: { verifyToken: string }): Verified {
  if (!verifyToken) return no('no verify token is set');
  const query = new URL(url).searchParams;
  if (query.get('hub.mode') !== 'subscribe') return no('hub.mode is not "subscribe"');
  return isSameSecret(query.get('hub.verify_token') ?? '', verifyToken)
    ? { ok: true }
    : no('the verify token is another one');
}

function verifySigned({ headers, body }: RawRequest, { appSecret }: { appSecret: string }): Verified {
  if (!appSecret) return no('no app secret is set');
  const given = headers['x-hub-signature-256'];
  if (!given) return no('x-hub-signature-256 is missing');
  const expected = `sha256=${createHmac('sha256', appSecret).update(body).digest('hex')}`;
  return isSameSecret(given, expected) ? { ok: true } : no('the signature does not match');
}

/** Meta believes that an address is ours when it hears its challenge back. */
export function answer({ method, url }: RawRequest): HookAnswer {
  if (method !== 'GET') return { status: 200 };
  const challenge = new URL(url).searchParams.get('hub.challenge') ?? '';
  return { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: challenge };
}
