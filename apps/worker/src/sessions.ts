/**
 * The connections of this worker over which messages also go out. What waits for such a channel is claimed by the worker
 * that is connected to it, and by no other.
 */
import type { AdapterSource } from '@nightshift/channels';
import type { Reach } from '@nightshift/core/outbox';

export interface Sessions {
  /** From now on what goes out to the channel goes over this. */
  open(channelId: string, session: unknown): void;
  close(channelId: string): void;
  /** For an adapter's context; undefined: the channel needs none, or is connected to elsewhere or nowhere. */
  of(channelId: string): unknown;
  /** Whether this worker could send to a channel of this kind now. */
  reaches(kind: string, channelId: string): boolean;
  readonly reach: Reach;
}

export function createSessions({ kindsOverConnection: kinds }: AdapterSource): Sessions {
  const sessions = new Map<string, unknown>();
  return {
    open: (channelId, session) => void sessions.set(channelId, session),
    close: (channelId) => void sessions.delete(channelId),
    of: (channelId) => sessions.get(channelId),
    reaches: (kind, channelId) => !kinds.includes(kind) || sessions.has(channelId),
    get reach() {
      return { kinds, channels: [...sessions.keys()] };
    },
  };
}
