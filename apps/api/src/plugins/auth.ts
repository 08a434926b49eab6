/** Who calls, and whether they may: API keys in the Authorization header, a role per route. */
import { type Role, roleIncludes } from '@nightshift/contracts';
import { type Caller, resolveApiKey } from '@nightshift/core/api-keys';
import { DomainError } from '@nightshift/core/errors';
import type { FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import type { ApiDeps } from '../deps.ts';

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

const windowMs = 60_000;
const maxFailures = 30;
const maxAddresses = 10_000;

/**
 * Counts refused keys per address. Keys are too long to guess, so this only keeps a guesser from loading the
 * database and the log; a caller with a good key is never held up by others behind its address.
 */
function createGuessLimit() {
  const failures = new Map<string, { count: number; until: number }>();
  return {
    /** Seconds to wait, when the address has failed too often. */
    failed(address: string): number | undefined {
      const now = Date.now();
      let entry = failures.get(address);
      if (!entry || entry.until < now) {
        if (failures.size >= maxAddresses) failures.clear();
        entry = { count: 0, until: now + windowMs };
        failures.set(address, entry);
      }
      entry.count += 1;
      return entry.count > maxFailures ? Math.ceil((entry.until - now) / 1000) : undefined;
    },
  };
}

function presentedKey(request: FastifyRequest): string | undefined {
  const [scheme, value] = (request.headers.authorization ?? '').split(' ', 2);
  if (scheme?.toLowerCase() === 'bearer') return value;
  if (scheme?.toLowerCase() === 'basic' && request.routeOptions.config.basic && value) {
    return Buffer.from(value, 'base64').toString().split(':').slice(1).join(':');
  }
  return undefined;
}

export const auth = fastifyPlugin<{ deps: ApiDeps }>(async (app, { deps }) => {
  const guesses = createGuessLimit();
  const callers = new WeakMap<FastifyRequest, Caller>();
  app.decorateRequest('caller', {
    getter(this: FastifyRequest): Caller {
      const caller = callers.get(this);
      if (!caller) throw new Error(`No caller on ${this.url}`);
      return caller;
    },
  });

  app.addHook('onRequest', async (request, reply) => {
    const { config } = request.routeOptions;
    if (config.public || request.is404) return;
    const key = presentedKey(request);
    const caller = key ? await resolveApiKey(deps.db, key) : null;
    if (!caller) {
      const wait = guesses.failed(request.ip);
      if (wait !== undefined) {
        reply.header('retry-after', wait);
        throw new DomainError(
          'rate_limited',
          `Too many refused keys from this address. Try again in ${wait} s.`,
        );
      }
      reply.header(
        'www-authenticate',
        config.basic ? 'Basic realm="Nightshift: the key is the password"' : 'Bearer',
      );
      throw new DomainError(
        'unauthorized',
        key ? 'The key is not known, or it was revoked.' : 'Send an API key: Authorization: Bearer ns_…',
      );
    }
    const needed =
      config.role ?? (request.method === 'GET' || request.method === 'HEAD' ? 'viewer' : 'member');
    if (!roleIncludes(caller.role, needed)) {
      throw new DomainError('forbidden', `This needs the role ${needed}; your key is ${caller.role}.`);
    }
    callers.set(request, caller);
    request.log = request.log.child({ teamId: caller.teamId, keyId: caller.keyId });
  });
});
