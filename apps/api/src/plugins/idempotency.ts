/**
 * `Idempotency-Key` on routes that create: the same request of the same caller gets the first answer again, but for what
 * is shown once (`shownOnce` of the contracts). That is not kept, not even sealed.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { shownOnceFields } from '@nightshift/contracts';
import { isDatabaseUnavailable } from '@nightshift/core/database';
import { DomainError } from '@nightshift/core/errors';
import { beginIdempotent, endIdempotent, type IdempotencyKey } from '@nightshift/core/idempotency';
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

/** The fields that the answer of this status shows once. */
function fieldsOf({ routeOptions }: FastifyRequest, status: number): string[] {
  const answers = routeOptions.schema?.response as Record<number, unknown> | undefined;
  return shownOnceFields(answers?.[status]);
}

/** An answer without them. What was empty shows nothing, and stays. */
function withoutShownOnce(payload: string, fields: readonly string[]): string {
  if (fields.length === 0) return payload;
  const answer = JSON.parse(payload) as Record<string, object | string>;
  for (const field of fields) if (Object.keys(answer[field] ?? '').length > 0) delete answer[field];
  return JSON.stringify(answer);
}

const note =
  'With an `Idempotency-Key` the same request, made again with the same API key within a day, gets the first answer again, ' +
  'with `Idempotency-Replayed: true`';

export const idempotency = fastifyPlugin<{ deps: ApiDeps }>(async (app, { deps }) => {
  /** Requests that are the first with their key, and owe it an answer. */
  const owing = new WeakMap<FastifyRequest, IdempotencyKey>();

  app.addHook('onRoute', (route) => {
    if (!route.config?.idempotent) return;
    const names = Object.values(route.schema?.response ?? {}).flatMap(shownOnceFields);
    const but =
      names.length > 0 ? `, without \`${names.join('`, `')}\`: \`Idempotency-Withheld\` names it` : '';
    const { description = '' } = route.schema ?? {};
    route.schema = { ...route.schema, description: `${description} ${note}${but}.`.trim() };
  });

  app.addHook('preHandler', async (request, reply) => {
    const key = keyOf(request);
    if (key === undefined) return;
    const { teamId, keyId: callerId } = request.caller;
    const mine = { teamId, callerId, key };
    const hash = createHash('sha256')
      .update(JSON.stringify([request.method, request.url, request.body ?? null]))
      .digest();
    const stored = await beginIdempotent(deps.db, mine, hash);
    if (!stored) {
      owing.set(request, mine);
      return;
    }
    const fields = fieldsOf(request, stored.status);
    const context = stored.ofTeam ? sealContext(teamId, key, 'answer') : contextOf(mine);
    const answer = unseal(deps.kek, JSON.parse(stored.body) as Sealed, context);
    // Whose it was is not known: what it showed once is not shown to whoever repeats it.
    const body = stored.ofTeam ? withoutShownOnce(answer, fields) : answer;
    const kept = fields.length > 0 ? JSON.parse(body) : {};
    const withheld = fields.filter((field) => !(field in kept));
    if (withheld.length > 0) reply.header('idempotency-withheld', withheld.join(', '));
    return reply
      .status(stored.status)
      .header('idempotency-replayed', 'true')
      .type(stored.status >= 400 ? 'application/problem+json' : 'application/json')
      .serializer(String)
      .send(body);
  });

  app.addHook('onSend', async (request, reply, payload) => {
    const mine = owing.get(request);
    if (mine === undefined) return payload;
    owing.delete(request);
    const kept = withoutShownOnce(String(payload ?? ''), fieldsOf(request, reply.statusCode));
    const body = JSON.stringify(seal(deps.kek, kept, contextOf(mine)));
    try {
      await endIdempotent(deps.db, mine, { status: reply.statusCode, body });
    } catch (error) {
      forgetLater(mine).catch((cause: Error) => request.log.warn({ err: cause }, 'idempotency key kept'));
      if (reply.statusCode < 500) throw error;
    }
    return payload;
  });

  /** The database went away under a request. The same one is told to come again, and must find its key free then. */
  async function forgetLater(mine: IdempotencyKey): Promise<void> {
    for (let tries = 1; tries <= forgetTries; tries += 1) {
      await sleep(forgetAgainMs, undefined, { ref: false });
      try {
        return await endIdempotent(deps.db, mine, { status: 503, body: '' });
      } catch (error) {
        if (!isDatabaseUnavailable(error)) throw error;
      }
    }
  }
});

/** A stored answer opens for its own caller and key only. */
const contextOf = ({ teamId, callerId, key }: IdempotencyKey) =>
  sealContext(teamId, `${callerId} ${key}`, 'answer');
