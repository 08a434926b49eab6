/** Connections to chat platforms, as rows. What their credentials and settings mean, their adapter knows. */
import { createHmac, randomBytes } from 'node:crypto';
import {
  type Channel,
  ChannelAccess,
  type ChannelListQuery,
  type ChannelRoute,
  type ChannelUpdate,
  type Page,
} from '@nightshift/contracts';
import { type Database, newId, pageArguments, statement, toPage } from '../database/index.ts';
import { notFound } from '../errors/index.ts';
import { Prisma, type Channel as Row } from '../generated/prisma/client.ts';
import {
  assertSecretsGiven,
  type KeyEncryptionKey,
  type Sealed,
  seal,
  sealContext,
  UnsealError,
  unseal,
} from '../secrets/index.ts';
import { hurryDeliveries } from './attention.ts';

type Fields = Record<string, unknown>;

/** Where the platform pushes to. */
export const hookPath = (hookKey: string) => `/v1/hooks/${hookKey}`;

/** How a channel is read depends on what its adapter does: `connects` says whether it pushes. */
export interface ReadOptions {
  publicUrl: string;
  /** Kinds whose platform pushes to us. */
  pushes(kind: string): boolean;
  /** What is pasted into web pages, with `{publicUrl}` and `{key}`, where the kind lives on them. */
  snippetOf(kind: string): string | undefined;
  /** Whether a secret is machine-made, so that its last four characters may be shown. */
  isMachineMade(kind: string, secret: string): boolean;
}

