/** The parameters of Twilio's requests: in the body of a POST, in the address of a GET. */
import { ChannelError, type RawRequest } from '../channel.ts';

/** @throws {ChannelError} rejected: it is no text in UTF-8 */
export function readForm({ method, url, body }: RawRequest): URLSearchParams {
  if (method === 'GET') return new URL(url).searchParams;
  try {
    return new URLSearchParams(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (cause) {
    throw new ChannelError('rejected', 'The request is no form.', { cause });
  }
}

/** Set when the body is no form, but JSON for instance. */
export const bodyHashOf = (url: string): string | null => new URL(url).searchParams.get('bodySHA256');
