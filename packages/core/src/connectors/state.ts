/** What the worker that holds a channel has observed of its connection: written when it changes, under the lease's epoch. */
import { storable } from '@nightshift/contracts';
import { type Database, statement } from '../database/index.ts';
import type { ConnectorLease } from './connectors.ts';

/** connecting: for the first time since the channel was claimed · disconnected: lost, or not to be had; it is tried again. */
export type ConnectionStatus = 'connecting' | 'connected' | 'disconnected' | 'refused';

export interface ObservedConnection {
  status: ConnectionStatus;
  /** What went wrong, for people. */
  error?: { code: string; message: string };
  /** Until the next attempt, in milliseconds. */
  nextTryInMs?: number;
}

// An outage is as old as it is, whoever has held the channel meanwhile. A connection of an epoch that is over says nothing.
const note = statement<{ id: string }>(`
  UPDATE channel c SET connection = jsonb_strip_nulls(jsonb_build_object(
    'epoch', c.epoch, 'status', $3::text,
    'since', CASE WHEN $3 IN ('disconnected', 'refused') THEN coalesce(c.connection->'downSince', to_jsonb(now()))
      -- A platform may have its sockets replaced now and then, which is no new connection.
      WHEN c.connection->>'status' = $3 AND c.connection->'epoch' = to_jsonb(c.epoch) THEN c.connection->'since'
      ELSE to_jsonb(now()) END,
    'downSince', CASE WHEN $3 = 'connecting' THEN c.connection->'downSince'
      WHEN $3 IN ('disconnected', 'refused') THEN coalesce(c.connection->'downSince', to_jsonb(now())) END,
    'connectedAt', CASE WHEN $3 = 'connected' THEN to_jsonb(now()) ELSE c.connection->'connectedAt' END,
    'error', CASE WHEN $3 = 'connecting' THEN c.connection->'error' ELSE $4::jsonb || jsonb_build_object('at', now()) END,
    'nextTryAt', to_jsonb(now() + $5::float8 * interval '1 millisecond')))
  WHERE c.id = $1 AND c.epoch = $2 AND c.lease_owner IS NOT NULL RETURNING c.id`);

/**
 * A crash may undo it, and then the lease runs out.
 *
 * @returns false: the channel is not held under this lease any more, and nothing is written
 */
export async function noteConnection(
  db: Database,
  { channelId, epoch }: ConnectorLease,
  { status, error, nextTryInMs }: ObservedConnection,
): Promise<boolean> {
  const said = error ? JSON.stringify(storable(error)) : null;
  const rows = await db.queryRelaxed(note, [channelId, epoch, status, said, nextTryInMs ?? null]);
  return rows.length > 0;
}
