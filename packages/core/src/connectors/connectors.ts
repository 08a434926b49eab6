/**
 * Connectors: a channel that we connect to is held by one worker at a time, through a lease on its row and on the
 * database's clock. `epoch` is the fence: whoever was taken over commits nothing more.
 */

import { storableText } from '@nightshift/contracts';
import { type ChannelScope, type ScopeRow, scopeColumns, toScope } from '../channels/index.ts';
import { type Database, statement } from '../database/index.ts';

/** A worker that stops renewing loses its connections after this long. */
export const connectorLeaseMs = 8_000;

/** The right to be connected to a channel. */
export interface ConnectorLease {
  readonly channelId: string;
  readonly teamId: string;
  readonly epoch: number;
}

/** Another worker is connected now, or the channel was changed: end the connection. */
export class ConnectorLostError extends Error {
  override readonly name = 'ConnectorLostError';
  constructor({ channelId, epoch }: ConnectorLease) {
    super(`The connection to channel ${channelId} was taken over after epoch ${epoch}.`);
  }
}

const checkIn = statement<{ workers: number; channels: number }>(`
  WITH here AS (
    INSERT INTO worker_presence (id, kinds, seen_at) VALUES ($1, $2, now())
    ON CONFLICT (id) DO UPDATE SET kinds = excluded.kinds, seen_at = now()
  )
  SELECT (SELECT count(*)::int FROM channel WHERE connects AND status = 'active' AND deleted_at IS NULL AND kind = ANY ($2::text[])) AS channels,
    1 + (SELECT count(*)::int FROM worker_presence WHERE id <> $1 AND kinds @> $2::text[]
      AND seen_at > now() - $3 * interval '1 millisecond') AS workers`);

/**
 * Says that a worker is there, and which kinds it knows. Those that know fewer, in the middle of an upgrade, do not count:
 * together the shares of the others are all there is.
 *
 * @returns how many connections are its share
 */
export async function connectorShare(
  db: Database,
  { owner, kinds }: { owner: string; kinds: readonly string[] },
): Promise<number> {
  const [row] = await db.queryRelaxed(checkIn, [owner, kinds, connectorLeaseMs]);
  return Math.ceil(row!.channels / row!.workers);
}

const checkOut = statement(`DELETE FROM worker_presence WHERE id = $1`);

/** The worker stops: its share is the others'. */
export async function leaveConnectors(db: Database, owner: string): Promise<void> {
  await db.queryRelaxed(checkOut, [owner]);
}

type LeaseRow = { id: string; team_id: string; epoch: number };

const claim = statement<LeaseRow>(`
  UPDATE channel c SET lease_owner = $1, lease_until = now() + $2 * interval '1 millisecond', epoch = c.epoch + 1
  WHERE c.id IN (
    SELECT id FROM channel WHERE connects AND status = 'active' AND deleted_at IS NULL AND kind = ANY ($4::text[])
      AND (lease_until IS NULL OR lease_until < now())
    ORDER BY lease_until NULLS FIRST LIMIT $3 FOR UPDATE SKIP LOCKED
  ) RETURNING c.id, c.team_id, c.epoch`);

/** Takes up to so many channels that nobody is connected to. */
export async function claimConnectors(
  db: Database,
  { owner, kinds, limit }: { owner: string; kinds: readonly string[]; limit: number },
): Promise<ConnectorLease[]> {
  const rows = await db.query(claim, [owner, connectorLeaseMs, limit, kinds]);
  return rows.map(({ id, team_id, epoch }) => ({ channelId: id, teamId: team_id, epoch }));
}

const renew = statement<{ id: string }>(`
  UPDATE channel c SET lease_until = now() + $3 * interval '1 millisecond'
  FROM unnest($1::uuid[], $2::int[]) AS held (id, epoch)
  WHERE c.id = held.id AND c.epoch = held.epoch AND c.lease_owner IS NOT NULL AND c.status = 'active'
  RETURNING c.id`);

/** @returns the channels that are still held; the others are lost. A renewal that a crash undoes does no harm. */
export async function renewConnectors(db: Database, held: readonly ConnectorLease[]): Promise<Set<string>> {
  const ids = held.map(({ channelId }) => channelId);
  const epochs = held.map(({ epoch }) => epoch);
  return new Set((await db.queryRelaxed(renew, [ids, epochs, connectorLeaseMs])).map(({ id }) => id));
}

const release = statement(`
  UPDATE channel SET lease_owner = NULL, lease_until = NULL WHERE id = $1 AND epoch = $2`);

/** Another worker may connect at once. Nothing happens when it was lost. */
export async function releaseConnector(db: Database, { channelId, epoch }: ConnectorLease): Promise<void> {
  await db.query(release, [channelId, epoch]);
}

const readCursor = statement<{ cursor: string | null }>(`
  SELECT cursor FROM channel WHERE id = $1 AND cursor_key = $2`);

/** Where to go on; null: with these credentials nobody has read yet. */
export async function readConnectorCursor(
  db: Database,
  { channelId }: ConnectorLease,
  cursorKey: string,
): Promise<string | null> {
  return (await db.query(readCursor, [channelId, cursorKey]))[0]?.cursor ?? null;
}

// Also locks the row: nobody claims the channel before the events are in.
const advance = statement<ScopeRow>(`
  UPDATE channel SET cursor = CASE WHEN $3::text IS NULL AND cursor_key = $4 THEN cursor ELSE $3 END, cursor_key = $4
  WHERE id = $1 AND epoch = $2 AND lease_owner IS NOT NULL RETURNING ${scopeColumns}`);

/**
 * Moves on to a cursor, in the transaction that stores the events before it. Without one the old one stays, as long as it
 * is of the same credentials.
 *
 * @returns what the channel's settings are at this moment; its row is locked until the end of the transaction
 * @throws {ConnectorLostError}
 */
export async function advanceCursor(
  db: Pick<Database, 'query'>,
  lease: ConnectorLease,
  { cursor, cursorKey }: { cursor: string | undefined; cursorKey: string },
): Promise<ChannelScope> {
  const [row] = await db.query(advance, [
    lease.channelId,
    lease.epoch,
    cursor === undefined ? null : storableText(cursor),
    cursorKey,
  ]);
  if (!row) throw new ConnectorLostError(lease);
  return toScope(row);
}
