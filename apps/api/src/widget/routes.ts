/**
 * The web chat widget: its script, and what the script asks. Visitors are strangers on somebody else's pages, so nothing
 * here knows an API key: a page is let in by its origin, a visitor by a token that we have signed, and both are bounded.
 * docs/channels/web.md, docs/decisions/0010-web-widget.md
 */
import type { Readable } from 'node:stream';
import type { Visitor } from '@nightshift/channels/web';
import {
  maxVisitorFileBytes,
  maxVisitorTextLength,
  Widget,
  WidgetHistory,
  WidgetHistoryQuery,
  WidgetMessageAccepted,
  WidgetMessageCreate,
  WidgetSession,
  WidgetSessionCreate,
} from '@nightshift/contracts';
import { DomainError } from '@nightshift/core/errors';
import { historyLimit, isVisitorBlocked, pageOf, readEarlier } from '@nightshift/core/web-chat';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { clientNetwork } from '../client-network.ts';
import { withCurrentChannel } from '../hooks/directory.ts';
import { parseJsonBody } from '../plugins/json-body.ts';
import { announcedBytes, assertAnnouncedWithin, readBody } from '../read-body.ts';
import { errors, type Routes } from '../routes/types.ts';
import { sendSse, whilePermitted } from '../sse.ts';
import { assertTaken, assertWithin, createWidgetLimits } from './limits.ts';
import { acceptMessage, assertFiles } from './messages.ts';
import { pageRoutes } from './pages.ts';
import { createRendered } from './rendered.ts';
import {
  answerPreflight,
  blocked,
  enterSite,
  type Site,
  sessionOver,
  siteOf,
  visitorPermit,
} from './site.ts';
import { toWidgetMessages, widgetEvents } from './stream.ts';
import { beginSession, newVisitor, presentedToken, readUser, readVisitor, threadOf } from './visitors.ts';

const KeyParams = z.object({ key: z.string().meta({ description: 'The `data-channel` of the snippet.' }) });

const KiB = 1024;

/** Of a request without a token. */
const smallBody = 16 * KiB;
/** JSON around the longest text, all of it escaped. */
const textBody = 64 * KiB;
/** JSON around files in base64. */
const filesBody = Math.ceil(maxVisitorFileBytes * 1.4) + textBody;

/** A body is not waited for longer, in milliseconds. */
const maxBodyMs = 30_000;

const userUnknown = () =>
  new DomainError(
    'unauthorized',
    "The page's user token is not signed with the channel's secret, or is too old.",
  );

const tags = ['web chat'];
const asVisitor = [{ visitor: [] }];

/** What is known of a request before its body is read. */
interface Visit {
  site: Site;
  /** Of the token that it brought. */
  visitor: Visitor | null;
  /** Whom it is counted for. Each channel counts on its own: a crowd at one does not close another. */
  counted: { visitor: string; address: string };
  maxBytes: number;
}

