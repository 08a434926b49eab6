/**
 * What Twilio proves of its requests: an HMAC-SHA1, by the account's auth token, over the address that it called and the
 * parameters of the form, sorted by name. https://www.twilio.com/docs/usage/security#validating-requests
 */
import { createHash, createHmac } from 'node:crypto';
import type { RawRequest, Verified } from '../channel.ts';
import { isSameSecret } from '../http.ts';
import type { SmsConnection } from './connection.ts';
import { bodyHashOf, readForm } from './form.ts';

/** A message has 1,600 characters and ten files at most. */
const maxFormBytes = 100_000;

const no = (reason: string): Verified => ({ ok: false, reason });

/** No time is signed, so a captured request stays good: the names of its events are what makes it worthless. */
export function verify(request: RawRequest, { credentials }: SmsConnection): Verified {
  if (!credentials.authToken) return no('no auth token is set');
  // The form has to be read before its signature can be checked.
  if (request.body.length > maxFormBytes) return no('the form is too large');
  const given = request.headers['x-twilio-signature'];
  if (!given) return no('x-twilio-signature is missing');

  const hash = bodyHashOf(request.url);
  if (hash !== null && !isSameSecret(hash, createHash('sha256').update(request.body).digest('hex')))
    return no('bodySHA256 is not that of the body');
  // Of a GET, the parameters are in the address already. Of a body that is no form, its hash is.
  const signed = request.method === 'GET' || hash !== null ? '' : sorted(readForm(request));
  const matches = spellingsOf(request.url).filter((url) =>
    isSameSecret(
      given,
      createHmac('sha1', credentials.authToken)
        .update(url + signed)
        .digest('base64'),
    ),
  );
  return matches.length > 0 ? { ok: true } : no('the signature does not match the address and the form');
}

/** Name and value, one after the other, without anything between; of a name that comes twice, each value once. */
function sorted(form: URLSearchParams): string {
  const values = Map.groupBy(form, ([name]) => name);
  return [...values.keys()]
    .sort()
    .flatMap((name) => [...new Set(values.get(name)!.map(([, value]) => name + value))].sort())
    .join('');
}

/** Twilio's own libraries take the address with the standard port and without it, since it has signed either. */
function spellingsOf(url: string): string[] {
  const [origin, scheme, host, port] = /^(https?):\/\/(\[[^\]]+\]|[^/?#:]+)(?::(\d+))?/.exec(url) ?? [];
  if (origin === undefined) return [url];
  const rest = url.slice(origin.length);
  const standard = scheme === 'https' ? '443' : '80';
  return [`${scheme}://${host}${rest}`, `${scheme}://${host}:${port ?? standard}${rest}`];
}
