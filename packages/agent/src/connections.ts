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
