/**
 * Where chat platforms push to. A request is believed once its raw bytes are verified, and answered once what it tells of
 * is committed; whatever the workers do, the platform hears from us in time. Without the database it hears 503, and
 * comes again.
 */
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OpenConnection } from '@nightshift/agent';
import { ChannelError, type HookAnswer, type RawRequest } from '@nightshift/channels';
import { hookPath } from '@nightshift/core/channels';
import { DomainError } from '@nightshift/core/errors';
import { acceptEvents, wakeForEvents } from '@nightshift/core/inbox';
import type { FastifyBaseLogger, FastifyPluginAsync, FastifyRequest } from 'fastify';
import type { ApiDeps } from '../deps.ts';
import { maxBodyBytes, readRawBody } from './raw-body.ts';

/** The most impatient platforms wait 3 s. */
const answerWithinMs = 2_500;

const keyPattern = /^[\w-]{20,64}$/;

export const hookRoutes: FastifyPluginAsync<{ deps: ApiDeps }> = async (app, { deps }) => {
  const { db, log, metrics, traffic, hooks } = deps;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { bodyLimit: maxBodyBytes }, (_request: FastifyRequest, payload: Readable) =>
    readRawBody(payload),
  );

  for (const method of ['GET', 'POST'] as const) {
    app.route<{ Params: { hookKey: string } }>({
      method,
      url: '/v1/hooks/:hookKey',
      config: { public: true },
      schema: {
        tags: ['channels'],
        summary:
          method === 'POST'
            ? 'What a chat platform pushes'
            : "A chat platform's question whether we are there",
        description:
          'The address of a channel (its `webhookUrl`), for the platform alone: it signs what it sends. Answers are the ' +
          "platform's own.",
        security: [],
      },
      handler: async (request, reply) => {
        const found = keyPattern.test(request.params.hookKey) && (await findChannel(request.params.hookKey));
        if (!found) throw new DomainError('not_found', 'There is no channel at this address.');
        const answer = await inTime(receive(request, found), request.log);
        return reply
          .status(answer.status)
          .headers(answer.headers ?? {})
          .send(answer.body ?? '');
      },
    });
  }

  async function findChannel(hookKey: string): Promise<OpenConnection | undefined> {
    try {
      return await hooks.find(hookKey);
    } catch (error) {
      if (!(error instanceof ChannelError)) throw error;
      // Its credentials cannot be read, so nothing can be verified: the platform may come again.
      throw new DomainError('unavailable', error.message, { cause: error });
    }
  }

  async function receive(request: FastifyRequest, opened: OpenConnection): Promise<HookAnswer> {
    const { channel, adapter, connection } = opened;
    const { hook, kind } = adapter;
    const count = (outcome: string) => metrics.channelEvents.inc({ kind, outcome });
    if (!hook) throw new DomainError('not_found', 'There is no channel at this address.');
    const raw = rawRequest(request, deps.publicUrl + hookPath(channel.hookKey));
    const refusal = await whyRefused(hook.verify, raw, connection);
    if (refusal !== null) {
      count('refused');
      traffic.count(channel.id, { refused: 1 });
      request.log.warn(
        { channelId: channel.id, kind, reason: refusal },
        'request of a platform not believed',
      );
      throw new DomainError('unauthorized', 'The request is not signed as it should be.');
    }
    try {
      const events = hook.parse(raw, connection);
      if (channel.status === 'paused') {
        traffic.count(channel.id, { ignored: events.length });
        count('dropped');
      } else if (events.length > 0) {
        const scope = { ...channel, kek: deps.kek, traceId: request.traceId };
        const result = await acceptEvents(db, scope, events, {
          onDefect: (error, { externalId }) =>
            request.log.error({ err: error, channelId: channel.id, externalId }, 'an event cannot be stored'),
        });
        wakeForEvents({ ...deps, log }, result);
        count(result.taken > 0 ? 'taken' : 'dropped');
        traffic.count(channel.id, { received: result.taken, ignored: events.length - result.taken });
        for (const [reason, dropped] of result.dropped) metrics.channelDropped.inc({ reason }, dropped);
      }
      return hook.answer?.(raw, connection) ?? { status: 200 };
    } catch (error) {
      if (!(error instanceof ChannelError)) throw error;
      count('malformed');
      traffic.count(channel.id, { refused: 1 });
      throw new DomainError('invalid_request', error.message, { cause: error });
    }
  }

  async function whyRefused(
    verify: NonNullable<OpenConnection['adapter']['hook']>['verify'],
    raw: RawRequest,
    connection: OpenConnection['connection'],
  ): Promise<string | null> {
    try {
      const signal = AbortSignal.timeout(answerWithinMs);
      const verified = await verify(raw, connection, { now: Date.now(), fetch: deps.guarded.fetch, signal });
      return verified.ok ? null : verified.reason;
    } catch (error) {
      return (error as Error).message;
    }
  }
};

/** What comes later is committed all the same; the platform's repetition is then found to be one. */
async function inTime(work: Promise<HookAnswer>, log: FastifyBaseLogger): Promise<HookAnswer> {
  const controller = new AbortController();
  const { signal } = controller;
  let isLate = false;
  const late = sleep(answerWithinMs, undefined, { signal, ref: false }).then((): never => {
    isLate = true;
    throw new DomainError('unavailable', 'The server is slow at the moment. Try again soon.');
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    controller.abort();
    // Of the two that raced, the loser has nobody to hear of it: the clock that was stopped, or work that fails late.
    late.catch(() => undefined);
    work.catch((error: Error) => {
      if (isLate) log.warn({ err: error }, 'inbound request failed after it was answered');
    });
  }
}

function rawRequest(request: FastifyRequest, url: string): RawRequest {
  const query = request.url.indexOf('?');
  return {
    method: request.method as RawRequest['method'],
    url: url + (query < 0 ? '' : request.url.slice(query)),
    headers: Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.join(', ') : value,
      ]),
    ),
    body: (request.body as Buffer | undefined) ?? Buffer.alloc(0),
  };
}
