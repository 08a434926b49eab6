/** Signatures of https://www.standardwebhooks.com: HMAC-SHA256 over `id.timestamp.body`. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { RawRequest, Verified } from '../channel.ts';

/** How far a sender's clock may be off, either way, in seconds: the age at which a captured request is worthless. */
const toleranceSeconds = 5 * 60;

/** The shortest key that the specification allows. */
const minKeyBytes = 24;

const keyOf = (secret: string) => Buffer.from(secret.replace(/^whsec_/, ''), 'base64');

function hmac(key: Buffer, id: string, timestamp: string, body: Uint8Array): Buffer {
  return createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
}

/** The headers that a signed request carries. `now`: milliseconds of the epoch. */
export function signedHeaders(
  secret: string,
  id: string,
  now: number,
  body: Uint8Array,
): Record<string, string> {
  const timestamp = String(Math.floor(now / 1000));
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${hmac(keyOf(secret), id, timestamp, body).toString('base64')}`,
  };
}

const no = (reason: string): Verified => ({ ok: false, reason });

/** Checks a request that came in; see `InboundHook.verify`. */
export function verifySigned(
  { headers, body }: RawRequest,
  secret: string | undefined,
  now: number,
): Verified {
  const key = keyOf(secret ?? '');
  if (key.length < minKeyBytes) return no('no secret is set, or it is too short');
  const id = headers['webhook-id'];
  const timestamp = headers['webhook-timestamp'];
  const signatures = headers['webhook-signature'];
  if (!id || !timestamp || !signatures) return no('a webhook-* header is missing');
  if (!/^\d{1,12}$/.test(timestamp)) return no('webhook-timestamp is no number of seconds');
  if (Math.abs(now / 1000 - Number(timestamp)) > toleranceSeconds)
    return no('webhook-timestamp is too far off');
  // Compared as it is written: decoding would take several spellings for one.
  const expected = Buffer.from(`v1,${hmac(key, id, timestamp, body).toString('base64')}`);
  // Several while a sender changes its secret.
  const matches = signatures.split(' ').filter((signature) => {
    const given = Buffer.from(signature);
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
  return matches.length > 0 ? { ok: true } : no('no signature matches');
}
