/**
 * Where chat platforms push to. A request is believed once its raw bytes are verified, and answered once what it tells of
 * is committed; whatever the workers do, the platform hears from us in time. Without the database it hears 503, and
 * comes again.
 */
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OpenConnection } from '@nightshift/agent';
import { ChannelError, type HookAnswer, type RawRequest } from '@nightshift/channels';
import { ChannelChangedError, hookPath, readChannelVersion } from '@nightshift/core/channels';
import { DomainError, rateLimited } from '@nightshift/core/errors';
import { anyId } from '@nightshift/core/events';
import { acceptEvents, wakeForEvents } from '@nightshift/core/inbox';
import type { FastifyBaseLogger, FastifyPluginAsync, FastifyRequest } from 'fastify';
import { clientNetwork } from '../client-network.ts';
import type { ApiDeps } from '../deps.ts';
import { createRateLimit, createRecentKeys } from '../rate-limit.ts';
import { assertAnnouncedWithin, readBody } from '../read-body.ts';
import { bodyLimitOf } from './body-limits.ts';
import { withCurrentChannel } from './directory.ts';

/** The most impatient platforms wait 3 s. */
const answerWithinMs = 2_500;

/** A stranger's request is not waited for longer, in milliseconds. */
const maxBodyMs = 10_000;

/** Requests with a wrong signature, from one client to one channel in a minute; and such that are being read. */
const maxUnsigned = 300;

/** A channel that a request has found, and who asks. */
interface Entry {
  opened: OpenConnection;
  hook: NonNullable<OpenConnection['adapter']['hook']>;
  /** The client at this channel, by which it is counted. */
  sender: string;
  /** It was counted in advance. */
  isCounted: boolean;
  maxBytes: number;
}

export const hookRoutes: FastifyPluginAsync<{ deps: ApiDeps }> = async (app, { deps }) => {
  const { db, bus, log, metrics, traffic, hooks } = deps;
  const entries = new WeakMap<FastifyRequest, Entry>();
  const unsigned = createRateLimit({ max: maxUnsigned, windowMs: 60_000 });
  /**
   * Who has signed lately is not held up by others behind its address: a platform sends for everybody from the same few.
   */
  const trusted = createRecentKeys(10_000);

  // What another process has changed.
  const unsubscribe = bus.subscribe('channel', anyId, () => hooks.forget());
  app.addHook('onClose', async () => unsubscribe());

  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (request: FastifyRequest, payload: Readable) =>
    readBody(payload, { maxBytes: entries.get(request)!.maxBytes, maxMs: maxBodyMs }),
  );

  // All that can be refused without the body is refused before it is read.
  app.addHook<{ Params: { hookKey: string } }>('onRequest', async (request) => {
    const client = clientNetwork(request.ip);
    const opened = await findChannel(request.params.hookKey, client);
    const { hook } = opened?.adapter ?? {};
    if (!opened || !hook) throw new DomainError('not_found', 'There is no channel at this address.');
    const maxBytes = bodyLimitOf(opened.adapter.kind);
    assertAnnouncedWithin(request, maxBytes);
    const sender = `${opened.channel.id}/${client}`;
    const isCounted = !trusted.has(sender);
    const wait = isCounted ? unsigned.take(sender) : undefined;
    if (wait !== undefined)
      throw rateLimited(wait, 'Too many requests that are not signed as they should be.');
    entries.set(request, { opened, hook, sender, isCounted, maxBytes });
  });

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
        const answer = await inTime(receive(request, entries.get(request)!), request.log);
        return reply
          .status(answer.status)
          .headers(answer.headers ?? {})
          .send(answer.body ?? '');
      },
    });
  }

  async function findChannel(hookKey: string, client: string): Promise<OpenConnection | undefined> {
    try {
      return await hooks.find(hookKey, client);
    } catch (error) {
      if (!(error instanceof ChannelError)) throw error;
      // Its credentials cannot be read, so nothing can be verified: the platform may come again.
      throw new DomainError('unavailable', error.message, { cause: error });
    }
  }

  async function receive(request: FastifyRequest, entry: Entry): Promise<HookAnswer> {
    return withCurrentChannel(hooks, entry.opened, (opened) => receiveAt(request, entry, opened));
  }

  /** @throws {ChannelChangedError} the channel is another one than `opened` now: what was verified may be void */
  async function receiveAt(
    request: FastifyRequest,
    entry: Entry,
    { channel, connection }: OpenConnection,
  ): Promise<HookAnswer> {
    const { hook, sender } = entry;
    const { kind } = channel;
    const count = (outcome: string) => metrics.channelEvents.inc({ kind, outcome });
    const raw = rawRequest(request, deps.publicUrl + hookPath(channel.hookKey));
    const refusal = await whyRefused(hook.verify, raw, connection);
    if (refusal !== null) {
      // A secret that was changed a moment ago, in another process, must not refuse what is signed with the new one.
      if ((await readChannelVersion(db, channel.id)) !== channel.version)
        throw new ChannelChangedError(channel.id);
      count('refused');
      traffic.count(channel.id, { refused: 1 });
      traffic.note(channel.id, { refusal });
      request.log.warn(
        { channelId: channel.id, kind, reason: refusal },
        'request of a platform not believed',
      );
      throw new DomainError('unauthorized', 'The request is not signed as it should be.');
    }
    if (entry.isCounted) unsigned.giveBack(sender);
    entry.isCounted = false;
    trusted.add(sender);
    try {
      const events = hook.parse(raw, connection);
      if (events.length > 0) {
        const scope = { ...channel, kek: deps.kek, traceId: request.traceId };
        const result = await acceptEvents(db, scope, events, {
          onDefect: (error, { externalId }) =>
            request.log.error({ err: error, channelId: channel.id, externalId }, 'an event cannot be stored'),
        });
        wakeForEvents({ ...deps, log }, result);
        request.ledTo = result.accepted[0] ?? null;
        count(result.taken > 0 ? 'taken' : 'dropped');
        traffic.count(channel.id, { received: result.taken, ignored: events.length - result.taken });
        for (const [reason, dropped] of result.dropped) metrics.channelDropped.inc({ reason }, dropped);
      }
      traffic.note(channel.id, { verified: true });
      return hook.answer?.(raw, connection) ?? { status: 200 };
    } catch (error) {
      if (!(error instanceof ChannelError)) throw error;
      count('malformed');
      traffic.count(channel.id, { refused: 1 });
      throw new DomainError('invalid_request', error.message, { cause: error });
    }
  }

  async function whyRefused(
    verify: Entry['hook']['verify'],
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
