/** Tokens by which we are known to the connector: https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication#bot-to-connector */
import { createHash } from 'node:crypto';
import { FetchFailure } from '@nightshift/contracts';
import { z } from 'zod';
import { type CallContext, ChannelError } from '../channel.ts';
import { parseAnswer, readExcerpt, retryAfterMs, toChannelError } from '../http.ts';
import { cloudOf, type TeamsConnection } from './connection.ts';

const Granted = z.object({ access_token: z.string().min(1), expires_in: z.coerce.number() });
const Refused = z.object({ error: z.string(), error_codes: z.array(z.number()).optional() });

/** It may still be under way when it ends. */
const marginMs = 5 * 60_000;
const maxBytes = 64 * 1024;

export interface Token {
  readonly value: string;
  /** Just made: when it is refused, so are the credentials. */
  readonly isNew: boolean;
}

export interface TokenStore {
  /** @throws {ChannelError} auth, or retry: without one nothing was sent */
  get(connection: TeamsConnection, context: CallContext): Promise<Token>;
  /** The next one is made anew. */
  forget(connection: TeamsConnection): void;
}

export function createTokenStore(): TokenStore {
  const kept = new Map<string, { value: string; until: number }>();
  const keyOf = ({ credentials, settings }: TeamsConnection) =>
    createHash('sha256')
      .update(JSON.stringify([credentials, settings]))
      .digest('hex');
  return {
    async get(connection, context) {
      const now = Date.now();
      const key = keyOf(connection);
      const known = kept.get(key);
      if (known && known.until > now) return { value: known.value, isNew: false };
      const { access_token: value, expires_in: seconds } = await request(connection, context);
      for (const [each, { until }] of kept) if (until <= now) kept.delete(each);
      kept.set(key, { value, until: now + seconds * 1000 - marginMs });
      return { value, isNew: true };
    },
    forget: (connection) => void kept.delete(keyOf(connection)),
  };
}

async function request({ credentials, settings }: TeamsConnection, { fetch, signal }: CallContext) {
  const { login, manyTenants, scope } = cloudOf(settings);
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: credentials.appId,
    client_secret: credentials.appPassword,
    scope,
  });
  const body = new TextEncoder().encode(form.toString());
  try {
    const response = await fetch(`${login}/${settings.tenantId ?? manyTenants}/oauth2/v2.0/token`, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': String(body.length),
      },
      body,
      signal,
    });
    const json = parseAnswer(await readExcerpt(response, maxBytes));
    const granted = Granted.safeParse(json);
    if (response.ok && granted.success) return granted.data;
    throw toRefusal(response, json);
  } catch (error) {
    // Whatever became of this request, the one that it is for was not sent.
    if (error instanceof FetchFailure && error.reason === 'interrupted')
      throw new ChannelError('retry', error.message, { cause: error });
    throw toChannelError(error);
  }
}

/** https://learn.microsoft.com/entra/identity-platform/reference-error-codes */
const words: Readonly<Record<number, string>> = {
  7000215:
    'the app password is wrong. Copy the "Value" of a client secret, not its "Secret ID": Microsoft shows it once, when it is made',
  7000222:
    'the app password has expired. Make a new client secret under "Certificates & secrets" and store it here',
  700016:
    'there is no such app in this tenant. Check the app ID, and for a bot of one tenant give its tenant ID here as well',
  90002: 'there is no such tenant. Check the tenant ID',
};

function toRefusal({ status, headers }: Response, json: unknown): ChannelError {
  const refused = Refused.safeParse(json).data;
  const code = refused?.error_codes?.find((each) => Object.hasOwn(words, each));
  const why = code ? ` (AADSTS${code}): ${words[code]}` : refused ? `: ${oneWord(refused.error)}` : '';
  const wait = { retryAfterMs: retryAfterMs(headers, Date.now()) };
  if (status === 429 || status >= 500 || (status >= 200 && status < 300))
    return new ChannelError('retry', `Microsoft's sign-in answered ${status}${why}.`, wait);
  return new ChannelError('auth', `Microsoft's sign-in refused the app${why || ` with ${status}`}.`);
}

const oneWord = (text: string) => (/^[a-z_]{1,40}$/.test(text) ? text : 'it does not say why');
