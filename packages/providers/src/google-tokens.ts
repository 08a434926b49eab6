/**
 * Vertex AI takes access tokens that live for an hour. They are made from a service account's key.
 * https://developers.google.com/identity/protocols/oauth2/service-account#httprest
 */
import { createHash, createPrivateKey, sign } from 'node:crypto';
import { z } from 'zod';
import { abortedError, clean, httpError, toModelError } from './errors.ts';
import { type Endpoint, ModelError, type Protocol } from './provider.ts';
import { HttpFailure, readCapped } from './transport.ts';

/** The one place that an assertion is sent to, whatever the key's file says. */
const TOKEN_URI = 'https://oauth2.googleapis.com/token';
const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';
const LIFE_SECONDS = 3600;
/** A call that begins just before the end may take minutes. */
const REFRESH_EARLY_MS = 5 * 60_000;
const TIMEOUT_MS = 10_000;
const MAX_BYTES = 64 * 1024;
const MAX_TOKENS = 64;

const ServiceAccount = z.object({
  type: z.literal('service_account'),
  client_email: z.string().min(1),
  private_key: z.string().min(1),
  private_key_id: z.string().optional(),
});
type ServiceAccount = z.infer<typeof ServiceAccount>;

const TokenAnswer = z.object({ access_token: z.string().min(1), expires_in: z.number().positive() });

/** Whether a key is a file of JSON rather than a token. */
export const isServiceAccount = (apiKey: string): boolean => apiKey.trimStart().startsWith('{');

/** @throws {Error} with a message for people when it is no service account's key; it holds nothing of the key */
export function parseServiceAccount(json: string): ServiceAccount {
  const parsed = ServiceAccount.safeParse(parseJson(json));
  if (!parsed.success) {
    throw new Error(
      'is no service account: the JSON file of its key has type "service_account", client_email and private_key',
    );
  }
  try {
    createPrivateKey(parsed.data.private_key);
  } catch (error) {
    throw new Error('has a private_key that cannot be read: it is a PEM with line breaks written as \\n', {
      cause: error,
    });
  }
  return parsed.data;
}

export interface GoogleTokens {
  /**
   * An access token that is good for five minutes at least.
   * @throws {ModelError} when Google gives none
   */
  tokenFor(endpoint: Endpoint, signal: AbortSignal): Promise<string>;
}

export interface GoogleTokenOptions {
  tokenUri?: string;
  /** Epoch milliseconds. */
  now?: () => number;
}

export function createGoogleTokens(options: GoogleTokenOptions = {}): GoogleTokens {
  const { tokenUri = TOKEN_URI, now = Date.now } = options;
  const tokens = new Map<string, { token: Promise<string>; freshUntil: number }>();

  return {
    async tokenFor(endpoint, signal) {
      const apiKey = endpoint.apiKey ?? '';
      const id = createHash('sha256').update(apiKey).digest('base64');
      let entry = tokens.get(id);
      if (!entry || entry.freshUntil <= now()) {
        const made = { token: Promise.resolve(''), freshUntil: now() + TIMEOUT_MS };
        made.token = requestToken(endpoint, apiKey, tokenUri, now()).then(({ token, expiresIn }) => {
          made.freshUntil = now() + expiresIn * 1000 - REFRESH_EARLY_MS;
          return token;
        });
        made.token.catch(() => tokens.get(id) === made && tokens.delete(id));
        tokens.delete(id);
        if (tokens.size >= MAX_TOKENS) tokens.delete(tokens.keys().next().value as string);
        tokens.set(id, made);
        entry = made;
      }
      return orAborted(entry.token, signal);
    },
  };
}

/** Others may wait for the same token, so the request goes on when one of them leaves. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(abortedError());
  return new Promise((resolve, reject) => {
    const abort = () => reject(abortedError());
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

async function requestToken(
  endpoint: Endpoint,
  apiKey: string,
  tokenUri: string,
  now: number,
): Promise<{ token: string; expiresIn: number }> {
  const assertion = assertionOf(apiKey, tokenUri, Math.floor(now / 1000));
  try {
    const response = await fetch(tokenUri, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion }),
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const body = await readCapped(response, MAX_BYTES);
    if (response.ok) {
      const { access_token, expires_in } = TokenAnswer.parse(parseJson(body));
      return { token: access_token, expiresIn: expires_in };
    }
    if (response.status !== 400 && response.status !== 401)
      throw httpError(new HttpFailure(response.status, response.headers, body), endpoint);
    const { error, error_description: description } = Object(parseJson(body)) as Record<string, unknown>;
    const why = clean([error, description].filter((part) => typeof part === 'string').join(': '), assertion);
    throw new ModelError('auth', `Google refused the service account${why ? ` (${why})` : ''}.`, {
      status: response.status,
    });
  } catch (error) {
    if (error instanceof Error && error.name === 'TimeoutError')
      throw new ModelError('timeout', 'Google gave no access token in time.');
    if (error instanceof z.ZodError)
      throw new ModelError('server', "Google's answer holds no access token.", { cause: error });
    throw toModelError(error, { ...endpoint, baseUrl: tokenUri }, false);
  }
}

/** A JWT, signed with the account's key. @throws {ModelError} auth, when the key is none */
function assertionOf(apiKey: string, tokenUri: string, now: number): string {
  let account: ServiceAccount;
  try {
    account = parseServiceAccount(apiKey);
  } catch (error) {
    throw new ModelError('auth', `The key ${(error as Error).message}.`, { cause: error });
  }
  const { client_email: issuer, private_key: key, private_key_id: kid } = account;
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { iss: issuer, scope: SCOPE, aud: tokenUri, iat: now, exp: now + LIFE_SECONDS };
  const unsigned = `${encode({ alg: 'RS256', typ: 'JWT', ...(kid ? { kid } : {}) })}.${encode(claims)}`;
  return `${unsigned}.${sign('RSA-SHA256', Buffer.from(unsigned), key).toString('base64url')}`;
}

/** The protocol, given an access token where the endpoint's key is a service account. */
export function withGoogleTokens(protocol: Protocol, tokens: GoogleTokens = createGoogleTokens()): Protocol {
  return {
    stream(call, endpoint, signal) {
      if (!endpoint.googleTokens || !endpoint.apiKey || !isServiceAccount(endpoint.apiKey))
        return protocol.stream(call, endpoint, signal);
      return (async function* () {
        try {
          endpoint = { ...endpoint, apiKey: await tokens.tokenFor(endpoint, signal) };
        } catch (error) {
          const partial = { role: 'assistant' as const, content: [] };
          yield { type: 'error', error: toModelError(error, endpoint, false), partial, usage: null };
          return;
        }
        yield* protocol.stream(call, endpoint, signal);
      })();
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
