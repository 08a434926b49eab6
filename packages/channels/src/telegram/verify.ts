/** The secret that Telegram was given with the webhook comes back with each request: https://core.telegram.org/bots/api#setwebhook. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { RawRequest, Verified } from '../channel.ts';

const header = 'x-telegram-bot-api-secret-token';

// Hashed, so that both are of one length.
const hash = (text: string) => createHash('sha256').update(text).digest();

/** See `InboundHook.verify`. It says nothing of the body or of when it was sent: TLS has to protect it. */
export function verifySecret({ headers }: RawRequest, secret: string | undefined): Verified {
  if (!secret) return { ok: false, reason: 'no webhook secret is set' };
  const given = headers[header];
  if (!given) return { ok: false, reason: `${header} is missing` };
  if (timingSafeEqual(hash(given), hash(secret))) return { ok: true };
  return { ok: false, reason: `${header} does not match` };
}
