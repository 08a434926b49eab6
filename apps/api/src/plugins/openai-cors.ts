/**
 * Pages of other origins that call the OpenAI-compatible API, where the operator lets them (OPENAI_CORS_ORIGINS). A key is sent
 * with each request, never by the browser on its own, so no credentials are allowed. https://fetch.spec.whatwg.org/#http-cors-protocol
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import type { ApiDeps } from '../deps.ts';
import { isOpenaiPath } from '../openai-errors.ts';

/** What a page may read of an answer's headers. */
const exposed = [
  'idempotency-replayed',
  'nightshift-run-id',
  'retry-after',
  'x-ratelimit-reset-requests',
  'x-request-id',
  'x-should-retry',
];

const preflightSeconds = 600;

/** Registered before anything that may refuse a request, so that a page can read the refusal. */
export const openaiCors = fastifyPlugin<{ deps: ApiDeps }>(async (app, { deps: { openaiCorsOrigins } }) => {
  if (openaiCorsOrigins.length === 0) return;
  const all = openaiCorsOrigins.includes('*');

  app.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    if (!isOpenaiPath(request.url)) return;
    if (!all) reply.header('vary', 'origin');
    const { origin } = request.headers;
    if (origin === undefined || !(all || openaiCorsOrigins.includes(origin))) return;
    reply.header('access-control-allow-origin', all ? '*' : origin);
    const method = request.headers['access-control-request-method'];
    if (request.method !== 'OPTIONS' || method === undefined) {
      reply.header('access-control-expose-headers', exposed.join(', '));
      return;
    }
    // Clients send headers of their own (x-stainless-…): each is allowed by its name, which `*` does not do for Authorization.
    const headers = request.headers['access-control-request-headers'];
    if (headers !== undefined && /^[\w\-, ]{1,2000}$/.test(headers))
      reply.header('access-control-allow-headers', headers);
    return reply
      .header('access-control-allow-methods', 'GET, POST')
      .header('access-control-max-age', preflightSeconds)
      .status(204)
      .send();
  });
});
