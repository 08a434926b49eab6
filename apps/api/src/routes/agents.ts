import { Agent, AgentCreate, AgentUpdate, PageQuery, pageOf } from '@nightshift/contracts';
import { createAgent, deleteAgent, getAgent, listAgents, updateAgent } from '@nightshift/core/agents';
import { hasCustomEndpoint } from '@nightshift/core/credentials';
import { invalidField } from '@nightshift/core/errors';
import { findVendor, parseModelRef } from '@nightshift/providers';
import { builtInTools } from '@nightshift/tools';
import { errors, IdParams, NoContent, type Routes } from './types.ts';

function modelsOf(model: AgentUpdate['model']): string[] {
  if (model === undefined || model === 'auto') return [];
  if (typeof model === 'string') return [model];
  return [...model.targets, ...model.routes.flatMap(({ targets }) => targets)].map((target) => target.model);
}

export const agentRoutes: Routes = async (app, { deps }) => {
  const { db } = deps;

  /** Said when it is saved, not when it first fails. Whether the vendor has the model is known only to the vendor. */
  async function assertUsable(teamId: string, body: Pick<AgentUpdate, 'model' | 'tools'>) {
    for (const model of modelsOf(body.model)) {
      const { provider } = parseModelRef(model);
      const vendor = findVendor(provider);
      const known = vendor
        ? vendor.baseUrl !== null || vendor.wire === 'demo'
        : await hasCustomEndpoint(db, teamId, provider);
      if (!known) {
        throw invalidField(
          'model',
          `there is no provider or custom endpoint "${provider}". GET /v1/catalog/providers lists the providers.`,
        );
      }
    }
    for (const name of Object.keys(body.tools ?? {})) {
      if (!builtInTools.some((tool) => tool.name === name)) {
        throw invalidField(`tools.${name}`, 'there is no such tool. GET /v1/catalog/tools lists them.');
      }
    }
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
