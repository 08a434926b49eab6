import type { Team } from '@nightshift/contracts';
import type { Database } from '../database/index.ts';
import { notFound } from '../errors/index.ts';

/** @throws {DomainError} not_found */
export async function getTeam(db: Database, teamId: string): Promise<Team> {
  const row = await db.prisma.team.findUnique({ where: { id: teamId } });
  if (!row) throw notFound('team');
  return { id: row.id, name: row.name, createdAt: row.createdAt.toISOString() };
}

/** @throws {DomainError} not_found */
export async function renameTeam(db: Database, teamId: string, name: string): Promise<Team> {
  await db.prisma.team.updateMany({ where: { id: teamId }, data: { name } });
  return getTeam(db, teamId);
}
