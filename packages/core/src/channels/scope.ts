/** What decides which messages of a channel are answered, and by whom, as its row says now. */
import { ChannelAccess, type ChannelRoute } from '@nightshift/contracts';
import { type Database, statement } from '../database/index.ts';

export interface ChannelScope {
  /** Another one after each change of what is below, of the credentials and of the settings. */
  version: number;
  status: 'active' | 'paused' | 'attention';
  agentId: string | null;
  access: ChannelAccess;
  routes: readonly ChannelRoute[];
  /** Who we are there, as the last probe found. */
  account: { id: string | null; name: string } | null;
}

export type ScopeRow = {
  version: number;
  status: ChannelScope['status'];
  agent_id: string | null;
  access: unknown;
  routes: ChannelRoute[];
  account: ChannelScope['account'];
};

/** For whoever touches the row anyway. */
export const scopeColumns = 'version, status, agent_id, access, routes, account';

export const toScope = ({ version, status, agent_id, access, routes, account }: ScopeRow): ChannelScope => ({
  version,
  status,
  agentId: agent_id,
  access: ChannelAccess.parse(access),
  routes,
  account,
});

const read = statement<ScopeRow>(`SELECT ${scopeColumns} FROM channel WHERE id = $1 AND deleted_at IS NULL`);

/** Null: the channel is deleted. */
export async function readScope(
  db: Pick<Database, 'query'>,
  channelId: string,
): Promise<ChannelScope | null> {
  const [row] = await db.query(read, [channelId]);
  return row ? toScope(row) : null;
}

const readVersion = statement<{ version: number }>(`SELECT version FROM channel WHERE id = $1`);

/** Null: there is no such channel. */
export async function readChannelVersion(
  db: Pick<Database, 'query'>,
  channelId: string,
): Promise<number | null> {
  return (await db.query(readVersion, [channelId]))[0]?.version ?? null;
}

/** The channel is not what the caller has read any more: read it again, and decide again. */
export class ChannelChangedError extends Error {
  override readonly name = 'ChannelChangedError';
  constructor(channelId: string) {
    super(`Channel ${channelId} was changed meanwhile.`);
  }
}
