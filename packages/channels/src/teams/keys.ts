/** The keys that the connector signs with: https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication#step-3-get-the-list-of-valid-signing-keys */
import { z } from 'zod';
import { type CallContext, ChannelError } from '../channel.ts';
import { readExcerpt, toChannelError } from '../http.ts';
import type { Cloud } from './clouds.ts';

const Metadata = z.object({ issuer: z.string(), jwks_uri: z.url() });

const Key = z.looseObject({
  kty: z.literal('RSA'),
  kid: z.string(),
  /** For which channels of the Bot Framework it may speak. */
  endorsements: z.array(z.string()).optional(),
});
const Keys = z.object({ keys: z.array(Key) });

export type Key = z.infer<typeof Key>;

/** Microsoft changes them every few days and says so a day before, so that nobody waits for them. */
const freshMs = 24 * 3_600_000;
/** A token may name any key: it makes us ask at most once in a while. */
const askAgainMs = 60_000;
const maxBytes = 256 * 1024;

export interface Keyring {
  /** @throws {ChannelError} the keys cannot be had */
  find(cloud: Cloud, kid: string, now: number, context: CallContext): Promise<Key | undefined>;
}

export function createKeyring(): Keyring {
  const kept = new Map<string, { keys: Promise<readonly Key[]>; at: number }>();

  function load(cloud: Cloud, now: number, context: CallContext): Promise<readonly Key[]> {
    const keys = fetchKeys(cloud, context);
    const before = kept.get(cloud.openId);
    kept.set(cloud.openId, { keys, at: now });
    // What cannot be had now is asked for again by the next request, and does not undo what is known.
    keys.catch(() => {
      if (kept.get(cloud.openId)?.keys !== keys) return;
      if (before) kept.set(cloud.openId, before);
      else kept.delete(cloud.openId);
    });
    return keys;
  }

  return {
    async find(cloud, kid, now, context) {
      const known = kept.get(cloud.openId);
      const age = known ? Math.abs(now - known.at) : Number.POSITIVE_INFINITY;
      const named = async (keys: Promise<readonly Key[]>) => (await keys).find((key) => key.kid === kid);
      if (!known || age >= freshMs) return named(load(cloud, now, context));
      const key = await named(known.keys);
      return key || age < askAgainMs ? key : named(load(cloud, now, context));
    },
  };
}

async function fetchKeys({ openId, issuer }: Cloud, context: CallContext): Promise<readonly Key[]> {
  const metadata = Metadata.parse(await fetchJson(openId, context));
  const isTheirs = metadata.issuer === issuer && new URL(metadata.jwks_uri).origin === new URL(openId).origin;
  if (!isTheirs) throw new ChannelError('rejected', "The metadata of Microsoft's keys is not Microsoft's.");
  return Keys.parse(await fetchJson(metadata.jwks_uri, context)).keys;
}

async function fetchJson(url: string, { fetch, signal }: CallContext): Promise<unknown> {
  try {
    const response = await fetch(url, { signal });
    const text = await readExcerpt(response, maxBytes);
    if (!response.ok)
      throw new ChannelError('retry', `The address of Microsoft's keys answered ${response.status}.`);
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new ChannelError('retry', "Microsoft's keys are no JSON.", { cause: error });
    throw toChannelError(error);
  }
}
