import { Agent, AgentCreate, AgentUpdate, PageQuery, pageOf } from '@nightshift/contracts';
import { createAgent, deleteAgent, getAgent, listAgents, updateAgent } from '@nightshift/core/agents';
import { invalidField } from '@nightshift/core/errors';
import { builtInTools } from '@nightshift/tools';
import { assertModelsExist } from '../models.ts';
import { errors, IdParams, NoContent, type Routes } from './types.ts';

export const agentRoutes: Routes = async (app, { deps }) => {
  const { db } = deps;

  /** Said when it is saved, not when it first fails. */
  async function assertUsable(teamId: string, body: Pick<AgentUpdate, 'model' | 'tools'>) {
    for (const name of Object.keys(body.tools ?? {})) {
      if (!builtInTools.some((tool) => tool.name === name)) {
        throw invalidField(`tools.${name}`, 'there is no such tool. GET /v1/catalog/tools lists them.');
      }
    }
    if (body.model !== undefined) await assertModelsExist(deps, teamId, 'model', body.model);
  }

  app.post(
    '/v1/agents',
    {
      config: { idempotent: true },
      schema: {
        tags: ['agents'],
        summary: 'Register an agent',
        body: AgentCreate,
        response: { 201: Agent, ...errors },
      },
    },
    async (request, reply) => {
      const { teamId } = request.caller;
      await assertUsable(teamId, request.body);
      return reply.status(201).send(await createAgent(db, teamId, request.body));
    },
  );

  app.get(
    '/v1/agents',
    {
      schema: {
        tags: ['agents'],
        summary: 'List agents',
        querystring: PageQuery,
        response: { 200: pageOf(Agent), ...errors },
      },
    },
    (request) => listAgents(db, request.caller.teamId, request.query),
  );

  app.get(
    '/v1/agents/:id',
    {
      schema: {
        tags: ['agents'],
        summary: 'Read an agent',
        params: IdParams,
        response: { 200: Agent, ...errors },
      },
    },
    (request) => getAgent(db, request.caller.teamId, request.params.id),
  );

  app.patch(
    '/v1/agents/:id',
    {
      schema: {
        tags: ['agents'],
        summary: 'Change an agent',
        params: IdParams,
        body: AgentUpdate,
        response: { 200: Agent, ...errors },
      },
    },
    async (request) => {
      const { teamId } = request.caller;
      await assertUsable(teamId, request.body);
      return updateAgent(db, teamId, request.params.id, request.body);
    },
  );

  app.delete(
    '/v1/agents/:id',
    {
      schema: {
        tags: ['agents'],
        summary: 'Delete an agent',
        description: 'It takes no more messages; its conversations and runs stay readable.',
        params: IdParams,
        response: { 204: NoContent, ...errors },
      },
    },
    async (request, reply) => {
      await deleteAgent(db, request.caller.teamId, request.params.id);
      return reply.status(204).send(null);
    },
  );
};
