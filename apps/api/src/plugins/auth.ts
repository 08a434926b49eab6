/** Who calls, and whether they may: API keys in the Authorization header, a role per route. All before the body is read. */
import { type Role, roleIncludes } from '@nightshift/contracts';
import { type Caller, hashApiKey, isApiKeyForm, resolveApiKey } from '@nightshift/core/api-keys';
import { DomainError, rateLimited } from '@nightshift/core/errors';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { clientNetwork } from '../client-network.ts';
import type { ApiDeps } from '../deps.ts';
import { createKnownKeys } from '../known-keys.ts';
import { createRateLimit } from '../rate-limit.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answers without a key. */
    public?: boolean;
    /** The weakest role that may call. Default: viewer for GET and HEAD, member for the rest. */
    role?: Role;
    /** Also takes the key as the password of HTTP Basic, for pages that a browser opens. */
    basic?: boolean;
  }
  interface FastifyRequest {
    /** @throws on a public route */
    readonly caller: Caller;
  }
}

/** Requests without a key that counts, from one client in a minute. */
const maxGuesses = 30;

function presentedKey(request: FastifyRequest): string | undefined {
  const [scheme, value] = (request.headers.authorization ?? '').split(' ', 2);
  if (scheme?.toLowerCase() === 'bearer') return value;
  if (scheme?.toLowerCase() === 'basic' && request.routeOptions.config.basic && value) {
    return Buffer.from(value, 'base64').toString().split(':').slice(1).join(':');
  }
  return undefined;
}

/** The weakest role that may call the request's route. */
export function neededRole({ method, routeOptions }: FastifyRequest): Role {
  return routeOptions.config.role ?? (method === 'GET' || method === 'HEAD' ? 'viewer' : 'member');
}

function refused(request: FastifyRequest, reply: FastifyReply, key: string | undefined): DomainError {
  const { basic } = request.routeOptions.config;
  reply.header('www-authenticate', basic ? 'Basic realm="Nightshift: the key is the password"' : 'Bearer');
  return new DomainError(
    'unauthorized',
    key ? 'The key is not known, or it was revoked.' : 'Send an API key: Authorization: Bearer ns_…',
  );
}

export const auth = fastifyPlugin<{ deps: ApiDeps }>(async (app, { deps }) => {
  /**
   * Keys are too long to guess, so this only keeps a guesser from loading the database and the log. A client that has
   * used it up gets 429 without a query; but a key that is known to exist is always looked up, and holds nobody up who
   * shares an address with a guesser.
   */
  const guesses = createRateLimit({ max: maxGuesses, windowMs: 60_000 });
  const knownKeys = createKnownKeys(deps);
  /** Under way: requests with one key at the same moment are answered by one query. */
  const lookups = new Map<string, Promise<Caller | null>>();
  const callers = new WeakMap<FastifyRequest, Caller>();
  app.decorateRequest('caller', {
    getter(this: FastifyRequest): Caller {
      const caller = callers.get(this);
      if (!caller) throw new Error(`No caller on ${this.url}`);
      return caller;
    },
  });
  app.addHook('onReady', () => knownKeys.open());
  app.addHook('onClose', async () => knownKeys.close());

  async function identify(request: FastifyRequest, reply: FastifyReply): Promise<Caller> {
    const key = presentedKey(request);
    const hash = key !== undefined && isApiKeyForm(key) ? hashApiKey(key) : null;
    const client = clientNetwork(request.ip);
    if (key === undefined || hash === null) {
      count(client);
      throw refused(request, reply, key);
    }
    // One that is being looked up costs no more. A key that was just made comes in many requests at once.
    const isCounted = !knownKeys.has(hash) && !lookups.has(key);
    if (isCounted) count(client);
    let caller: Caller | null;
    try {
      caller = await lookUp(key);
    } catch (error) {
      // What fails for want of a database is nobody's guess.
      if (isCounted) guesses.giveBack(client);
      throw error;
    }
    if (caller) {
      knownKeys.add(hash);
      if (isCounted) guesses.giveBack(client);
      return caller;
    }
    knownKeys.remove(hash);
    if (!isCounted) guesses.take(client);
    throw refused(request, reply, key);
  }

  /** Before anything is asked, so that guesses that come at once are counted as well. @throws {DomainError} rate_limited */
  function count(client: string): void {
    const wait = guesses.take(client);
    if (wait !== undefined) throw rateLimited(wait, 'Too many refused keys from this address.');
  }

  function lookUp(key: string): Promise<Caller | null> {
    const known = lookups.get(key);
    if (known) return known;
    const lookup = resolveApiKey(deps.db, key).finally(() => lookups.delete(key));
    lookups.set(key, lookup);
    return lookup;
  }

  app.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.config.public || request.is404) return;
    const caller = await identify(request, reply);
    const needed = neededRole(request);
    if (!roleIncludes(caller.role, needed)) {
      throw new DomainError('forbidden', `This needs the role ${needed}; your key is ${caller.role}.`);
    }
    callers.set(request, caller);
    request.log = request.log.child({ teamId: caller.teamId, keyId: caller.keyId });
  });
});
