import { Id } from '@nightshift/contracts';
import { findAgentByName } from '@nightshift/core/agents';
import type { Database } from '@nightshift/core/database';
import { notFound } from '@nightshift/core/errors';
import { z } from 'zod';

/** Routes where an agent may be called by its name. */
export const AgentParams = z.object({
  agent: z
    .string()
    .max(100)
    .regex(/^[^\0]+$/)
    .meta({ description: "The agent's id, or its name." }),
});

/** @throws {DomainError} not_found: there is none of this name. That an id means one is not looked at */
export async function agentIdOf(db: Database, teamId: string, agent: string): Promise<string> {
  if (Id.safeParse(agent).success) return agent;
  const named = await findAgentByName(db, teamId, agent);
  if (!named) throw notFound('agent');
  return named.id;
}
