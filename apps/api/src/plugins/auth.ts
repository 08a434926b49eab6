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
    const hasForm = key !== undefined && isApiKeyForm(key);
    const isKnown = hasForm && knownKeys.has(hashApiKey(key));
    const client = clientNetwork(request.ip);
    // Counted before anything is asked, so that guesses that come at once are counted as well.
    const wait = isKnown ? undefined : guesses.take(client);
    if (wait !== undefined) throw rateLimited(wait, 'Too many refused keys from this address.');
    if (!hasForm) throw refused(request, reply, key);
    let isGuess = false;
    try {
      const caller = await resolveApiKey(deps.db, key);
      isGuess = caller === null;
      if (caller) return caller;
    } finally {
      // What fails for want of a database is nobody's guess.
      if (!isKnown && !isGuess) guesses.giveBack(client);
    }
    if (isKnown) guesses.take(client);
    throw refused(request, reply, key);
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
