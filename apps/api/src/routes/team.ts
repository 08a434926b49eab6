import {
  ApiKey,
  ApiKeyCreate,
  ApiKeyCreated,
  ApiKeyListQuery,
  Me,
  pageOf,
  Team,
  TeamUpdate,
} from '@nightshift/contracts';
import { createApiKey, getApiKey, listApiKeys, revokeApiKey } from '@nightshift/core/api-keys';
import { getTeam, renameTeam } from '@nightshift/core/teams';
import { errors, NoContent, paramsOf, type Routes } from './types.ts';

export const teamRoutes: Routes = async (app, { deps: { db } }) => {
  app.get(
    '/v1/me',
    { schema: { tags: ['team'], summary: 'Who am I', response: { 200: Me, ...errors } } },
    async (request) => {
      const { teamId, keyId } = request.caller;
      const [team, key] = await Promise.all([getTeam(db, teamId), getApiKey(db, teamId, keyId)]);
      return { team, key };
    },
  );

  app.get(
    '/v1/team',
    { schema: { tags: ['team'], summary: 'Read the team', response: { 200: Team, ...errors } } },
    (request) => getTeam(db, request.caller.teamId),
  );

  app.patch(
    '/v1/team',
    {
      config: { role: 'owner' },
      schema: {
        tags: ['team'],
        summary: 'Rename the team',
        body: TeamUpdate,
        response: { 200: Team, ...errors },
      },
    },
    (request) => renameTeam(db, request.caller.teamId, request.body.name),
  );

  app.post(
    '/v1/api-keys',
    {
      config: { role: 'admin', idempotent: true },
      schema: {
        tags: ['team'],
        summary: 'Make an API key',
        description: 'The answer shows the key, this once. A key cannot make a stronger one.',
        body: ApiKeyCreate,
        response: { 201: ApiKeyCreated, ...errors },
      },
    },
    async (request, reply) => reply.status(201).send(await createApiKey(db, request.caller, request.body)),
  );

  app.get(
    '/v1/api-keys',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['team'],
        summary: 'List API keys',
        querystring: ApiKeyListQuery,
        response: { 200: pageOf(ApiKey), ...errors },
      },
    },
    (request) => listApiKeys(db, request.caller.teamId, request.query),
  );

  app.delete(
    '/v1/api-keys/:id',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['team'],
        summary: 'Revoke an API key',
        description: 'Its next request is refused.',
        params: paramsOf('apiKey'),
        response: { 204: NoContent, ...errors },
      },
    },
    async (request, reply) => {
      await revokeApiKey(db, request.caller, request.params.id);
      return reply.status(204).send(null);
    },
  );
};
