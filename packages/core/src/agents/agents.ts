import type {
  Agent,
  AgentCreate,
  AgentLimits,
  AgentListQuery,
  AgentUpdate,
  ModelSetting,
  Page,
  ToolPolicy,
} from '@nightshift/contracts';
import type { z } from 'zod';
import {
  type Database,
  isUniqueViolation,
  type Listed,
  newId,
  pageArguments,
  toPage,
} from '../database/index.ts';
import { nameTaken, notFound } from '../errors/index.ts';
import type { Agent as AgentRow } from '../generated/prisma/client.ts';
import { isWholeId, spellingsOf } from '../references/index.ts';

function toAgent(row: AgentRow): Agent {
  return {
    id: row.id,
    name: row.name,
    instructions: row.instructions,
    model: row.model as ModelSetting,
    tools: row.tools as z.infer<typeof ToolPolicy>,
    limits: row.limits as AgentLimits,
    queueMode: row.queueMode,
    debounceMs: row.debounceMs,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}

async function withHolder(db: Database, teamId: string, error: unknown, name: string): Promise<unknown> {
  if (!isUniqueViolation(error)) return error;
  const holder = await findAgentByName(db, teamId, name);
  return nameTaken('agent', name, holder ? { id: holder.id, name: holder.name } : undefined);
}

/** @throws {DomainError} conflict: the name is taken */
export async function createAgent(db: Database, teamId: string, body: AgentCreate): Promise<Agent> {
  try {
    return toAgent(await db.prisma.agent.create({ data: { id: newId(), teamId, ...body } }));
  } catch (error) {
    throw await withHolder(db, teamId, error, body.name);
  }
}

export async function listAgents(
  db: Database,
  teamId: string,
  query: Listed<AgentListQuery>,
): Promise<Page<Agent>> {
  const { where, ...page } = pageArguments(query);
  const named = query.name === undefined ? {} : { name: { in: spellingsOf(query.name) } };
  const rows = await db.prisma.agent.findMany({
    ...page,
    where: { ...where, ...named, teamId, deletedAt: null },
  });
  return toPage(rows, query.limit, toAgent);
}

async function find(
  db: Database,
  where: { teamId: string; id?: string; name?: string },
): Promise<Agent | null> {
  const row = await db.prisma.agent.findFirst({ where: { ...where, deletedAt: null } });
  return row && toAgent(row);
}

/** @throws {DomainError} not_found */
export async function getAgent(db: Database, teamId: string, id: string): Promise<Agent> {
  const agent = await find(db, { teamId, id });
  if (!agent) throw notFound('agent');
  return agent;
}

/** By its id, or else by its name, which may look like another one's id. Null: there is no such agent. */
export async function findAgent(db: Database, teamId: string, wanted: string): Promise<Agent | null> {
  const byId = isWholeId(wanted) ? await find(db, { teamId, id: wanted }) : null;
  return byId ?? find(db, { teamId, name: wanted });
}

export function findAgentByName(db: Database, teamId: string, name: string): Promise<Agent | null> {
  return find(db, { teamId, name });
}

/** Changes what `body` names; limits are merged. @throws {DomainError} not_found, conflict */
export async function updateAgent(
  db: Database,
  teamId: string,
  id: string,
  body: AgentUpdate,
): Promise<Agent> {
  const { limits, ...rest } = body;
  const current = await getAgent(db, teamId, id);
  try {
    const rows = await db.prisma.agent.updateManyAndReturn({
      where: { id, teamId, deletedAt: null },
      data: {
        ...withoutUndefined(rest),
        ...(limits && { limits: { ...current.limits, ...withoutUndefined(limits) } }),
      },
    });
    if (!rows[0]) throw notFound('agent');
    return toAgent(rows[0]);
  } catch (error) {
    throw body.name === undefined ? error : await withHolder(db, teamId, error, body.name);
  }
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function withoutUndefined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Defined<T>;
}

/**
 * Deletes an agent: its name is free again, its history stays readable, it takes no more messages.
 * @throws {DomainError} not_found
 */
export async function deleteAgent(db: Database, teamId: string, id: string): Promise<void> {
  const { count } = await db.prisma.agent.updateMany({
    where: { id, teamId, deletedAt: null },
    data: { deletedAt: new Date() },
  });
  if (count === 0) throw notFound('agent');
}
