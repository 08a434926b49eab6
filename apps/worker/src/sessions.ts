/**
 * The connections of this worker over which messages also go out. What waits for such a channel is claimed by the worker
 * that is connected to it, and by no other.
 */
import type { AdapterSource } from '@nightshift/channels';
import type { Reach } from '@nightshift/core/outbox';

export interface Sessions {
  /** From now on what goes out to the channel goes over this, while the channel is the one that was claimed in this epoch. */
  open(channelId: string, epoch: number, session: unknown): void;
  /** Nothing happens to a connection of another epoch. */
  close(channelId: string, epoch: number): void;
  /** For an adapter's context; undefined: the channel needs none, or is connected to elsewhere or nowhere. */
  of(channelId: string): unknown;
  /** Whether this worker could send to a channel of this kind now. */
  reaches(kind: string, channelId: string): boolean;
  readonly reach: Reach;
}

export function createSessions({ kindsOverConnection: kinds }: AdapterSource): Sessions {
  const sessions = new Map<string, { epoch: number; session: unknown }>();
  return {
    open: (channelId, epoch, session) => void sessions.set(channelId, { epoch, session }),
    close(channelId, epoch) {
      if (sessions.get(channelId)?.epoch === epoch) sessions.delete(channelId);
    },
    of: (channelId) => sessions.get(channelId)?.session,
    reaches: (kind, channelId) => !kinds.includes(kind) || sessions.has(channelId),
    get reach() {
      return { kinds, connections: [...sessions].map(([channelId, { epoch }]) => `${channelId}/${epoch}`) };
    },
  };
}
