/** Request ids, trace ids, one log line and one metric a request. */
import { randomUUIDv7 } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { newTraceId, traceOf, traceOfUuid } from '@nightshift/contracts';
import fastifyPlugin from 'fastify-plugin';
import type { ApiDeps } from '../deps.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * The trace of the caller's `traceparent`, or of an `x-request-id` that is a UUID, or one that begins here. Runs,
     * deliveries and their log lines carry it; answers name it in `x-trace-id`.
     */
    traceId: string;
    /** What the request led to, for its line of the log; the first where there are several. */
    ledTo: { readonly runId: string; readonly conversationId?: string } | null;
  }
}

const callersId = /^[\x21-\x7e]{1,128}$/;

/** The caller's own `x-request-id` is kept, unless it is none: up to 128 printable ASCII characters without spaces. */
export function requestIdOf(headers: IncomingHttpHeaders): string {
  const id = headers['x-request-id'];
  return typeof id === 'string' && callersId.test(id) ? id : randomUUIDv7();
}

/** Asked every few seconds by machines that look after this one. */
const isRoutine = (route: string, status: number) =>
  status < 400 && (route === '/healthz' || route === '/readyz' || route === '/metrics');

export const observe = fastifyPlugin<{ deps: ApiDeps }>(async (app, { deps }) => {
  app.decorateRequest('traceId', '');
  app.decorateRequest('ledTo', null);
  app.addHook('onRequest', (request, reply, done) => {
    request.traceId =
      traceOf(String(request.headers.traceparent ?? '')) ?? traceOfUuid(request.id) ?? newTraceId();
    reply.header('x-request-id', request.id).header('x-trace-id', request.traceId);
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unknown';
    const { method, traceId, ledTo } = request;
    const { runId, conversationId } = ledTo ?? {};
    const { statusCode: status } = reply;
    deps.metrics.httpSeconds.observe({ method, route, status }, reply.elapsedTime / 1000);
    request.log[isRoutine(route, status) ? 'debug' : 'info'](
      { traceId, method, route, status, ms: Math.round(reply.elapsedTime), runId, conversationId },
      'request',
    );
    done();
  });
});
