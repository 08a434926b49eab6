/** Requests to Twilio's REST API: https://www.twilio.com/docs/usage/api */
import type { CallContext } from '../channel.ts';
import { parseAnswer, readExcerpt, toChannelError } from '../http.ts';
import type { SmsConnection } from './connection.ts';
import { toFailure } from './errors.ts';

export interface RestRequest {
  /** With a query where it needs one. */
  url: string;
  /** Posted as a form; absent: it is a GET. */
  form?: Readonly<Record<string, string>>;
}

/** The longest answer that makes sense. */
const maxBytes = 256 * 1024;

export function authorizationOf({ credentials, settings }: SmsConnection): string {
  const pair = `${settings.accountSid}:${credentials.authToken}`;
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

export const accountUrl = ({ settings }: SmsConnection): string =>
  `${settings.apiUrl}/2010-04-01/Accounts/${settings.accountSid}`;

/** @returns the answer's JSON; undefined when it is none @throws {ChannelError} */
export async function callTwilio(
  { url, form }: RestRequest,
  connection: SmsConnection,
  { fetch, signal }: CallContext,
): Promise<unknown> {
  try {
    const response = await fetch(url, {
      method: form ? 'POST' : 'GET',
      headers: {
        authorization: authorizationOf(connection),
        'user-agent': 'Nightshift',
        ...(form && { 'content-type': 'application/x-www-form-urlencoded' }),
      },
      ...(form && { body: new URLSearchParams(form).toString() }),
      signal,
    });
    const text = await readExcerpt(response, maxBytes);
    if (!response.ok) throw toFailure(response, text, connection.credentials.authToken);
    return parseAnswer(text);
  } catch (error) {
    throw toChannelError(error);
  }
}
