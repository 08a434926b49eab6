/** Connections to chat platforms, as rows. What their credentials and settings mean, their adapter knows. */
import { createHmac, randomBytes } from 'node:crypto';
import {
  type Channel,
  ChannelAccess,
  type ChannelListQuery,
  type ChannelRoute,
  type Page,
} from '@nightshift/contracts';
import { type Database, type Listed, newId, pageArguments, statement, toPage } from '../database/index.ts';
import { notFound } from '../errors/index.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import { claimFreeName, claimName, spellingsOf } from '../references/index.ts';
import type { KeyEncryptionKey } from '../secrets/index.ts';
import type { ChannelTrouble } from './attention.ts';
import { databaseNow, toState } from './state.ts';
import { assertAgents, type Fields, type OpenChannel, open, sealed } from './stored.ts';
import { toUnreadable } from './unreadable.ts';

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

const toProblem = (problem: unknown): Channel['problem'] => {
  const { code, message } = (problem ?? {}) as ChannelTrouble;
  return problem ? { code, message } : null;
};

const withAgent = { agent: { select: { id: true, name: true } } } as const satisfies Prisma.ChannelInclude;

type Row = Prisma.ChannelGetPayload<{ include: typeof withAgent }>;

function toChannel(
  row: Row,
  { publicUrl, pushes, snippetOf, isMachineMade }: ReadOptions,
  now: Date,
): Channel {
  const state = toState(row, now);
  const last4 = row.last4 as Record<string, string | null>;
  return {
    id: row.id,
    kind: row.kind,
    name: row.name,
    agentId: row.agentId,
    agent: row.agent,
    credentials: Object.fromEntries(
      Object.entries(last4).map(([name, value]) => [
        name,
        { set: true, last4: isMachineMade(row.kind, name) ? value : null },
      ]),
    ),
    settings: row.settings as Fields,
    access: ChannelAccess.parse(row.access),
    routes: row.routes as ChannelRoute[],
    guestTools: row.guestTools,
    live: row.live,
    status: row.status,
    problem: toProblem(row.problem),
    account: row.account as Channel['account'],
    webhookUrl: pushes(row.kind) && !row.connects ? publicUrl + hookPath(row.hookKey) : null,
    snippet:
      snippetOf(row.kind)?.replaceAll('{publicUrl}', publicUrl).replaceAll('{key}', row.hookKey) ?? null,
    connected: row.connects ? state.status === 'connected' : null,
    state,
    counts: {
      received: Number(row.received),
      ignored: Number(row.ignored),
      refused: Number(row.refused),
      sent: Number(row.sent),
    },
    unreadable: toUnreadable(row.unreadable, row.lastUnreadable),
    lastInboundAt: row.lastInboundAt?.toISOString() ?? null,
    lastOutboundAt: row.lastOutboundAt?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}

/** All of it as the adapter's schemas and the contracts have read it. */
export interface NewChannel {
  kind: string;
  name: string;
  /** Somebody chose the name, and is told that it is taken. Default: it gets a number then. */
  isNameChosen?: boolean | undefined;
  agentId?: string | undefined;
  credentials: object | null;
  settings: object;
  access?: ChannelAccess | undefined;
  routes?: readonly ChannelRoute[] | undefined;
  guestTools?: readonly string[] | undefined;
  live?: boolean | undefined;
  /** A worker is to connect to it. */
  connects?: boolean | undefined;
  /** Which credentials may show their last four characters. Default: none. */
  isMachineMade?: ((secret: string) => boolean) | undefined;
  /** As whom other channels of the kind meet it. */
  ownIds?: readonly string[] | undefined;
}

/** @returns the channel's id @throws {DomainError} not_found: an agent that it names · conflict: the name is taken */
export async function createChannel(
  db: Database,
  kek: KeyEncryptionKey,
  teamId: string,
  channel: NewChannel,
): Promise<string> {
  const { kind, agentId, credentials, settings, access, routes = [], live, connects } = channel;
  const { guestTools, ownIds, isMachineMade = () => false, isNameChosen = false } = channel;
  await assertAgents(db, teamId, [agentId, ...routes.map((route) => route.agentId)]);
  const id = newId();
  const data = {
    id,
    teamId,
    kind,
    agentId: agentId ?? null,
    // 256 bits: whoever does not know the address cannot even knock.
    hookKey: randomBytes(32).toString('base64url'),
    settings: settings as Prisma.InputJsonObject,
    access: access ?? {},
    routes: routes as unknown as Prisma.InputJsonArray,
    ...(guestTools && { guestTools: [...guestTools] }),
    ...(live !== undefined && { live }),
    ...(connects !== undefined && { connects }),
    ...(ownIds && { ownIds: [...ownIds] }),
    ...(credentials && sealed(kek, teamId, id, credentials as Fields, isMachineMade)),
  };
  await db.prisma.$transaction(async (tx) => {
    if (isNameChosen) await claimName(tx, 'channel', teamId, channel.name);
    const name = isNameChosen ? channel.name : await claimFreeName(tx, 'channel', teamId, channel.name);
    await tx.channel.create({ data: { ...data, name } });
  });
  return id;
}

export async function listChannels(
  db: Database,
  teamId: string,
  query: Listed<ChannelListQuery>,
  options: ReadOptions,
): Promise<Page<Channel>> {
  const { where, ...page } = pageArguments(query);
  const rows = await db.prisma.channel.findMany({
    ...page,
    where: {
      ...where,
      teamId,
      deletedAt: null,
      ...(query.name !== undefined && { name: { in: spellingsOf(query.name) } }),
      ...(query.agentId && { agentId: query.agentId }),
      ...(query.kind && { kind: { in: query.kind } }),
      ...(query.status && { status: { in: query.status } }),
    },
    include: withAgent,
  });
  const now = await databaseNow(db);
  return toPage(rows, query.limit, (row) => toChannel(row, options, now));
}

/** @throws {DomainError} not_found */
export async function getChannel(
  db: Database,
  teamId: string,
  id: string,
  options: ReadOptions,
): Promise<Channel> {
  const row = await db.prisma.channel.findFirst({
    where: { id, teamId, deletedAt: null },
    include: withAgent,
  });
  if (!row) throw notFound('channel');
  return toChannel(row, options, await databaseNow(db));
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
