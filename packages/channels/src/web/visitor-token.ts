/**
 * Who a browser is, without an account: `v1.<payload>.<HMAC-SHA256>`, made and read by the server alone. The payload names
 * the channel, so that a token is worth nothing in another one, and ends after a while in which nobody came.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

export interface Visitor {
  /** The identity's id in the channel: random, or `user:…` where the host page has said who it is. */
  readonly id: string;
  readonly name: string | null;
}

const Payload = z.strictObject({
  /** The channel's id. */
  c: z.string(),
  v: z.string().min(1).max(200),
  n: z.string().nullable(),
  /** Seconds of the epoch. */
  e: z.number(),
});

/** A visitor who does not come back for so long begins anew, in milliseconds. */
export const visitorTokenMs = 30 * 24 * 60 * 60 * 1000;

const mac = (secret: string, payload: string) =>
  createHmac('sha256', secret).update(`nightshift.visitor.v1.${payload}`).digest();

export const newVisitorId = () => `v-${randomBytes(16).toString('base64url')}`;

/** @param now milliseconds of the epoch */
export function signVisitorToken(
  secret: string,
  channelId: string,
  { id, name }: Visitor,
  now: number,
): { token: string; expiresAt: Date } {
  const seconds = Math.floor((now + visitorTokenMs) / 1000);
  const claims: z.infer<typeof Payload> = { c: channelId, v: id, n: name, e: seconds };
  const payload = Buffer.from(JSON.stringify(claims)).toString('base64url');
  return {
    token: `v1.${payload}.${mac(secret, payload).toString('base64url')}`,
    expiresAt: new Date(seconds * 1000),
  };
}

/** Null: it is not ours, of another channel, changed, or too old. @param now milliseconds of the epoch */
export function readVisitorToken(
  secret: string,
  channelId: string,
  token: string,
  now: number,
): Visitor | null {
  const match = /^v1\.([\w-]{1,2000})\.([\w-]{43})$/.exec(token);
  if (!match) return null;
  const [, payload = '', signature = ''] = match;
  // Compared as it is written: decoding would take several spellings for one.
  const expected = Buffer.from(mac(secret, payload).toString('base64url'));
  if (!timingSafeEqual(expected, Buffer.from(signature))) return null;
  // Signed by us, so it is what we write.
  const { c, v, n, e } = Payload.parse(JSON.parse(Buffer.from(payload, 'base64url').toString()));
  return c === channelId && e * 1000 > now ? { id: v, name: n } : null;
}
