/**
 * Requests to Discord's HTTP API, https://docs.discord.com/developers/reference#http-api.
 *
 * Not by the REST client of discord.js, which queues requests, sleeps through rate limits and repeats what failed: an
 * adapter sends once and says how it went, so that the outbox knows. These also go through the fetch that we are given,
 * and so past the guard.
 */
import type { CallContext } from '../channel.ts';
import { encodeBody, parseAnswer, readExcerpt, toChannelError } from '../http.ts';
import type { DiscordConnection } from './connection.ts';
import { toFailure } from './errors.ts';

export interface DiscordRequest {
  /** Default GET. */
  method?: 'GET' | 'POST' | 'PATCH' | 'PUT';
  /** Below the API's address. */
  path: string;
  json?: object;
  form?: FormData;
}

/** The longest answer that makes sense: the roles of a large server. */
const maxBytes = 1024 * 1024;

/** The form is prescribed, with an address: https://docs.discord.com/developers/reference#user-agent */
const userAgent = 'DiscordBot (https://nightshift.invalid, 0.1.0)';

/** @returns the answer's JSON; undefined when it is none @throws {ChannelError} */
export async function callDiscord(
  { method = 'GET', path, json, form }: DiscordRequest,
  { credentials, settings }: Pick<DiscordConnection, 'credentials' | 'settings'>,
  { fetch, signal }: CallContext,
): Promise<unknown> {
  const { type, body } = await encodeBody(json, form);
  try {
    const response = await fetch(`${settings.apiUrl}${path}`, {
      method,
      headers: {
        authorization: `Bot ${credentials.botToken}`,
        'user-agent': userAgent,
        // A request with a body, or one that could have one, says how long it is.
        ...(method !== 'GET' && { 'content-length': String(body?.length ?? 0) }),
        ...(type && { 'content-type': type }),
      },
      ...(body && { body }),
      signal,
    });
    const text = await readExcerpt(response, maxBytes);
    if (!response.ok) throw toFailure(response, text, credentials.botToken);
    return parseAnswer(text);
  } catch (error) {
    throw toChannelError(error);
  }
}
