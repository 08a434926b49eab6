/** Request ids, trace ids, one log line and one metric a request. */
import fastifyPlugin from 'fastify-plugin';
import type { ApiDeps } from '../deps.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** 32 hexadecimal digits: the caller's W3C trace, or one that begins here. https://www.w3.org/TR/trace-context/ */
    traceId: string;
  }
}

const traceparent = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/;

export const observe = fastifyPlugin<{ deps: ApiDeps }>(async (app, { deps }) => {
  app.decorateRequest('traceId', '');
  app.addHook('onRequest', async (request, reply) => {
    request.traceId =
      traceparent.exec(String(request.headers.traceparent ?? ''))?.[1] ?? request.id.replaceAll('-', '');
    reply.header('x-request-id', request.id);
  });
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unknown';
    const { method } = request;
    deps.metrics.httpSeconds.observe({ method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
    request.log.debug(
      { method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime) },
      'request',
    );
  });
});
