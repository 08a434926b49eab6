/** Requests against their schemas: counts first, then everything. */
import { DomainError } from '@nightshift/core/errors';
import fastifyPlugin from 'fastify-plugin';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import { countLimitsOf } from './count-limits.ts';

/** Of requests to routes that take no body. Clients send `{}` with them. */
const noBodyLimit = 16 * 1024;

export const validation = fastifyPlugin(async (app) => {
  app.setSerializerCompiler(serializerCompiler);
  app.setValidatorCompiler<z.core.$ZodType>((route) => {
    const wrongCount = countLimitsOf(route.schema);
    const validate = validatorCompiler(route);
    return (data) => {
      const wrong = wrongCount(data);
      if (!wrong) return validate(data);
      const { path, message } = wrong;
      const detail = `${path || (route.httpPart ?? 'body')}: ${message}`;
      return { error: new DomainError('invalid_request', detail, { fields: [wrong] }) };
    };
  });
  app.addHook('onRoute', (route) => {
    if (!route.schema?.body) route.bodyLimit ??= noBodyLimit;
  });
});
