/** `/openapi.json` and `/docs`, from the schemas that validate. */
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import fastifyPlugin from 'fastify-plugin';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';
import { version } from '../version.ts';

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
  app.get('/openapi.json', { schema: { hide: true }, config: { public: true } }, () => app.swagger());
  await app.register(async (docs) => {
    docs.addHook('onRoute', (route) => {
      route.config = { ...route.config, public: true };
    });
    await docs.register(swaggerUi, {
      routePrefix: '/docs',
      uiConfig: { persistAuthorization: true, tryItOutEnabled: true, docExpansion: 'list' },
      theme: {
        title: 'Nightshift API',
        css: [{ filename: 'nightshift.css', content: '.swagger-ui .topbar { display: none }' }],
      },
      staticCSP: true,
    });
  });
});
