/** Strangers are approved or blocked, by the code that they were sent or by their identity, and answered. */
import { type Address, ChannelAccess, type ChannelRoute, type Identity } from '@nightshift/contracts';
import { codeMinutes, greet, hashCode, identityNames, notVouchedFor, toIdentity } from '../channels/index.ts';
import {
  type Database,
  isPassing,
  newId,
  run,
  statement,
  transaction,
  untilNoConflict,
} from '../database/index.ts';
import { DomainError, notFound } from '../errors/index.ts';
import type { KeyEncryptionKey } from '../secrets/index.ts';
import { type AcceptedEvents, type EventScope, nothing } from './accept-events.ts';
import { acceptSaid } from './accept-said.ts';
import { type Held, isHeldMessage } from './held.ts';

type Decided = {
  id: string;
  thread: { to: Address; key: string } | null;
  status: string;
  was: string;
  held: Held[] | null;
};

// What is kept and the code go with the decision, whatever it is: of two at once the second finds neither.
const decision = (status: string, where: string) => `
  WITH found AS (
    SELECT i.id, i.channel_id, c.team_id, coalesce(i.name, i.external_id) AS name, i.person_id, i.status, i.held,
      i.thread, i.code_delivery_id
    FROM identity i JOIN channel c ON c.id = i.channel_id
    WHERE c.id = $1 AND c.team_id = $2 AND c.deleted_at IS NULL AND ${where} FOR UPDATE OF i
  ), person AS (
    INSERT INTO person (id, team_id, name) SELECT $3, team_id, name FROM found
    WHERE person_id IS NULL AND ${status} = 'approved' RETURNING id
  ), code AS (
    -- One that waits to be sent is not sent any more.
    UPDATE delivery d SET sealed = NULL, sealed_until = now() FROM found WHERE d.id = found.code_delivery_id
  )
  UPDATE identity i SET status = ${status}, code_hash = NULL, code_expires_at = NULL, held = NULL,
    person_id = coalesce(i.person_id, (SELECT id FROM person))
  FROM found WHERE i.id = found.id
  RETURNING i.id, i.thread, i.status, found.status AS was, found.held`;

const approveCode = statement<Decided>(
  decision(
    `'approved'::identity_status`,
    `i.code_hash = $4 AND i.code_expires_at > now() AND i.status = 'pending' AND i.vouched`,
  ),
);

const decide = statement<Decided>(
  decision('$5::identity_status', `i.id = $4 AND (i.vouched OR $5::identity_status <> 'approved')`),
);

const channelOf = statement<{ agent_id: string | null; access: unknown; routes: ChannelRoute[] }>(`
  SELECT agent_id, access, routes FROM channel WHERE id = $1 AND team_id = $2`);

const savepoint = statement('SAVEPOINT held');
const rollback = statement('ROLLBACK TO SAVEPOINT held');

/** Who it is, and what there is to do once it is committed. */
export interface DecidedIdentity {
  identity: Identity;
  events: AcceptedEvents;
}

interface Deciding {
  teamId: string;
  channelId: string;
  traceId?: string | undefined;
}

/** What others do at the same moment, in the same conversations, costs nobody what is kept of them. */
const settle = (...deciding: Parameters<typeof settleOnce>): Promise<DecidedIdentity> =>
  untilNoConflict(() => settleOnce(...deciding));

async function settleOnce(
  db: Database,
  kek: KeyEncryptionKey,
  channel: Deciding,
  [sql, values]: readonly [typeof decide, unknown[]],
  missing: () => Promise<Error>,
): Promise<DecidedIdentity> {
  const events = nothing();
  const id = await transaction(db.pool, async (client) => {
    const query: Pick<Database, 'query'> = { query: (each, all) => run(client, each, all) };
    const place = [channel.channelId, channel.teamId, newId()];
    const [row] = await query.query(sql, [...place, ...values]);
    if (!row) throw await missing();
    if (row.status !== 'approved' || row.was !== 'pending') return row.id;
    const held = row.held ?? [];
    if (row.thread) events.lanes.add(await greet(query, channel, row.thread, held.some(isHeldMessage)));
    if (held.length > 0) await answerHeld(query, kek, channel, held, events);
    return row.id;
  });
  return {
    identity: toIdentity(
      await db.prisma.identity.findUniqueOrThrow({ where: { id }, include: identityNames }),
    ),
    events,
  };
}

/** What was written while its sender waited comes in as if it came now, by the same way as any message. */
async function answerHeld(
  db: Pick<Database, 'query'>,
  kek: KeyEncryptionKey,
  { teamId, channelId, traceId }: Deciding,
  held: readonly Held[],
  events: AcceptedEvents,
): Promise<void> {
  const [row] = await db.query(channelOf, [channelId, teamId]);
  const scope: EventScope = {
    id: channelId,
    teamId,
    kek,
    agentId: row!.agent_id,
    access: ChannelAccess.parse(row!.access),
    routes: row!.routes,
    traceId,
  };
  for (const event of held.filter(isHeldMessage)) {
    await db.query(savepoint);
    try {
      // The event is stored already, by which a repetition is known; this is what became of it later.
      const later = { ...event, externalId: `held:${event.externalId}` };
      const dropped = await acceptSaid(db, scope, later, events);
      if (dropped === null) events.taken += 1;
      else events.dropped.set(dropped, (events.dropped.get(dropped) ?? 0) + 1);
    } catch (error) {
      if (isPassing(error)) throw error;
      // What cannot be answered must not keep its sender from being approved.
      await db.query(rollback);
      events.dropped.set('defect', (events.dropped.get('defect') ?? 0) + 1);
    }
  }
}

/** @throws {DomainError} not_found: there is no such code, or no longer */
export async function approvePairing(
  db: Database,
  kek: KeyEncryptionKey,
  channel: Deciding,
  code: string,
): Promise<DecidedIdentity> {
  return settle(
    db,
    kek,
    channel,
    [approveCode, [hashCode(kek, channel.channelId, code)]],
    async () =>
      new DomainError(
        'not_found',
        `There is no such code in this channel. It is good for ${codeMinutes} minutes: let the person write again.`,
      ),
  );
}

/** @throws {DomainError} not_found · conflict: its platform does not vouch for it, so it cannot be approved */
export async function decideIdentity(
  db: Database,
  kek: KeyEncryptionKey,
  channel: Deciding,
  { identityId, status }: { identityId: string; status: 'approved' | 'blocked' },
): Promise<DecidedIdentity> {
  return settle(db, kek, channel, [decide, [identityId, status]], async () => {
    const { teamId, channelId } = channel;
    const where = { id: identityId, channelId, channel: { teamId, deletedAt: null }, vouched: false };
    const exists = (await db.prisma.identity.count({ where })) > 0;
    return exists ? notVouchedFor() : notFound('identity in this channel');
  });
}
