import { Credential, CredentialCreate, CredentialUpdate, PageQuery, pageOf } from '@nightshift/contracts';
import {
  createCredential,
  deleteCredential,
  listCredentials,
  updateCredential,
} from '@nightshift/core/credentials';
import { invalidField } from '@nightshift/core/errors';
import { findVendor } from '@nightshift/providers';
import { errors, IdParams, NoContent, type Routes } from './types.ts';

export const credentialRoutes: Routes = async (app, { deps: { db, kek } }) => {
  app.post(
    '/v1/provider-credentials',
    {
      config: { role: 'admin', idempotent: true },
      schema: {
        tags: ['provider credentials'],
        summary: 'Store a model key',
        description:
          'Encrypted at rest, and never shown again. `openai-compatible` and `anthropic-compatible` add any endpoint.',
        body: CredentialCreate,
        response: { 201: Credential, ...errors },
      },
    },
    async (request, reply) => {
      const { provider, apiKey, name } = request.body;
      const vendor = findVendor(provider);
      if (!vendor || vendor.wire === 'demo') {
        throw invalidField(
          'provider',
          `there is no provider "${provider}". GET /v1/catalog/providers lists them.`,
        );
      }
      if (vendor.baseUrl !== null && !vendor.local && !apiKey)
        throw invalidField('apiKey', `is required for ${provider}`);
      if (name && findVendor(name)) throw invalidField('name', `"${name}" is a provider's own name`);
      return reply.status(201).send(await createCredential(db, kek, request.caller.teamId, request.body));
    },
  );

  app.get(
    '/v1/provider-credentials',
    {
      schema: {
        tags: ['provider credentials'],
        summary: 'List model keys, without the keys',
        querystring: PageQuery,
        response: { 200: pageOf(Credential), ...errors },
      },
    },
    (request) => listCredentials(db, request.caller.teamId, request.query),
  );

  app.patch(
    '/v1/provider-credentials/:id',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['provider credentials'],
        summary: 'Rotate a model key',
        params: IdParams,
        body: CredentialUpdate,
        response: { 200: Credential, ...errors },
      },
    },
    (request) => updateCredential(db, kek, request.caller.teamId, request.params.id, request.body),
  );

  app.delete(
    '/v1/provider-credentials/:id',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['provider credentials'],
        summary: 'Forget a model key',
        params: IdParams,
        response: { 204: NoContent, ...errors },
      },
    },
    async (request, reply) => {
      await deleteCredential(db, request.caller.teamId, request.params.id);
      return reply.status(204).send(null);
    },
  );
};
