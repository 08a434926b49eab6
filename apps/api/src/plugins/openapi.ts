/** `/openapi.json` and `/docs`, from the schemas that validate. */
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';
import { createStaticDocument, type StaticDocument, sendStatic } from '../static-document.ts';
import { version } from '../version.ts';
import { withExamples } from './examples.ts';

/** In the order in which a newcomer needs them. */
const tags = [
  'agents',
  'talk',
  'conversations',
  'runs',
  'schedules',
  'provider credentials',
  'provider health',
  'catalogue',
  'channels',
  'web chat',
  'people',
  'webhooks',
  'deliveries',
  'team',
  'openai',
  'health',
];

/** Versions before 0.2 let the page keep the key in the browser, where every later script of this origin could read it. */
const forgetKeys = "localStorage.removeItem('authorized');\n";

/**
 * Everything comes from this server, over whatever it was reached. The plugin's own policy upgrades to https, which a
 * server without TLS does not speak.
 */
const pagePolicy =
  "default-src 'self'; base-uri 'none'; connect-src 'self'; font-src 'self' data:; form-action 'self'; frame-ancestors 'none'; " +
  "img-src 'self' data:; object-src 'none'; script-src 'self'; script-src-attr 'none'; style-src 'self' 'unsafe-inline'";

export const openapi = fastifyPlugin(async (app) => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Nightshift',
        version,
        description:
          'Always-on agents that a team hosts itself.\n\nErrors are RFC 9457 problem documents with a stable `code`. Lists take `limit` and `cursor`. ' +
          'POSTs that create take an `Idempotency-Key`.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      // Relative, so that it is right under whatever name the server is reached.
      servers: [{ url: '/' }],
      tags: tags.map((name) => ({ name })),
      components: {
        securitySchemes: {
          key: { type: 'http', scheme: 'bearer', bearerFormat: 'ns_…' },
          visitor: { type: 'http', scheme: 'bearer', description: 'The token of a web chat session.' },
        },
      },
      security: [{ key: [] }],
    },
    transform: jsonSchemaTransform,
  });
  /** Of all routes, so it is made when it is first asked for. */
  let document: StaticDocument | undefined;
  const send = (request: FastifyRequest, reply: FastifyReply) => {
    document ??= createStaticDocument(
      'application/json; charset=utf-8',
      JSON.stringify(withExamples(app.swagger())),
    );
    return sendStatic(request, reply, document);
  };
  app.get('/openapi.json', { schema: { hide: true }, config: { public: true } }, send);
  await app.register(async (docs) => {
    docs.addHook('onRoute', (route) => {
      route.config = { ...route.config, public: true };
    });
    // The page's own copies of the document would be made anew for each request.
    docs.addHook('onRequest', async (request, reply) => {
      const { url } = request.routeOptions;
      if (url === '/docs/json') return send(request, reply);
      if (url === '/docs/yaml') return reply.redirect('/openapi.json');
    });
    await docs.register(swaggerUi, {
      routePrefix: '/docs',
      // A key is kept in the page's memory alone.
      uiConfig: { persistAuthorization: false, tryItOutEnabled: true, docExpansion: 'list' },
      theme: {
        title: 'Nightshift API',
        css: [{ filename: 'nightshift.css', content: '.swagger-ui .topbar { display: none }' }],
        js: [{ filename: 'forget-keys.js', content: forgetKeys }],
      },
      staticCSP: pagePolicy,
    });
  });
});
