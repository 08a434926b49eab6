/**
 * The web chat widget: its script, and what the script asks. Visitors are strangers on somebody else's pages, so nothing
 * here knows an API key: a page is let in by its origin, a visitor by a token that we have signed, and both are bounded.
 * docs/channels/web.md, docs/decisions/0010-web-widget.md
 */
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
import { historyLimit, readEarlier } from '@nightshift/core/web-chat';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { errors, type Routes } from '../routes/types.ts';
import { sendSse, whileServing } from '../sse.ts';
import { assertWithin, createWidgetLimits, tooMany } from './limits.ts';
import { acceptMessage, assertFiles } from './messages.ts';
import { pageRoutes } from './pages.ts';
import { answerPreflight, enterSite, type Site } from './site.ts';
import { toWidgetMessage, widgetEvents } from './stream.ts';
import { beginSession, knownVisitor, newVisitor, threadOf, visitorOf } from './visitors.ts';

const KeyParams = z.object({ key: z.string().meta({ description: 'The `data-channel` of the snippet.' }) });

/** JSON around files in base64. */
const bodyLimit = Math.ceil(maxVisitorFileBytes * 1.4) + 64 * 1024;

const tags = ['web chat'];
const asVisitor = [{ visitor: [] }];

/** Whose doing a request is. Each channel counts on its own: a crowd at one does not close another. */
const bearersOf = ({ ip }: FastifyRequest, { channel }: Site, { id }: { id: string }) => ({
  visitor: `${channel.id}/${id}`,
  address: `${channel.id}/${ip}`,
});

export const widgetRoutes: Routes = async (app, { deps }) => {
  const { db, kek, bus, hooks } = deps;
  const limits = createWidgetLimits();
  const sites = new WeakMap<FastifyRequest, Site>();
  const siteOf = (request: FastifyRequest) => sites.get(request)!;

  await app.register(pageRoutes);

  await app.register(async (chat: typeof app) => {
    // Before the body is read: whoever is not let in sends nothing.
    chat.addHook('onRequest', async (request, reply) => {
      sites.set(request, await enterSite(hooks, request, reply));
    });

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
        const { title, greeting, color, theme, position, files } = siteOf(request).settings;
        reply.header('cache-control', 'private, max-age=60');
        return { title, greeting, color, theme, position, files, maxTextLength: maxVisitorTextLength };
      },
    );

    chat.post(
      '/v1/widget/:key/sessions',
      {
        config: { public: true },
        bodyLimit: 16 * 1024,
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
        const site = siteOf(request);
        const known = await knownVisitor(request, site, request.body.userToken);
        const who = bearersOf(request, site, known ?? { id: '' });
        if (known) assertWithin(reply, limits.reads, who);
        else {
          const wait = limits.newVisitors.take(who.address);
          if (wait !== undefined) throw tooMany(reply, wait);
        }
        return reply.status(201).send(beginSession(site, known ?? newVisitor()));
      },
    );

    chat.post(
      '/v1/widget/:key/messages',
      {
        config: { public: true },
        bodyLimit,
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
        const site = siteOf(request);
        const visitor = visitorOf(request, site);
        const who = bearersOf(request, site, visitor);
        assertWithin(reply, limits.messages, who);
        assertFiles(site, request.body);
        const { length } = request.body.files;
        if (length > 0) assertWithin(reply, limits.files, who, length);
        return reply.status(202).send(await acceptMessage(deps, site, visitor, request.body, request));
      },
    );

    chat.get(
      '/v1/widget/:key/messages',
      {
        config: { public: true },
        schema: {
          tags,
          summary: 'What was said before a message',
          security: asVisitor,
          params: KeyParams,
          querystring: WidgetHistoryQuery,
          response: { 200: WidgetHistory, ...errors },
        },
      },
      async (request, reply): Promise<WidgetHistory> => {
        const site = siteOf(request);
        const visitor = visitorOf(request, site);
        assertWithin(reply, limits.reads, bearersOf(request, site, visitor));
        const { before } = request.query;
        const found = await readEarlier(db, kek, threadOf(site, visitor), {
          before,
          limit: historyLimit + 1,
        });
        const entries = found.slice(-historyLimit);
        return { messages: entries.map(toWidgetMessage), older: found.length > historyLimit };
      },
    );

    chat.get(
      '/v1/widget/:key/events',
      {
        config: { public: true },
        schema: {
          tags,
          summary: 'What was said, what is said, and the answer that is being written, as server-sent events',
          description:
            'First `history`, with what came after the `Last-Event-ID`, or the newest messages; then `message`, `draft` and ' +
            '`idle`. A message may come twice: its `id` tells.',
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
        const site = siteOf(request);
        const visitor = visitorOf(request, site);
        const who = bearersOf(request, site, visitor);
        assertWithin(reply, limits.reads, who);
        const leaving = [limits.streams.visitor.take(who.visitor), limits.streams.address.take(who.address)];
        reply.raw.once('close', () => {
          for (const leave of leaving) leave?.();
        });
        if (leaving.includes(undefined)) throw tooMany(reply, 30);
        const thread = threadOf(site, visitor);
        const last = request.headers['last-event-id'];
        const after = last === undefined ? undefined : new Date(Number(last));
        const { live } = site.channel;
        return sendSse(
          request,
          reply,
          widgetEvents({ db, kek, bus }, { thread, after, live }, whileServing(reply)),
        );
      },
    );

    chat.addHook('onError', async (request, _reply, error) => {
      if (error instanceof DomainError && error.code === 'forbidden')
        request.log.debug({ reason: error.message }, 'a page was not let in');
    });
  });
};
