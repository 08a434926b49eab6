/** Calls of the Bot API, https://core.telegram.org/bots/api: grammY's, over the fetch that the adapter is given. */
import { buffer } from 'node:stream/consumers';
import { Api, type ApiClientOptions, GrammyError, HttpError, type RawApi } from 'grammy';
import type { UserFromGetMe } from 'grammy/types';
import { type CallContext, ChannelError } from '../channel.ts';
import { retryAfterMs, toChannelError } from '../http.ts';
import type { TelegramConnection } from './connection.ts';
import { type Refusal, refusalError } from './errors.ts';

/** Makes one or more calls. @throws {ChannelError} */
export async function callApi<Result>(
  { credentials, settings }: Pick<TelegramConnection, 'credentials' | 'settings'>,
  context: CallContext,
  calls: (api: RawApi) => Promise<Result>,
): Promise<Result> {
  try {
    // grammY wants node-fetch's type, with its classes, and uses only the function.
    const fetch = fetchWithin(context) as unknown as NonNullable<ApiClientOptions['fetch']>;
    return await calls(new Api(credentials.token, { apiRoot: settings.apiUrl, fetch }).raw);
  } catch (error) {
    if (error instanceof GrammyError) throw refusalError(error, Object.values(credentials));
    throw toChannelError(error instanceof HttpError ? error.error : error);
  }
}

/** Who the bot is. @throws {ChannelError} */
export async function getMe(...to: [TelegramConnection, CallContext]): Promise<UserFromGetMe> {
  const bot: UserFromGetMe | undefined = await callApi(...to, (api) => api.getMe());
  if (bot?.id === undefined)
    throw new ChannelError('ambiguous', 'What answered is not Telegram: it does not say who the bot is.');
  return bot;
}

interface GrammyRequest {
  method: string;
  headers: { 'content-type': string };
  body: string | NodeJS.ReadableStream;
}

/**
 * grammY's requests carry an agent, a signal of a polyfill and bodies that are Node streams; none of these means
 * anything to `fetch`. It also reads every answer as JSON, and would lose the status of one that is not.
 */
function fetchWithin({ fetch, signal }: CallContext) {
  return async (url: string, { method, headers, body }: GrammyRequest): Promise<Response> => {
    const response = await fetch(url, {
      method,
      headers: { 'content-type': headers['content-type'] },
      body: typeof body === 'string' ? body : await buffer(body),
      signal,
    });
    const answer = parseAnswer(await response.text());
    if (!answer) throw notTheApi(response);
    return Response.json(answer);
  };
}

function parseAnswer(text: string): { ok: boolean } | undefined {
  try {
    const json = JSON.parse(text);
    return typeof json?.ok === 'boolean' ? json : undefined;
  } catch {
    // A page of some proxy: its status has to say it all.
    return undefined;
  }
}

function notTheApi({ status, headers }: Response): ChannelError {
  if (status < 300)
    return new ChannelError('ambiguous', 'What answered is not Telegram: the answer is not of the Bot API.');
  const waitMs = retryAfterMs(headers, Date.now());
  const refusal: Refusal = { error_code: status, description: `HTTP status ${status}` };
  return refusalError(
    waitMs === undefined ? refusal : { ...refusal, parameters: { retry_after: waitMs / 1000 } },
  );
}
