/** API keys: shown once, stored as a hash, resolved anew for each request. */

import { createHash, randomBytes } from 'node:crypto';
import {
  type ApiKey,
  type ApiKeyCreate,
  type ApiKeyListQuery,
  type Page,
  type Role,
  roleIncludes,
} from '@nightshift/contracts';
import { type Database, type Listed, newId, pageArguments, statement, toPage } from '../database/index.ts';
import { DomainError, notFound } from '../errors/index.ts';
import type { KeyOrigin, ApiKey as Row } from '../generated/prisma/client.ts';
import { spellingsOf } from '../references/index.ts';

/** 256 random bits, so that a fast hash is enough and guessing is hopeless. */
export const generateApiKey = (): string => `ns_${randomBytes(32).toString('base64url')}`;

export const hashApiKey = (key: string): Buffer => createHash('sha256').update(key).digest();

/** Ours, or one that an operator has preset (`NIGHTSHIFT_ADMIN_KEY`). What has another form is no key. */
const keyForm = /^ns_[A-Za-z0-9_-]{22,8000}$/;

export const isApiKeyForm = (text: string): boolean => keyForm.test(text);

/** Who makes a request. */
export interface Caller {
  keyId: string;
  teamId: string;
  role: Role;
}

const resolve = statement<{ id: string; team_id: string; role: Role; stale: boolean }>(`
  SELECT id, team_id, role, last_used_at IS NULL OR last_used_at < now() - interval '1 minute' AS stale
  FROM api_key WHERE hash = $1 AND revoked_at IS NULL`);
const touch = statement(`UPDATE api_key SET last_used_at = now() WHERE id = $1`);

/** Null: there is no such key, or it was revoked. What has not the form of a key is not looked up. */
export async function resolveApiKey(db: Database, key: string): Promise<Caller | null> {
  if (!isApiKeyForm(key)) return null;
  const [row] = await db.query(resolve, [hashApiKey(key)]);
  if (!row) return null;
  if (row.stale) await db.query(touch, [row.id]);
  return { keyId: row.id, teamId: row.team_id, role: row.role };
}

const readRole = statement<{ role: Role }>(`SELECT role FROM api_key WHERE id = $1 AND revoked_at IS NULL`);

/** What a key may do now. Null: it was revoked, or is gone. */
export async function readApiKeyRole(db: Database, id: string): Promise<Role | null> {
  return (await db.query(readRole, [id]))[0]?.role ?? null;
}

const listHashes = statement<{ hash: string }>(`
  SELECT encode(hash, 'base64') AS hash FROM api_key WHERE revoked_at IS NULL
  ORDER BY last_used_at DESC NULLS LAST LIMIT $1`);

/** The hashes of the keys that count, in base64: those used last, as many as `limit`. */
export async function listApiKeyHashes(db: Database, limit: number): Promise<Set<string>> {
  return new Set((await db.query(listHashes, [limit])).map(({ hash }) => hash));
}

function toApiKey(row: Row): ApiKey {
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    last4: row.last4,
    createdAt: row.createdAt.toISOString(),
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
  };
}

/** @throws {DomainError} forbidden: a key cannot make a stronger one */
export async function createApiKey(
  db: Database,
  caller: Pick<Caller, 'teamId' | 'role'>,
  body: ApiKeyCreate,
  key = generateApiKey(),
  origin: KeyOrigin | null = null,
): Promise<ApiKey & { key: string }> {
  if (!roleIncludes(caller.role, body.role)) {
    throw new DomainError('forbidden', `Your key is ${caller.role}: it cannot make ${body.role} keys.`);
  }
  const row = await db.prisma.apiKey.create({
    data: {
      id: newId(),
      teamId: caller.teamId,
      ...body,
      hash: new Uint8Array(hashApiKey(key)),
      last4: key.slice(-4),
      origin,
    },
  });
  return { ...toApiKey(row), key };
}

export async function listApiKeys(
  db: Database,
  teamId: string,
  query: Listed<ApiKeyListQuery>,
): Promise<Page<ApiKey>> {
  const { where, ...page } = pageArguments(query);
  const named = query.name === undefined ? {} : { name: { in: spellingsOf(query.name) } };
  const rows = await db.prisma.apiKey.findMany({
    ...page,
    where: { ...where, ...named, teamId, revokedAt: null },
  });
  return toPage(rows, query.limit, toApiKey);
}

/** @throws {DomainError} not_found */
export async function getApiKey(db: Database, teamId: string, id: string): Promise<ApiKey> {
  const row = await db.prisma.apiKey.findFirst({ where: { id, teamId, revokedAt: null } });
  if (!row) throw notFound('API key');
  return toApiKey(row);
}

/**
 * Revokes a key: its next request is refused, and streams that it opened end.
 *
 * @throws {DomainError} not_found; forbidden: it is stronger than the caller's; conflict: it is the last owner key
 */
export async function revokeApiKey(db: Database, caller: Caller, id: string): Promise<void> {
  await db.prisma.$transaction(async (tx) => {
    // The team is locked first, so that two owners who revoke each other at once cannot both succeed.
    await tx.$queryRaw`SELECT id FROM team WHERE id = ${caller.teamId}::uuid FOR UPDATE`;
    const row = await tx.apiKey.findFirst({ where: { id, teamId: caller.teamId, revokedAt: null } });
    if (!row) throw notFound('API key');
    if (!roleIncludes(caller.role, row.role)) {
      throw new DomainError('forbidden', `Your key is ${caller.role}: it cannot revoke ${row.role} keys.`);
    }
    const owners = await tx.apiKey.count({
      where: { teamId: caller.teamId, role: 'owner', revokedAt: null },
    });
    if (row.role === 'owner' && owners === 1) {
      throw new DomainError('conflict', 'This is the last owner key: make another one first.');
    }
    await tx.apiKey.update({ where: { id }, data: { revokedAt: new Date() } });
  });
}
