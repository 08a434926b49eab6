/** Channels as rows: their credentials sealed and opened. */
import { ChannelAccess, type ChannelRoute } from '@nightshift/contracts';
import type { Database } from '../database/index.ts';
import { notFound } from '../errors/index.ts';
import type { Channel as Row } from '../generated/prisma/client.ts';
import {
  type KeyEncryptionKey,
  type Sealed,
  seal,
  sealContext,
  UnsealError,
  unseal,
} from '../secrets/index.ts';

export type Fields = Record<string, unknown>;

/** @param isMachineMade which of them may show their last four characters; of the others none are kept */
export function sealed(
  kek: KeyEncryptionKey,
  teamId: string,
  id: string,
  credentials: Fields,
  isMachineMade: (secret: string) => boolean,
) {
  const text = JSON.stringify(credentials);
  kek.redactor.learn(text);
  return {
    credentials: { ...seal(kek, text, sealContext(teamId, id, 'credentials')) },
    last4: Object.fromEntries(
      Object.entries(credentials)
        .filter(([, value]) => value !== undefined)
        // The last four of a short secret would be most of it.
        .map(([name, value]) => [
          name,
          isMachineMade(name) && String(value).length >= 12 ? String(value).slice(-4) : null,
        ]),
    ),
  };
}

/** A channel with its credentials. It must reach no log, no answer and no prompt. */
export interface OpenChannel {
  id: string;
  teamId: string;
  kind: string;
  agentId: string | null;
  credentials: unknown;
  settings: unknown;
  account: { id: string | null; name: string } | null;
  access: ChannelAccess;
  routes: readonly ChannelRoute[];
  live: boolean;
  status: 'active' | 'paused' | 'attention';
  hookKey: string;
  /** See `ChannelScope`. */
  version: number;
}

/** @throws {UnsealError} */
export function open(kek: KeyEncryptionKey, row: Row): OpenChannel {
  const sealedFields = row.credentials as unknown as Sealed | null;
  const text = sealedFields && unseal(kek, sealedFields, sealContext(row.teamId, row.id, 'credentials'));
  if (text) kek.redactor.learn(text);
  const { id, teamId, kind, agentId, settings, live, status, hookKey, version } = row;
  return {
    id,
    teamId,
    kind,
    agentId,
    live,
    status,
    hookKey,
    version,
    credentials: text && JSON.parse(text),
    settings,
    account: row.account as OpenChannel['account'],
    access: ChannelAccess.parse(row.access),
    routes: row.routes as ChannelRoute[],
  };
}

/**
 * The credentials, and the names of those that are set. Ones that cannot be read any more leave their names, so that
 * they can be stored again.
 */
export function openStored(kek: KeyEncryptionKey, row: Row): { credentials: Fields; names: string[] } {
  try {
    const credentials = (open(kek, row).credentials ?? {}) as Fields;
    return { credentials, names: Object.keys(credentials) };
  } catch (error) {
    if (!(error instanceof UnsealError)) throw error;
    return { credentials: {}, names: Object.keys(row.last4 as object) };
  }
}

/** @throws {DomainError} not_found: no such agent in the team */
export async function assertAgents(
  db: Database,
  teamId: string,
  ids: readonly (string | undefined)[],
): Promise<void> {
  const wanted = [...new Set(ids.filter((id) => id !== undefined))];
  const found = await db.prisma.agent.count({ where: { id: { in: wanted }, teamId, deletedAt: null } });
  if (found < wanted.length) throw notFound('agent');
}
