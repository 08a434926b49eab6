/** Agents, as models. https://platform.openai.com/docs/api-reference/models */
import type { Agent } from '@nightshift/contracts';
import { findAgent, listAgents } from '@nightshift/core/agents';
import type { Database } from '@nightshift/core/database';
import { notFound } from '@nightshift/core/errors';
import { z } from 'zod';
import type { Routes } from '../types.ts';

const Model = z.object({
  id: z.string(),
  object: z.literal('model'),
  created: z.number(),
  owned_by: z.string(),
});

/** Seconds of the epoch. */
export const seconds = (time: string | Date) => Math.floor(new Date(time).getTime() / 1000);

const asModel = (agent: Agent) => ({
  id: agent.name,
  object: 'model' as const,
  created: seconds(agent.createdAt),
  owned_by: 'nightshift',
});

/** By its name, else by its id. @throws {DomainError} not_found */
export async function agentOfModel(db: Database, teamId: string, model: string): Promise<Agent> {
  const agent = await findAgent(db, teamId, model);
  if (!agent) throw notFound(`agent (model "${model}")`);
  return agent;
}

/** Pages of the list of agents. */
const pageSize = 200;

async function* allAgents(db: Database, teamId: string): AsyncGenerator<Agent> {
  for (let cursor: string | undefined; ; ) {
    const page = await listAgents(db, teamId, { limit: pageSize, cursor });
    yield* page.data;
    if (page.nextCursor === null) return;
    cursor = page.nextCursor;
  }
}

const modelsPath = '/openai/v1/models/';

/** Clients put a name into the path as it is, and it may hold slashes. */
export const encodeModelPath = (url: string): string => {
  if (!url.startsWith(modelsPath)) return url;
  const [name = '', ...query] = url.slice(modelsPath.length).split('?');
  return name.includes('/') ? [modelsPath + name.replaceAll('/', '%2F'), ...query].join('?') : url;
};

export const modelRoutes: Routes = async (app, { deps: { db } }) => {
  app.get(
    '/openai/v1/models',
    {
      schema: {
        tags: ['openai'],
        summary: 'Agents, as models',
        response: { 200: z.object({ object: z.literal('list'), data: z.array(Model) }) },
      },
    },
    async ({ caller }) => {
      const agents = await Array.fromAsync(allAgents(db, caller.teamId));
      return { object: 'list' as const, data: agents.map(asModel) };
    },
  );

  app.get(
    '/openai/v1/models/:model',
    {
      schema: {
        tags: ['openai'],
        summary: 'One agent',
        params: z.object({ model: z.string().regex(/^[^\0]+$/) }),
        response: { 200: Model },
      },
    },
    async ({ caller, params }) => asModel(await agentOfModel(db, caller.teamId, params.model)),
  );
};
