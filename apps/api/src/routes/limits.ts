import { estimateRun } from '@nightshift/agent';
import { Estimate, EstimateBody, Limit } from '@nightshift/contracts';
import { getAgent } from '@nightshift/core/agents';
import { readLimits } from '@nightshift/core/budgets';
import { builtInTools } from '@nightshift/tools';
import { z } from 'zod';
import { AgentParams } from '../agent-reference.ts';
import { errors, type Routes } from './types.ts';

export const limitRoutes: Routes = async (app, { deps }) => {
  const { db } = deps;

  app.get(
    '/v1/limits',
    {
      schema: {
        tags: ['budgets'],
        summary: 'How the budgets stand',
        description:
          'Every budget that is enabled, oldest first, and the accounts on it: used, reserved, max, and when it lets go on. ' +
          '`used` is the sum of the ledger from `windowStart` on.',
        response: { 200: z.object({ data: z.array(Limit) }), ...errors },
      },
    },
    async (request) => ({ data: await readLimits(db, request.caller.teamId) }),
  );

  app.post(
    '/v1/agents/:agent/estimate',
    {
      schema: {
        tags: ['budgets'],
        summary: 'Estimate a run before it is asked for',
        description:
          'Of its first model call, with each model that may answer. Nothing is said, asked or reserved.',
        params: AgentParams,
        body: EstimateBody,
        response: { 200: Estimate, ...errors },
      },
    },
    async (request) => {
      const { teamId, keyId: memberId } = request.caller;
      const agent = await getAgent(db, teamId, request.params.agent);
      return estimateRun({ ...deps, tools: builtInTools }, { teamId, memberId }, agent, request.body);
    },
  );
};
