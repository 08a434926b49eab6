/** Changing a channel. Where its secrets are sent changes only together with all of them. */
import { type ChannelUpdate, storable } from '@nightshift/contracts';
import type { Database } from '../database/index.ts';
import { notFound } from '../errors/index.ts';
import { Prisma, type Channel as Row } from '../generated/prisma/client.ts';
import { claimName } from '../references/index.ts';
import { assertSecretsGiven, type KeyEncryptionKey } from '../secrets/index.ts';
import { hurryDeliveries } from './attention.ts';
import { assertAgents, type Fields, openStored, sealed } from './stored.ts';

/** Who we are on a platform. */
type ChannelAccount = { id: string | null; name: string };

/**
 * What a kind's adapter and its entry of the catalogue say of the fields of a channel. Core knows neither: both are
 * made one in apps/api/src/channel-fields.ts.
 */
export interface FieldRules {
  /** @throws {DomainError} invalid_request */
  readCredentials(given: Fields): Fields;
  /** @throws {DomainError} invalid_request */
  readSettings(given: Fields): Fields;
  /**
   * What names where secrets are sent, and how they are protected on the way, by path (`settings.url`), with defaults.
   * Stored fields that the schemas do not take any more are returned as they are.
   */
  destinationOf(channel: { credentials: Fields; settings: Fields }): Fields;
  /** Whether a credential is secret; some are only kept beside one, such as the id of an app. */
  isSecret(credential: string): boolean;
  /** Whether machines make it, so that its last four characters may be shown. */
  isMachineMade(secret: string): boolean;
  /** Whether a worker is to connect to the platform. */
  connects(settings: Fields): boolean;
  /** As whom other channels of the kind meet it. */
  ownIds(connection: { settings: Fields; account: ChannelAccount | null }): string[];
}

/** The change on top of what is stored; a field that is null is unset. */
function mergeFields(stored: Fields, change: Fields): Fields {
  return Object.fromEntries(
    Object.entries({ ...stored, ...change }).filter(([, value]) => value !== null && value !== undefined),
  );
}

/** Credentials that a request has unset and the schema made again: shown once, as those of a new channel are. */
function generatedBy(given: Fields, read: Fields): Record<string, string> {
  return Object.fromEntries(
    Object.entries(read).flatMap(([name, value]) =>
      given[name] === null && typeof value === 'string' ? [[name, value]] : [],
    ),
  );
}

/**
 * Changes a channel. New credentials and settings end its connection, for a worker to connect with them, and what needed
 * attention is tried again. Where secrets are sent changes only together with all of them.
 *
 * @returns the secrets that were made in the place of those that the change unset
 * @throws {DomainError} not_found; invalid_request: a field is wrong, or a secret is missing
 */
export async function updateChannel(
  db: Database,
  kek: KeyEncryptionKey,
  teamId: string,
  id: string,
  change: ChannelUpdate,
  rules: FieldRules,
): Promise<{ generated: Record<string, string> }> {
  const { name, agentId, access, routes, guestTools, live } = change;
  await assertAgents(db, teamId, [agentId, ...(routes ?? []).map((route) => route.agentId)]);
  const { data, generated } = await db.prisma.$transaction(async (tx) => {
    // Locked, so that what is compared is what the change is made on top of.
    await tx.$queryRaw`SELECT id FROM channel WHERE id = ${id}::uuid AND team_id = ${teamId}::uuid FOR UPDATE`;
    const row = await tx.channel.findFirst({ where: { id, teamId, deletedAt: null } });
    if (!row) throw notFound('channel');
    if (name !== undefined && name !== row.name) await claimName(tx, 'channel', teamId, name, { except: id });
    const fields = changeFields(kek, row, change, rules);
    await tx.channel.update({
      where: { id },
      data: {
        ...(name !== undefined && { name }),
        ...(agentId !== undefined && { agentId }),
        ...(access && { access }),
        ...(routes && { routes: routes as unknown as Prisma.InputJsonArray }),
        ...(guestTools && { guestTools }),
        ...(live !== undefined && { live }),
        ...fields.data,
      },
    });
    return fields;
  });
  if (data.status === 'active') await hurryDeliveries(db, id);
  return { generated };
}

/** What a change of credentials and settings writes. @throws {DomainError} invalid_request */
function changeFields(
  kek: KeyEncryptionKey,
  row: Row,
  change: Pick<ChannelUpdate, 'credentials' | 'settings'>,
  rules: FieldRules,
): { data: Prisma.ChannelUncheckedUpdateInput; generated: Record<string, string> } {
  if (!change.credentials && !change.settings) return { data: {}, generated: {} };
  const { credentials: stored, names } = openStored(kek, row);
  const before = { credentials: stored, settings: row.settings as Fields };
  const credentials = change.credentials && rules.readCredentials(mergeFields(stored, change.credentials));
  const settings = change.settings && rules.readSettings(mergeFields(before.settings, change.settings));
  const after = { credentials: credentials ?? stored, settings: settings ?? before.settings };
  const given = Object.keys(change.credentials ?? {}).filter(
    (key) => change.credentials?.[key] !== undefined,
  );
  const path = (key: string) => `credentials.${key}`;
  assertSecretsGiven({
    before: rules.destinationOf(before),
    after: rules.destinationOf(after),
    stored: names.filter((key) => rules.isSecret(key)).map(path),
    given: given.map(path),
  });
  return {
    data: {
      ...(credentials && sealed(kek, row.teamId, row.id, credentials, rules.isMachineMade)),
      ...(settings && {
        settings: settings as Prisma.InputJsonObject,
        connects: rules.connects(settings),
        ownIds: rules.ownIds({ settings, account: row.account as ChannelAccount | null }),
      }),
      ...(row.status === 'attention' && resumed),
      ...reconnect,
    },
    generated: generatedBy(change.credentials ?? {}, credentials ?? {}),
  };
}

const resumed = { status: 'active', problem: Prisma.DbNull, pausedUntil: null } as const;
const reconnect = { epoch: { increment: 1 }, leaseUntil: null, leaseOwner: null };

/** Pauses a channel, or lets it go on. @throws {DomainError} not_found */
export async function setChannelStatus(
  db: Database,
  teamId: string,
  id: string,
  status: 'active' | 'paused',
): Promise<void> {
  const { count } = await db.prisma.channel.updateMany({
    where: { id, teamId, deletedAt: null },
    data: { ...(status === 'active' ? resumed : { status }), ...reconnect },
  });
  if (count === 0) throw notFound('channel');
  if (status === 'active') await hurryDeliveries(db, id);
}

/** Who we are there, as a probe has found. @throws {DomainError} not_found */
export async function setChannelAccount(
  db: Database,
  teamId: string,
  id: string,
  { account, ownIds }: { account: ChannelAccount; ownIds: readonly string[] },
): Promise<void> {
  const { count } = await db.prisma.channel.updateMany({
    where: { id, teamId, deletedAt: null },
    data: storable({ account, ownIds: [...ownIds] }),
  });
  if (count === 0) throw notFound('channel');
}
