/** A channel's row with its adapter: what is needed to talk to the platform. */
import { type AdapterSource, type ChannelAdapter, ChannelError, type Connection } from '@nightshift/channels';
import { type OpenChannel, openChannel } from '@nightshift/core/channels';
import type { Database } from '@nightshift/core/database';
import { DomainError } from '@nightshift/core/errors';
import { type KeyEncryptionKey, UnsealError } from '@nightshift/core/secrets';

export interface ConnectionDeps {
  db: Database;
  kek: KeyEncryptionKey;
  adapters: AdapterSource;
}

export interface OpenConnection {
  channel: OpenChannel;
  adapter: ChannelAdapter;
  connection: Connection<unknown, unknown>;
}

/**
 * Reads and opens a channel.
 *
 * @throws {ChannelError} rejected: it is gone · auth: its credentials are not what the adapter needs · retry: this
 * version has no such adapter
 */
export async function openConnection(
  deps: ConnectionDeps,
  teamId: string,
  channelId: string,
): Promise<OpenConnection> {
  try {
    return await connectionOf(deps.adapters, await openChannel(deps.db, deps.kek, teamId, channelId));
  } catch (error) {
    if (error instanceof DomainError) throw new ChannelError('rejected', error.message, { cause: error });
    if (error instanceof UnsealError) throw new ChannelError('auth', error.message, { cause: error });
    throw error;
  }
}

/** @throws {ChannelError} as `openConnection` */
export async function connectionOf(adapters: AdapterSource, channel: OpenChannel): Promise<OpenConnection> {
  const adapter = await adapters.load(channel.kind);
  // In the middle of an upgrade an older process may not have it yet.
  if (!adapter) throw new ChannelError('retry', `This server has no channel of the kind ${channel.kind}.`);
  const credentials = adapter.credentials.safeParse(channel.credentials ?? {});
  const settings = adapter.settings.safeParse(channel.settings);
  if (!credentials.success || !settings.success) {
    throw new ChannelError('auth', 'The credentials or settings of the channel are not what it needs now.');
  }
  const { account } = channel;
  return {
    channel,
    adapter,
    connection: { credentials: credentials.data, settings: settings.data, account },
  };
}

/** Which channel, and which version of its row. */
export interface ChannelVersion {
  teamId: string;
  channelId: string;
  version: number;
}

export type OpenCached = (channel: ChannelVersion) => Promise<OpenConnection>;

/**
 * As `openConnection`, for those who have just read which version the row has: each version is read and its credentials
 * decrypted once, and the one before is forgotten.
 */
export function cacheConnections(deps: ConnectionDeps): OpenCached {
  const opened = new Map<string, { version: number; connection: Promise<OpenConnection> }>();
  return ({ teamId, channelId, version }) => {
    const known = opened.get(channelId);
    if (known?.version === version) return known.connection;
    const entry = { version, connection: openConnection(deps, teamId, channelId) };
    opened.set(channelId, entry);
    // A failure is told to whoever waits for it, and is not kept.
    entry.connection.catch(() => {
      if (opened.get(channelId) === entry) opened.delete(channelId);
    });
    return entry.connection;
  };
}
