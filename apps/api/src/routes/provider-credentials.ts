import {
  Credential,
  CredentialCreate,
  CredentialListQuery,
  CredentialTest,
  CredentialTestResult,
  CredentialUpdate,
  pageOf,
} from '@nightshift/contracts';
import {
  type CredentialAddress,
  type CredentialRules,
  createCredential,
  deleteCredential,
  forgetHealth,
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
import { credentialFor } from '../masks.ts';
import { errors, NoContent, paramsOf, type Routes } from './types.ts';

/** @throws {DomainError} invalid_request: the vendor wants something else */
function assertFits(vendor: Vendor, { apiKey, baseUrl, parameters }: Parameters<Rules['assertFits']>[0]) {
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

type Rules = CredentialRules;

/** A vendor that this version does not know any more is left with the address that its row has. */
function rulesOf(provider: string): Rules {
  const vendor = findVendor(provider);
  if (!vendor) {
    return {
      assertFits: () => {},
      baseUrlOf: ({ baseUrl, parameters }) => JSON.stringify([baseUrl, parameters]),
      isMachineMade: () => false,
    };
  }
  return {
    assertFits: (credential) => assertFits(vendor, credential),
    baseUrlOf: ({ baseUrl, parameters }) => addressOf(vendor, { baseUrl, parameters }),
    isMachineMade: ({ baseUrl }) => !vendor.local && vendor.baseUrl !== null && baseUrl === null,
  };
}

/** Stored parameters may be such that this version makes no address of them. */
function addressOf(
  vendor: Vendor,
  { baseUrl, parameters }: Pick<CredentialAddress, 'baseUrl' | 'parameters'>,
) {
  if (problemOfParameters(vendor, parameters, Boolean(baseUrl))) return JSON.stringify([baseUrl, parameters]);
  return endpointOf(vendor, { apiKey: null, baseUrl, parameters }).baseUrl;
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
      const { teamId } = request.caller;
      return reply.status(201).send(await createCredential(db, kek, teamId, request.body, rulesOf(provider)));
    },
  );

  app.get(
    '/v1/provider-credentials',
    {
      schema: {
        tags: ['provider credentials'],
        summary: 'List model keys, without the keys',
        querystring: CredentialListQuery,
        response: { 200: pageOf(Credential), ...errors },
      },
    },
    async ({ caller, query }) => {
      const page = await listCredentials(db, caller.teamId, query);
      return { ...page, data: page.data.map((credential) => credentialFor(caller.role, credential)) };
    },
  );

  app.patch(
    '/v1/provider-credentials/:id',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['provider credentials'],
        summary: 'Rotate a model key, or change how it is used',
        description:
          'A change of where the key is sent (`baseUrl`, a parameter that is part of the address) needs `apiKey`, too.',
        params: paramsOf('credential'),
        body: CredentialUpdate,
        response: { 200: Credential, ...errors },
      },
    },
    (request) => updateCredential(db, kek, request.caller.teamId, request.params.id, request.body, rulesOf),
  );

  app.delete(
    '/v1/provider-credentials/:id',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['provider credentials'],
        summary: 'Forget a model key',
        params: paramsOf('credential'),
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
        params: paramsOf('credential'),
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
