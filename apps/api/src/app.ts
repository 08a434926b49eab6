/** Builds the HTTP app from its dependencies. It does not listen: `main.ts` does, and tests inject. */
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import { DomainError } from '@nightshift/core/errors';
import Fastify, { type FastifyRequest, LogController } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { ApiDeps } from './deps.ts';
import { hookRoutes } from './hooks/hooks.ts';
import { createHttpServer } from './http-server.ts';
import { auth } from './plugins/auth.ts';
import { idempotency } from './plugins/idempotency.ts';
import { jsonBody } from './plugins/json-body.ts';
import { observe, requestIdOf } from './plugins/observe.ts';
import { openaiCors } from './plugins/openai-cors.ts';
import { openapi } from './plugins/openapi.ts';
import { answerClientError, answerUnrouted, problems, refuseUnrouted } from './plugins/problems.ts';
import { references } from './plugins/references.ts';
import { unreadBodies } from './plugins/unread-bodies.ts';
import { unusedSockets } from './plugins/unused-sockets.ts';
import { validation } from './plugins/validation.ts';
import { agentRoutes } from './routes/agents.ts';
import { budgetRoutes } from './routes/budgets.ts';
import { catalogRoutes } from './routes/catalog.ts';
import { channelRoutes } from './routes/channels.ts';
import { conversationRoutes } from './routes/conversations.ts';
import { deliveryRoutes } from './routes/deliveries.ts';
import { healthRoutes } from './routes/health.ts';
import { homeRoutes } from './routes/home.ts';
import { limitRoutes } from './routes/limits.ts';
import { openaiRoutes } from './routes/openai/index.ts';
import { encodeModelPath } from './routes/openai/models.ts';
import { peopleRoutes } from './routes/people.ts';
import { credentialRoutes } from './routes/provider-credentials.ts';
import { providerHealthRoutes } from './routes/provider-health.ts';
import { queueRoutes } from './routes/queues.ts';
import { runRoutes } from './routes/runs.ts';
import { scheduleRoutes } from './routes/schedules.ts';
import { talkRoutes } from './routes/talk.ts';
import { teamRoutes } from './routes/team.ts';
import { usageRoutes } from './routes/usage.ts';
import { webhookRoutes } from './routes/webhooks.ts';
import { widgetRoutes } from './widget/routes.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Aborts when the app begins to close. */
    stopping: AbortSignal;
  }
}

const bodyLimitBytes = 2 * 1024 * 1024;

const routes = [
  homeRoutes,
  healthRoutes,
  agentRoutes,
  talkRoutes,
  conversationRoutes,
  runRoutes,
  scheduleRoutes,
  deliveryRoutes,
  channelRoutes,
  peopleRoutes,
  webhookRoutes,
  credentialRoutes,
  providerHealthRoutes,
  catalogRoutes,
  budgetRoutes,
  limitRoutes,
  usageRoutes,
  teamRoutes,
  openaiRoutes,
  queueRoutes,
] as const;

const isPublic = (request: FastifyRequest) => request.routeOptions.config.public === true || request.is404;

export async function buildApp(deps: ApiDeps) {
  const app = Fastify({
    loggerInstance: deps.log,
    // One line a request is written by `observe`, with what matters.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    bodyLimit: bodyLimitBytes,
    trustProxy: deps.trustedProxies.length > 0 ? [...deps.trustedProxies] : false,
    serverFactory: (handler) => createHttpServer(handler, deps.requestTimeoutMs),
    routerOptions: { maxParamLength: 300 },
    rewriteUrl: ({ url = '/' }) => encodeModelPath(url),
    // Refused below, in the shape of each API.
    return503OnClosing: false,
    genReqId: ({ headers }) => requestIdOf(headers),
    forceCloseConnections: 'idle',
    frameworkErrors: answerUnrouted,
    clientErrorHandler: answerClientError,
  }).withTypeProvider<ZodTypeProvider>();
  const stopping = new AbortController();
  app.decorate('stopping', stopping.signal);
  app.addHook('preClose', async () => stopping.abort());

  // Whatever a refusal repeats of what it is about: no secret that is in use leaves in it.
  app.addHook('onSend', (_request, reply, payload, done) => {
    const isRefusal = reply.statusCode >= 400 && typeof payload === 'string';
    done(null, isRefusal ? deps.kek.redactor.redactJson(payload) : payload);
  });

  await app.register(unusedSockets);
  await app.register(unreadBodies);
  await app.register(validation);
  await app.register(problems);
  await app.register(observe, { deps });
  await app.register(jsonBody);
  await app.register(helmet, {
    contentSecurityPolicy: {
      // Nothing comes from anywhere else, and over plain http it comes over plain http.
      directives: {
        defaultSrc: ["'self'"],
        fontSrc: ["'self'", 'data:'],
        imgSrc: ["'self'", 'data:'],
        styleSrc: ["'self'", "'unsafe-inline'"],
        upgradeInsecureRequests: null,
      },
    },
    // A server on loopback has no TLS; whoever puts it behind a proxy sets this there.
    strictTransportSecurity: false,
  });
  await app.register(openaiCors, { deps });
  app.addHook('onRequest', async (_request, reply) => {
    if (!stopping.signal.aborted) return;
    reply.header('connection', 'close');
    throw new DomainError('unavailable', 'The server is stopping. Try again soon.', { retryAfter: 1 });
  });
  app.addHook('onRequest', refuseUnrouted);
  await app.register(auth, { deps });
  await app.register(rateLimit, {
    max: deps.rateLimitPerMinute,
    timeWindow: 60_000,
    // After the caller is known, before the body is read.
    hook: 'onRequest',
    allowList: isPublic,
    // Asked before the allow list is, so also for requests that have no caller.
    keyGenerator: (request) => (isPublic(request) ? 'public' : request.caller.keyId),
    addHeadersOnExceeding: {
      'x-ratelimit-limit': false,
      'x-ratelimit-remaining': false,
      'x-ratelimit-reset': false,
    },
    errorResponseBuilder: (_request, { max, ttl }) =>
      new DomainError(
        'rate_limited',
        `This key made more than ${max} requests within a minute. Try again in ${Math.ceil(ttl / 1000)} s.`,
      ),
  });
  await app.register(idempotency, { deps });
  // After idempotency: the same request is the same, whatever its names mean by then.
  await app.register(references, { deps });
  await app.register(openapi);
  for (const resource of routes) await app.register(resource, { deps });
  await app.register(hookRoutes, { deps });
  await app.register(widgetRoutes, { deps });
  return app;
}