export const widgetRoutes: Routes = async (app, { deps }) => {
  const { db, kek, bus, hooks } = deps;
  const limits = createWidgetLimits();
  const rendered = createRendered();
  const visits = new WeakMap<FastifyRequest, Visit>();
  const visitOf = (request: FastifyRequest) => visits.get(request)!;

  await app.register(pageRoutes);

  await app.register(async (chat: typeof app) => {
    // Whoever is not let in has nothing read: page, token and limits are decided before the body.
    chat.addHook('onRequest', async (request, reply) => {
      const site = await enterSite(hooks, request, reply);
      const address = `${site.channel.id}/${clientNetwork(request.ip)}`;
      visits.set(request, { site, visitor: null, counted: { visitor: '', address }, maxBytes: smallBody });
    });
    chat.removeContentTypeParser('application/json');
    chat.addContentTypeParser('application/json', async (request: FastifyRequest, payload: Readable) => {
      const body = await readBody(payload, { maxBytes: visitOf(request).maxBytes, maxMs: maxBodyMs });
      return body.length === 0 ? undefined : parseJsonBody(body);
    });

    /** A token is cheap to check, so a good one is never held up by the guesses of others. */
    function assertNoGuess<T>({ counted }: Visit, found: T | null, refusal: () => DomainError): T {
      if (found !== null) return found;
      assertTaken(limits.guesses.take(counted.address));
      throw refusal();
    }

    function identify(request: FastifyRequest): Visit & { visitor: Visitor } {
      const visit = visitOf(request);
      const visitor = assertNoGuess(
        visit,
        readVisitor(visit.site, presentedToken(request) ?? ''),
        sessionOver,
      );
      visit.counted.visitor = `${visit.site.channel.id}/${visitor.id}`;
      return Object.assign(visit, { visitor });
    }
    const visitorOf = (request: FastifyRequest) => visitOf(request) as Visit & { visitor: Visitor };
    const asReader = async (request: FastifyRequest) => {
      assertWithin(limits.reads, identify(request).counted);
    };

    for (const path of ['', '/sessions', '/messages', '/events']) {
      chat.options(
        `/v1/widget/:key${path}`,
        { config: { public: true }, schema: { hide: true } },
        (_request, reply) => answerPreflight(reply),
      );
    }

    chat.get(
      '/v1/widget/:key',
      {
        config: { public: true },
        schema: {
          tags,
          summary: 'How the chat looks',
          security: [],
          params: KeyParams,
          response: { 200: Widget, ...errors },
        },
      },
      async (request, reply): Promise<Widget> => {
        const { title, greeting, color, theme, position, files } = visitOf(request).site.settings;
        reply.header('cache-control', 'private, max-age=60');
        return { title, greeting, color, theme, position, files, maxTextLength: maxVisitorTextLength };
      },
    );

    chat.post(
      '/v1/widget/:key/sessions',
      {
        config: { public: true },
        onRequest: async (request) => {
          assertTaken(limits.sessions.take(visitOf(request).counted.address));
          if (presentedToken(request) !== undefined) identify(request);
          assertAnnouncedWithin(request, smallBody);
        },
        schema: {
          tags,
          summary: 'Begin a session, or renew the one whose token is sent along',
          description:
            'A browser that brings no token is a new visitor. The token is good for 30 days from then on.',
          security: [{}, ...asVisitor],
          params: KeyParams,
          body: WidgetSessionCreate,
          response: { 201: WidgetSession, ...errors },
        },
      },
      async (request, reply) => {
        const visit = visitOf(request);
        const { site, counted } = visit;
        const { userToken } = request.body;
        const known =
          userToken === undefined
            ? visit.visitor
            : assertNoGuess(visit, await readUser(site, userToken), userUnknown);
        if (known) assertWithin(limits.reads, { ...counted, visitor: `${site.channel.id}/${known.id}` });
        else assertTaken(limits.newVisitors.take(counted.address));
        return reply.status(201).send(beginSession(site, known ?? newVisitor()));
      },
    );

    chat.post(
      '/v1/widget/:key/messages',
      {
        config: { public: true },
        onRequest: async (request) => {
          const visit = identify(request);
          assertWithin(limits.messages, visit.counted);
          const announced = announcedBytes(request);
          // What comes in chunks cannot be counted in advance.
          visit.maxBytes = visit.site.settings.files && announced !== null ? filesBody : textBody;
          assertAnnouncedWithin(request, visit.maxBytes);
          if (announced !== null && announced > textBody)
            assertWithin(limits.bytes, visit.counted, announced);
        },
        schema: {
          tags,
          summary: 'Say something',
          description: 'Answered once it is stored. The answer to it comes over the stream.',
          security: asVisitor,
          params: KeyParams,
          body: WidgetMessageCreate,
          response: { 202: WidgetMessageAccepted, ...errors },
        },
      },
      async (request, reply) => {
        const { site, counted } = visitorOf(request);
        assertFiles(site, request.body);
        const { length } = request.body.files;
        if (length > 0) assertWithin(limits.files, counted, length);
        const accepted = await withCurrentChannel(hooks, site.opened, async (opened) => {
          const current = siteOf(opened, request, reply);
          const visitor = readVisitor(current, presentedToken(request) ?? '');
          if (!visitor) throw sessionOver();
          assertFiles(current, request.body);
          return acceptMessage(deps, current, visitor, request.body, request);
        });
        return reply.status(202).send(accepted);
      },
    );

    chat.get(
      '/v1/widget/:key/messages',
      {
        config: { public: true },
        onRequest: asReader,
        schema: {
          tags,
          summary: 'What was said before a message',
          security: asVisitor,
          params: KeyParams,
          querystring: WidgetHistoryQuery,
          response: { 200: WidgetHistory, ...errors },
        },
      },
      async (request): Promise<WidgetHistory> => {
        const { site, visitor } = visitorOf(request);
        const { before } = request.query;
        const found = await readEarlier(db, kek, threadOf(site, visitor), {
          before,
          limit: historyLimit + 1,
        });
        const { entries, older } = pageOf(found);
        return { messages: await toWidgetMessages(entries, rendered), older };
      },
    );

    chat.get(
      '/v1/widget/:key/events',
      {
        config: { public: true },
        onRequest: asReader,
        schema: {
          tags,
          summary: 'What was said, what is said, and the answer that is being written, as server-sent events',
          description:
            'First `history`, with what came after the `Last-Event-ID`, or the newest messages; then `message`, `draft` and ' +
            '`idle`. A message may come twice: its `id` tells. `error` is the last one, when the chat is closed to the visitor.',
          security: asVisitor,
          params: KeyParams,
          headers: z.object({
            'last-event-id': z
              .string()
              .regex(/^\d{1,15}$/)
              .optional(),
          }),
          response: { 200: z.string().meta({ description: 'text/event-stream' }), ...errors },
        },
      },
      async (request, reply) => {
        const { site, visitor, counted } = visitorOf(request);
        const leaving = [
          limits.streams.visitor.take(counted.visitor),
          limits.streams.address.take(counted.address),
        ];
        reply.raw.once('close', () => {
          for (const leave of leaving) leave?.();
        });
        if (leaving.includes(undefined)) assertTaken(30);
        const thread = threadOf(site, visitor);
        if (await isVisitorBlocked(db, thread)) throw blocked();
        const last = request.headers['last-event-id'];
        const after = last === undefined ? undefined : new Date(Number(last));
        const signal = whilePermitted(deps, reply, visitorPermit(deps, site, thread));
        const isLive = () => site.channel.live;
        const events = widgetEvents({ db, kek, bus, rendered }, { thread, after, isLive }, signal);
        return sendSse(request, reply, events, { signal });
      },
    );

    chat.addHook('onError', async (request, _reply, error) => {
      if (error instanceof DomainError && error.code === 'forbidden')
        request.log.debug({ reason: error.message }, 'a page was not let in');
    });
  });
};
