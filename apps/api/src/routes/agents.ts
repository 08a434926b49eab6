import { Agent, AgentCreate, AgentListQuery, AgentReplace, AgentUpdate, pageOf } from '@nightshift/contracts';
import { createAgent, deleteAgent, getAgent, listAgents, updateAgent } from '@nightshift/core/agents';
import { invalidField } from '@nightshift/core/errors';
import { builtInTools } from '@nightshift/tools';
import { assertModelsExist } from '../models.ts';
import { upsert } from '../upsert.ts';
import { errors, NameParams, NoContent, paramsOf, type Routes } from './types.ts';

const Params = paramsOf('agent');

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
        querystring: AgentListQuery,
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
        params: Params,
        response: { 200: Agent, ...errors },
      },
    },
    (request) => getAgent(db, request.caller.teamId, request.params.id),
  );

  app.put(
    '/v1/agents/by-name/:name',
    {
      schema: {
        tags: ['agents'],
        summary: 'Register the agent of this name, or replace it',
        description: 'The body is all of it: what is left out is as in a new agent.',
        params: NameParams,
        body: AgentReplace,
        response: { 200: Agent, 201: Agent, ...errors },
      },
    },
    async (request, reply) => {
      const { teamId } = request.caller;
      const { name: given, ...body } = request.body;
      await assertUsable(teamId, body);
      const { status, record } = await upsert(db, teamId, 'agent', {
        name: request.params.name,
        given,
        create: (name) => createAgent(db, teamId, { ...body, name }),
        replace: (id) => updateAgent(db, teamId, id, body),
      });
      return reply.status(status).send(record);
    },
  );

  app.patch(
    '/v1/agents/:id',
    {
      schema: {
        tags: ['agents'],
        summary: 'Change an agent',
        params: Params,
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
        params: Params,
        response: { 204: NoContent, ...errors },
      },
    },
    async (request, reply) => {
      await deleteAgent(db, request.caller.teamId, request.params.id);
      return reply.status(204).send(null);
    },
  );
};
