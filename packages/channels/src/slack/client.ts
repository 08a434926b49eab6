/** Slack's Web API through the client of @slack/bolt: one request a call, through the fetch that we are given. */

import type { Fetch } from '@nightshift/contracts';
import { type Logger, LogLevel, webApi } from '@slack/bolt';
import type { CallContext } from '../channel.ts';
import { statusError, toSlackError } from './errors.ts';
import type { SlackConnection } from './settings.ts';

/** The library would write to the console; whatever matters comes back as an error. */
export const silent: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  setLevel() {},
  setName() {},
  getLevel: () => LogLevel.ERROR,
};

/** What makes the library's own clients ours: no retries, no waiting, no other way out. */
export function clientOptions(apiUrl: string, { fetch, signal }: CallContext) {
  const only: Fetch = async (url, init) => {
    const response = await fetch(url, { ...init, signal });
    if (response.status !== 200) throw statusError(response, url.slice(url.lastIndexOf('/') + 1));
    return response;
  };
  return {
    slackApiUrl: apiUrl,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    fetch: only as typeof globalThis.fetch,
  };
}

/**
 * @param method the name of what `request` calls, for its errors
 * @param token default: the bot's
 * @throws {ChannelError}
 */
export async function call<T>(
  method: string,
  request: (client: webApi.WebClient) => Promise<T>,
  { credentials, settings }: SlackConnection,
  context: CallContext,
  token: string = credentials.botToken,
): Promise<T> {
  const client = new webApi.WebClient(token, { ...clientOptions(settings.apiUrl, context), logger: silent });
  try {
    return await request(client);
  } catch (error) {
    throw toSlackError(error, method);
  }
}
