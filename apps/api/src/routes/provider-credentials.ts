import {
  Credential,
  CredentialCreate,
  CredentialTest,
  CredentialTestResult,
  CredentialUpdate,
  PageQuery,
  pageOf,
} from '@nightshift/contracts';
import {
  createCredential,
  deleteCredential,
  forgetHealth,
  getCredential,
  listCredentials,
  openCredentials,
  updateCredential,
} from '@nightshift/core/credentials';
import { DomainError, invalidField, notFound } from '@nightshift/core/errors';
import { UnsealError } from '@nightshift/core/secrets';
import { insertUsage } from '@nightshift/core/usage';
import {
  createProtocols,
  endpointOf,
  findVendor,
  isServiceAccount,
  parseServiceAccount,
  probe,
  problemOfParameters,
  type Vendor,
} from '@nightshift/providers';
import { errors, IdParams, NoContent, type Routes } from './types.ts';

/** What the vendor of a credential wants of it. @throws {DomainError} invalid_request */
function assertFits(vendor: Vendor, body: Pick<CredentialUpdate, 'apiKey' | 'baseUrl' | 'parameters'>) {
  const { apiKey, baseUrl, parameters = {} } = body;
  if (vendor.baseUrl === null && baseUrl === null) throw invalidField('baseUrl', 'is required');
  const problem = problemOfParameters(vendor, parameters, Boolean(baseUrl));
  if (problem) throw invalidField(`parameters.${problem.name}`, problem.message);
  if (!apiKey || !isServiceAccount(apiKey)) return;
  if (!vendor.googleTokens) throw invalidField('apiKey', `${vendor.name} takes no JSON document`);
  try {
    parseServiceAccount(apiKey);
  } catch (error) {
    throw invalidField('apiKey', (error as Error).message);
  }
}

export const credentialRoutes: Routes = async (app, { deps: { db, kek } }) => {
  const protocols = createProtocols();

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
      assertFits(vendor, request.body);
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
        summary: 'Rotate a model key, or change how it is used',
        params: IdParams,
        body: CredentialUpdate,
        response: { 200: Credential, ...errors },
      },
    },
    async (request) => {
      const { teamId } = request.caller;
      const { id } = request.params;
      const { provider, baseUrl, parameters } = await getCredential(db, teamId, id);
      const vendor = findVendor(provider);
      if (vendor) assertFits(vendor, { baseUrl, parameters, ...request.body });
      return updateCredential(db, kek, teamId, id, request.body);
    },
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

  app.post(
    '/v1/provider-credentials/:id/test',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['provider credentials'],
        summary: 'Try a model key with the cheapest real call',
        description:
          'Takes up to 20 seconds, costs what a few tokens of the cheapest model cost, and is in the ledger.',
        params: IdParams,
        body: CredentialTest.nullish(),
        response: { 200: CredentialTestResult, ...errors },
      },
    },
    async (request) => {
      const { teamId, keyId } = request.caller;
      const credential = await openOne(teamId, request.params.id);
      const vendor = findVendor(credential.provider);
      if (!vendor)
        throw new DomainError('conflict', `This version knows no provider "${credential.provider}".`);
      const endpoint = endpointOf(vendor, { ...credential, provider: credential.name ?? vendor.id });
      const { attempts, ...result } = await probe(endpoint, {
        credentialId: credential.id,
        model: request.body?.model,
        protocols,
        signal: app.stopping,
      });
      const records = attempts.map((attempt) => ({ ...attempt, task: 'test', apiKeyId: keyId }));
      await insertUsage(db, teamId, records);
      if (result.ok) await forgetHealth(db, teamId, credential.id);
      return result;
    },
  );

  /** @throws {DomainError} not_found, conflict: it cannot be decrypted */
  async function openOne(teamId: string, id: string) {
    try {
      const [credential] = await openCredentials(db, kek, teamId, { id });
      if (!credential) throw notFound('provider credential');
      return credential;
    } catch (error) {
      if (!(error instanceof UnsealError)) throw error;
      throw new DomainError('conflict', `The stored key cannot be read. ${error.message}`, { cause: error });
    }
  }
};