function toChannel(row: Row, { publicUrl, pushes, snippetOf, isMachineMade }: ReadOptions): Channel {
  const last4 = row.last4 as Record<string, string | null>;
  return {
    id: row.id,
    kind: row.kind,
    name: row.name,
    agentId: row.agentId,
    credentials: Object.fromEntries(
      Object.entries(last4).map(([name, value]) => [
        name,
        { set: true, last4: isMachineMade(row.kind, name) ? value : null },
      ]),
    ),
    settings: row.settings as Fields,
    access: ChannelAccess.parse(row.access),
    routes: row.routes as ChannelRoute[],
    live: row.live,
    status: row.status,
    problem: row.problem as Channel['problem'],
    account: row.account as Channel['account'],
    webhookUrl: pushes(row.kind) && !row.connects ? publicUrl + hookPath(row.hookKey) : null,
    snippet:
      snippetOf(row.kind)?.replaceAll('{publicUrl}', publicUrl).replaceAll('{key}', row.hookKey) ?? null,
    connected: row.connects ? row.leaseUntil !== null && row.leaseUntil > new Date() : null,
    counts: {
      received: Number(row.received),
      ignored: Number(row.ignored),
      refused: Number(row.refused),
      sent: Number(row.sent),
    },
    lastInboundAt: row.lastInboundAt?.toISOString() ?? null,
    lastOutboundAt: row.lastOutboundAt?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}

/** @param isMachineMade which of them may show their last four characters; of the others none are kept */
function sealed(
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
}

/** All of it as the adapter's schemas and the contracts have read it. */
export interface NewChannel {
  kind: string;
  name: string;
  agentId?: string | undefined;
  credentials: object | null;
  settings: object;
  access?: ChannelAccess | undefined;
  routes?: readonly ChannelRoute[] | undefined;
  live?: boolean | undefined;
  /** A worker is to connect to it. */
  connects?: boolean | undefined;
  /** Which credentials may show their last four characters. Default: none. */
  isMachineMade?: ((secret: string) => boolean) | undefined;
}

/** @throws {DomainError} not_found: no such agent in the team */
async function assertAgents(
  db: Database,
  teamId: string,
  ids: readonly (string | undefined)[],
): Promise<void> {
  const wanted = [...new Set(ids.filter((id) => id !== undefined))];
  const found = await db.prisma.agent.count({ where: { id: { in: wanted }, teamId, deletedAt: null } });
  if (found < wanted.length) throw notFound('agent');
}

/** @returns the channel's id @throws {DomainError} not_found: an agent that it names */
export async function createChannel(
  db: Database,
  kek: KeyEncryptionKey,
  teamId: string,
  channel: NewChannel,
): Promise<string> {
  const { kind, name, agentId, credentials, settings, access, routes = [], live, connects } = channel;
  const { isMachineMade = () => false } = channel;
  await assertAgents(db, teamId, [agentId, ...routes.map((route) => route.agentId)]);
  const id = newId();
  await db.prisma.channel.create({
    data: {
      id,
      teamId,
      kind,
      name,
      agentId: agentId ?? null,
      // 256 bits: whoever does not know the address cannot even knock.
      hookKey: randomBytes(32).toString('base64url'),
      settings: settings as Prisma.InputJsonObject,
      access: access ?? {},
      routes: routes as unknown as Prisma.InputJsonArray,
      ...(live !== undefined && { live }),
      ...(connects !== undefined && { connects }),
      ...(credentials && sealed(kek, teamId, id, credentials as Fields, isMachineMade)),
    },
  });
  return id;
}

export async function listChannels(
  db: Database,
  teamId: string,
  query: ChannelListQuery,
  options: ReadOptions,
): Promise<Page<Channel>> {
  const { where, ...page } = pageArguments(query);
  const rows = await db.prisma.channel.findMany({
    ...page,
    where: {
      ...where,
      teamId,
      deletedAt: null,
      ...(query.kind && { kind: query.kind }),
      ...(query.status && { status: query.status }),
    },
  });
  return toPage(rows, query.limit, (row) => toChannel(row, options));
}

/** @throws {DomainError} not_found */
export async function getChannel(
  db: Database,
  teamId: string,
  id: string,
  options: ReadOptions,
): Promise<Channel> {
  const row = await db.prisma.channel.findFirst({ where: { id, teamId, deletedAt: null } });
  if (!row) throw notFound('channel');
  return toChannel(row, options);
}

/** The change on top of what is stored; a field that is null is unset. */
function mergeFields(stored: Fields, change: Fields): Fields {
  return Object.fromEntries(
    Object.entries({ ...stored, ...change }).filter(([, value]) => value !== null && value !== undefined),
  );
}

/**
 * The credentials, and the names of those that are set. Ones that cannot be read any more leave their names, so that
 * they can be stored again.
 */
function openStored(kek: KeyEncryptionKey, row: Row): { credentials: Fields; names: string[] } {
  try {
    const credentials = (open(kek, row).credentials ?? {}) as Fields;
    return { credentials, names: Object.keys(credentials) };
  } catch (error) {
    if (!(error instanceof UnsealError)) throw error;
    return { credentials: {}, names: Object.keys(row.last4 as object) };
  }
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
  const { name, agentId, access, routes, live } = change;
  await assertAgents(db, teamId, [agentId, ...(routes ?? []).map((route) => route.agentId)]);
  const { data, generated } = await db.prisma.$transaction(async (tx) => {
    // Locked, so that what is compared is what the change is made on top of.
    await tx.$queryRaw`SELECT id FROM channel WHERE id = ${id}::uuid AND team_id = ${teamId}::uuid FOR UPDATE`;
    const row = await tx.channel.findFirst({ where: { id, teamId, deletedAt: null } });
    if (!row) throw notFound('channel');
    const fields = changeFields(kek, row, change, rules);
    await tx.channel.update({
      where: { id },
      data: {
        ...(name !== undefined && { name }),
        ...(agentId !== undefined && { agentId }),
        ...(access && { access }),
        ...(routes && { routes: routes as unknown as Prisma.InputJsonArray }),
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
  account: { id: string | null; name: string },
): Promise<void> {
  const { count } = await db.prisma.channel.updateMany({
    where: { id, teamId, deletedAt: null },
    data: { account },
  });
  if (count === 0) throw notFound('channel');
}

const remove = statement<{ id: string }>(`
  WITH removed AS (
    UPDATE channel SET deleted_at = now(), status = 'paused', credentials = NULL, last4 = '{}', epoch = epoch + 1,
      lease_until = NULL, lease_owner = NULL, connects = false, updated_at = now()
    WHERE id = $1 AND team_id = $2 AND deleted_at IS NULL RETURNING id
  ), undelivered AS (
    UPDATE delivery d SET status = 'dead', ended_at = now(), lease_until = NULL,
      error = '{"code": "channel_deleted", "message": "The channel was deleted."}'
    FROM removed WHERE d.channel_id = removed.id AND d.status IN ('pending', 'sending')
  )
  SELECT id FROM removed`);

/** Its conversations stay readable; its credentials are forgotten. @throws {DomainError} not_found */
export async function deleteChannel(db: Database, teamId: string, id: string): Promise<void> {
  const [row] = await db.query(remove, [id, teamId]);
  if (!row) throw notFound('channel');
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
}

function open(kek: KeyEncryptionKey, row: Row): OpenChannel {
  const sealedFields = row.credentials as unknown as Sealed | null;
  const text = sealedFields && unseal(kek, sealedFields, sealContext(row.teamId, row.id, 'credentials'));
  if (text) kek.redactor.learn(text);
  const { id, teamId, kind, agentId, settings, live, status, hookKey } = row;
  return {
    id,
    teamId,
    kind,
    agentId,
    live,
    status,
    hookKey,
    credentials: text && JSON.parse(text),
    settings,
    account: row.account as OpenChannel['account'],
    access: ChannelAccess.parse(row.access),
    routes: row.routes as ChannelRoute[],
  };
}

/** @throws {DomainError} not_found @throws {UnsealError} when the credentials cannot be read */
export async function openChannel(
  db: Database,
  kek: KeyEncryptionKey,
  teamId: string,
  id: string,
): Promise<OpenChannel> {
  const row = await db.prisma.channel.findFirst({ where: { id, teamId, deletedAt: null } });
  if (!row) throw notFound('channel');
  return open(kek, row);
}

/** The channel whose platform pushes to this address; null when there is none. @throws {UnsealError} */
export async function openChannelByHook(
  db: Database,
  kek: KeyEncryptionKey,
  hookKey: string,
): Promise<OpenChannel | null> {
  const row = await db.prisma.channel.findFirst({ where: { hookKey, deletedAt: null } });
  return row && open(kek, row);
}

const hookKeys = statement<{ hook_key: string }>(`SELECT hook_key FROM channel WHERE deleted_at IS NULL`);

/** The address keys of all channels. */
export async function listHookKeys(db: Database): Promise<Set<string>> {
  return new Set((await db.query(hookKeys)).map((row) => row.hook_key));
}

/**
 * Names credentials without telling them: the same ones give the same name. What is only true for one account, such as
 * where to go on reading, is kept under it.
 */
export function fingerprint(kek: KeyEncryptionKey, credentials: unknown): string {
  return createHmac('sha256', kek.bytes).update(JSON.stringify(credentials)).digest('base64url').slice(0, 22);
}
