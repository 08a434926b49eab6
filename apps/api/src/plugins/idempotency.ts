/** `Idempotency-Key` on routes that create: the same request again gets the first answer again. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDatabaseUnavailable } from '@nightshift/core/database';
import { DomainError } from '@nightshift/core/errors';
import { beginIdempotent, endIdempotent } from '@nightshift/core/idempotency';
import { type Sealed, seal, sealContext, unseal } from '@nightshift/core/secrets';
import type { FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import type { ApiDeps } from '../deps.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route creates something and takes an Idempotency-Key. */
    idempotent?: boolean;
  }
}

/** For a minute: a key that was not given back is free after two anyhow. */
const forgetTries = 60;
const forgetAgainMs = 1_000;

function keyOf(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined || !request.routeOptions.config.idempotent) return undefined;
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw new DomainError('invalid_request', 'Idempotency-Key: must be 1 to 255 printable ASCII characters.');
  }
  return key;
}

export const idempotency = fastifyPlugin<{ deps: ApiDeps }>(async (app, { deps }) => {
  /** Requests that are the first with their key, and owe it an answer. */
  const owing = new WeakMap<FastifyRequest, string>();

  app.addHook('preHandler', async (request, reply) => {
    const key = keyOf(request);
    if (key === undefined) return;
    const { teamId } = request.caller;
    const hash = createHash('sha256')
      .update(JSON.stringify([request.method, request.url, request.body ?? null]))
      .digest();
    const stored = await beginIdempotent(deps.db, teamId, key, hash);
    if (!stored) {
      owing.set(request, key);
      return;
    }
    const body = unseal(deps.kek, JSON.parse(stored.body) as Sealed, sealContext(teamId, key, 'answer'));
    return reply
      .status(stored.status)
      .header('idempotency-replayed', 'true')
      .type(stored.status >= 400 ? 'application/problem+json' : 'application/json')
      .serializer(String)
      .send(body);
  });

  app.addHook('onSend', async (request, reply, payload) => {
    const key = owing.get(request);
    if (key === undefined) return payload;
    owing.delete(request);
    const { teamId } = request.caller;
    // An answer may hold a secret that is shown once (a new API key), so it is stored sealed.
    const body = JSON.stringify(seal(deps.kek, String(payload ?? ''), sealContext(teamId, key, 'answer')));
    try {
      await endIdempotent(deps.db, teamId, key, { status: reply.statusCode, body });
    } catch (error) {
      forgetLater(teamId, key).catch((cause: Error) =>
        request.log.warn({ err: cause }, 'idempotency key kept'),
      );
      if (reply.statusCode < 500) throw error;
    }
    return payload;
  });

  /** The database went away under a request. The same one is told to come again, and must find its key free then. */
  async function forgetLater(teamId: string, key: string): Promise<void> {
    for (let tries = 1; tries <= forgetTries; tries += 1) {
      await sleep(forgetAgainMs, undefined, { ref: false });
      try {
        return await endIdempotent(deps.db, teamId, key, { status: 503, body: '' });
      } catch (error) {
        if (!isDatabaseUnavailable(error)) throw error;
      }
    }
  }
});
