import { referenceTo } from '@nightshift/contracts';
import type { Database } from '@nightshift/core/database';
import { DomainError } from '@nightshift/core/errors';
import { isWholeId, resolveReference } from '@nightshift/core/references';
import { z } from 'zod';

/** Routes that are addressed by an agent. */
export const AgentParams = z.object({ agent: referenceTo('agent') });

/**
 * Does what is asked of an agent without looking its id up first, for routes that trust ids. When no agent has it, it may
 * be one's name.
 *
 * @throws {DomainError} whatever `work` throws
 */
export async function withAgent<T>(
  db: Database,
  teamId: string,
  agent: string,
  work: (agentId: string) => Promise<T>,
): Promise<T> {
  try {
    return await work(agent);
  } catch (error) {
    const isUnknown = error instanceof DomainError && error.code === 'not_found' && isWholeId(agent);
    const named = isUnknown ? await resolveReference(db, teamId, 'agent', agent) : undefined;
    if (named === undefined || named === agent) throw error;
    return work(named);
  }
}
