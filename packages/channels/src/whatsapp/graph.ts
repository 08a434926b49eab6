/** Requests to the Graph API: https://developers.facebook.com/docs/graph-api/overview */
import type { CallContext } from '../channel.ts';
import { encodeBody, parseAnswer, readExcerpt, toChannelError } from '../http.ts';
import type { WhatsappConnection } from './connection.ts';
import { type Meaning, toFailure } from './errors.ts';

export interface GraphRequest {
  /** Below the API's address, with a query where it needs one. */
  path: string;
  /** Sent as JSON. Neither this nor `form`: it is a GET. */
  json?: object;
  form?: FormData;
  /** Default: the access token of the connection. */
  token?: string;
  /** See `FailureOptions`. */
  absent?: Meaning;
}

/** The longest answer that makes sense. */
const maxBytes = 256 * 1024;

/** @returns the answer's JSON; undefined when it is none @throws {ChannelError} */
export async function callGraph(
  { path, json, form, token, absent }: GraphRequest,
  { credentials, settings }: WhatsappConnection,
  { fetch, signal }: CallContext,
): Promise<unknown> {
  const { type, body } = await encodeBody(json, form);
  try {
    const response = await fetch(`${settings.apiUrl}/${path}`, {
      method: body ? 'POST' : 'GET',
      headers: {
        authorization: `Bearer ${token ?? credentials.accessToken}`,
        'user-agent': 'Nightshift',
        ...(type && { 'content-type': type }),
      },
      ...(body && { body }),
      signal,
    });
    const text = await readExcerpt(response, maxBytes);
    if (!response.ok) throw toFailure(response, text, { secrets: Object.values(credentials), absent });
    return parseAnswer(text);
  } catch (error) {
    throw toChannelError(error);
  }
}
