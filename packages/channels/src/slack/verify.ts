/**
 * Slack's signature over the raw body: https://docs.slack.dev/authentication/verifying-requests-from-slack
 *
 * Our own, since that of @slack/bolt takes timestamps from any future.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { RawRequest, Verified } from '../channel.ts';

/** How far Slack's clock and ours may be apart, either way: the age at which a captured request is worthless. */
const toleranceSeconds = 5 * 60;

/** What Slack's signing secrets exceed by far. */
const minSecretLength = 16;

/** `timestamp`: seconds of the epoch, as the header has it. */
export function signature(secret: string, timestamp: string, body: Uint8Array): string {
  return `v0=${createHmac('sha256', secret).update(`v0:${timestamp}:`).update(body).digest('hex')}`;
}

const no = (reason: string): Verified => ({ ok: false, reason });

/** See `InboundHook.verify`. `now`: milliseconds of the epoch. */
export function verifySignature(
  { headers, body }: RawRequest,
  secret: string | undefined,
  now: number,
): Verified {
  if (!secret || secret.length < minSecretLength) return no('no signing secret is set');
  const timestamp = headers['x-slack-request-timestamp'];
  const given = headers['x-slack-signature'];
  if (!timestamp || !given) return no('an x-slack-* header is missing');
  if (!/^\d{1,12}$/.test(timestamp)) return no('x-slack-request-timestamp is no number of seconds');
  if (Math.abs(now / 1000 - Number(timestamp)) > toleranceSeconds)
    return no('x-slack-request-timestamp is too far off');
  const expectedBytes = Buffer.from(signature(secret, timestamp, body));
  const givenBytes = Buffer.from(given);
  const matches = givenBytes.length === expectedBytes.length && timingSafeEqual(givenBytes, expectedBytes);
  return matches ? { ok: true } : no('the signature does not match');
}
