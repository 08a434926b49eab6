/** Agents, as models. https://platform.openai.com/docs/api-reference/models */
import type { Agent } from '@nightshift/contracts';
import { findAgent, listAgents } from '@nightshift/core/agents';
import type { Database } from '@nightshift/core/database';
import { z } from 'zod';
import { OpenaiError } from '../../openai-errors.ts';
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

/** So many of the agents that there are say what else could be asked for. */
const maxCandidates = 20;

/** By its name, else by its id. @throws {OpenaiError} model_not_found, with what there is */
export async function agentOfModel(db: Database, teamId: string, model: string): Promise<Agent> {
  const agent = await findAgent(db, teamId, model);
  if (agent) return agent;
  const { data, nextCursor } = await listAgents(db, teamId, { limit: maxCandidates });
  const names = data.map(({ name }) => name).join(', ');
  const known = data.length === 0 ? 'There is none yet.' : `There are: ${names}${nextCursor ? ' …' : '.'}`;
  const detail = `There is no agent "${model}", which the model names. ${known}`;
  const fields = [{ path: 'model', message: 'is no agent' }];
  throw new OpenaiError({ status: 404, code: 'model_not_found', detail, fields });
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
