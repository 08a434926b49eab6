/** Requests against their schemas: lists and objects first, within bounds, then everything. */
import { invalidFields } from '@nightshift/core/errors';
import fastifyPlugin from 'fastify-plugin';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import { boundedValidation } from './bounded-validation.ts';
import { maxErrors } from './problems.ts';

/** Of requests to routes that take no body. Clients send `{}` with them. */
const noBodyLimit = 16 * 1024;

export const validation = fastifyPlugin(async (app) => {
  app.setSerializerCompiler(serializerCompiler);
  app.setValidatorCompiler<z.core.$ZodType>((route) => {
    const findErrors = boundedValidation(route.schema);
    const validate = validatorCompiler(route);
    return (data) => {
      const fields = findErrors(data, maxErrors);
      return fields.length > 0 ? { error: invalidFields(fields) } : validate(data);
    };
  });
  app.addHook('onRoute', (route) => {
    if (!route.schema?.body) route.bodyLimit ??= noBodyLimit;
  });
});
