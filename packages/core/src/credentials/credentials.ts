/** Provider credentials: a team's own model keys. A key goes in and never comes out through the API. */
import {
  type Credential,
  type CredentialCreate,
  type CredentialHealth,
  type CredentialListQuery,
  type CredentialUpdate,
  customProviders,
  type Page,
  type TokenPrices,
} from '@nightshift/contracts';
import {
  type Database,
  isUniqueViolation,
  type Listed,
  newId,
  pageArguments,
  statement,
  toPage,
} from '../database/index.ts';
import { DomainError, invalidField, notFound } from '../errors/index.ts';
import { Prisma, type ProviderCredential as Row } from '../generated/prisma/client.ts';
import { spellingsOf } from '../references/index.ts';
import {
  assertSecretsGiven,
  type KeyEncryptionKey,
  type Sealed,
  seal,
  sealContext,
  spellUrl,
  unseal,
} from '../secrets/index.ts';
import { forgetHealth, healthOfCredentials } from './health.ts';

function toCredential(row: Row, trouble?: CredentialHealth): Credential {
  return {
    id: row.id,
    provider: row.provider,
    label: row.label,
    name: row.name,
    baseUrl: row.baseUrl,
    // Keys of somebody's own endpoint may be made up by a person; earlier versions kept the end of every one.
    apiKey: { set: row.secret !== null, last4: row.baseUrl === null ? row.last4 : null },
    weight: row.weight,
    parameters: row.parameters as Record<string, string>,
    prices: row.prices as TokenPrices | null,
    health: trouble ?? { status: row.lastUsedAt ? 'ok' : 'unknown', problem: null, until: null },
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
  };
}

/** What is known of a vendor, which this package does not know. */
export interface CredentialRules {
  /** @throws {DomainError} invalid_request: the vendor wants something else */
  assertFits(credential: Pick<CredentialUpdate, 'apiKey'> & CredentialAddress): void;
  /** Where calls with the key go, whatever the row leaves to the vendor's defaults. */
  baseUrlOf(address: CredentialAddress): string;
  /** Whether keys come from the vendor, rather than from a person who runs the endpoint and may have made one up. */
  isMachineMade(address: CredentialAddress): boolean;
}

export interface CredentialAddress {
  provider: string;
  baseUrl: string | null;
  parameters: Record<string, string>;
}

function sealed(kek: KeyEncryptionKey, teamId: string, id: string, apiKey: string, isMachineMade: boolean) {
  kek.redactor.learn(apiKey);
  return {
    secret: { ...seal(kek, apiKey, sealContext(teamId, id, 'apiKey')) },
    // The last four of a short key would be most of it, and those of a JSON document say nothing.
    last4: isMachineMade && apiKey.length >= 12 && !apiKey.startsWith('{') ? apiKey.slice(-4) : null,
  };
}

/** What has the label of a provider, or the name of a custom endpoint. */
async function labelTaken(
  db: Database,
  error: unknown,
  teamId: string,
  { provider, label, name }: { provider: string; label: string; name: string | null },
): Promise<unknown> {
  if (!isUniqueViolation(error)) return error;
  const holder = await db.prisma.providerCredential.findFirst({
    where: { teamId, OR: [...(name === null ? [] : [{ name }]), { provider, label }] },
    select: { id: true, name: true, label: true },
  });
  const isNamed = name !== null && holder?.name === name;
  return new DomainError('conflict', `There is a ${provider} credential with this label or name already.`, {
    fields: [{ path: isNamed ? 'name' : 'label', message: 'is taken' }],
    existing: holder ? { id: holder.id, name: holder.name ?? holder.label } : undefined,
  });
}

/** @throws {DomainError} conflict: the label is taken */
export async function createCredential(
  db: Database,
  kek: KeyEncryptionKey,
  teamId: string,
  body: CredentialCreate,
  rules: CredentialRules,
): Promise<Credential> {
  const id = newId();
  const { provider, baseUrl = null, parameters } = body;
  rules.assertFits({ apiKey: body.apiKey, provider, baseUrl, parameters });
  const isMachineMade = rules.isMachineMade({ provider, baseUrl, parameters });
  const custom = (customProviders as readonly string[]).includes(body.provider);
  // Two custom endpoints are told apart by their name, so the name is their label unless one is given.
  const label = custom && body.label === 'default' ? (body.name ?? body.label) : body.label;
  const name = body.name ?? null;
  try {
    const row = await db.prisma.providerCredential.create({
      data: {
        id,
        teamId,
        provider,
        label,
        name,
        baseUrl,
        weight: body.weight,
        parameters,
        ...(body.prices && { prices: body.prices }),
        ...(body.apiKey ? sealed(kek, teamId, id, body.apiKey, isMachineMade) : {}),
      },
    });
    return toCredential(row);
  } catch (error) {
    throw await labelTaken(db, error, teamId, { provider, label, name });
  }
}

export async function listCredentials(
  db: Database,
  teamId: string,
  query: Listed<CredentialListQuery>,
): Promise<Page<Credential>> {
  const { where, ...page } = pageArguments(query);
  const named = query.name === undefined ? {} : { name: { in: spellingsOf(query.name) } };
  const rows = await db.prisma.providerCredential.findMany({
    ...page,
    where: { ...where, ...named, teamId },
  });
  const ids = rows.map(({ id }) => id);
  const troubles = await healthOfCredentials(db, teamId, ids);
  return toPage(rows, query.limit, (row) => toCredential(row, troubles.get(row.id)));
}

/** @throws {DomainError} not_found */
export async function getCredential(db: Database, teamId: string, id: string): Promise<Credential> {
  const row = await db.prisma.providerCredential.findFirst({ where: { id, teamId } });
  if (!row) throw notFound('provider credential');
  return toCredential(row, (await healthOfCredentials(db, teamId, [id])).get(id));
}

/**
 * Changes a credential. Where a stored key is sent changes only together with the key.
 *
 * @throws {DomainError} not_found; conflict: the label is taken; invalid_request: it does not fit, or lacks the key
 */
export async function updateCredential(
  db: Database,
  kek: KeyEncryptionKey,
  teamId: string,
  id: string,
  body: CredentialUpdate,
  rulesOf: (provider: string) => CredentialRules,
): Promise<Credential> {
  if (Object.values(body).every((value) => value === undefined))
    throw invalidField('body', 'changes nothing');
  try {
    await db.prisma.$transaction(async (tx) => {
      // Locked, so that what is compared is what the change is made on top of.
      await tx.$queryRaw`
        SELECT id FROM provider_credential WHERE id = ${id}::uuid AND team_id = ${teamId}::uuid FOR UPDATE`;
      const row = await tx.providerCredential.findFirst({ where: { id, teamId } });
      if (!row) throw notFound('provider credential');
      const rules = rulesOf(row.provider);
      const before = { ...row, parameters: row.parameters as Record<string, string> };
      const after = {
        provider: row.provider,
        baseUrl: body.baseUrl === undefined ? row.baseUrl : body.baseUrl,
        parameters: body.parameters ?? before.parameters,
      };
      rules.assertFits({ ...after, apiKey: body.apiKey });
      assertSecretsGiven({
        before: destinationOf(before, body, rules),
        after: destinationOf(after, body, rules),
        stored: row.secret === null ? [] : ['apiKey'],
        given: body.apiKey === undefined ? [] : ['apiKey'],
      });
      await tx.providerCredential.update({
        where: { id },
        data: {
          ...(body.label && { label: body.label }),
          ...(body.baseUrl !== undefined && { baseUrl: body.baseUrl }),
          ...(body.weight !== undefined && { weight: body.weight }),
          ...(body.parameters && { parameters: body.parameters }),
          ...(body.prices !== undefined && { prices: body.prices ?? Prisma.DbNull }),
          ...(body.apiKey ? sealed(kek, teamId, id, body.apiKey, rules.isMachineMade(after)) : {}),
        },
      });
    });
    // What was learned is of the key and the address as they were.
    if (body.apiKey || body.baseUrl !== undefined || body.parameters) await forgetHealth(db, teamId, id);
    return getCredential(db, teamId, id);
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    const { provider, label } = await getCredential(db, teamId, id);
    throw await labelTaken(db, error, teamId, { provider, label: body.label ?? label, name: null });
  }
}

/** The one address that follows from base URL and parameters, under the name of the field that a request changes. */
function destinationOf(address: CredentialAddress, body: CredentialUpdate, rules: CredentialRules) {
  const path = body.baseUrl === undefined ? 'parameters' : 'baseUrl';
  return { [path]: spellUrl(rules.baseUrlOf(address)) };
}

/** @throws {DomainError} not_found */
export async function deleteCredential(db: Database, teamId: string, id: string): Promise<void> {
  const { count } = await db.prisma.providerCredential.deleteMany({ where: { id, teamId } });
  if (count === 0) throw notFound('provider credential');
  await forgetHealth(db, teamId, id);
}

export interface OpenCredential {
  id: string;
  provider: string;
  name: string | null;
  baseUrl: string | null;
  label: string;
  /** Null where the endpoint needs none. */
  apiKey: string | null;
  /** Its share among the provider's keys; 0: only when no other is left. */
  weight: number;
  /** What the vendor's address needs besides the key. */
  parameters: Record<string, string>;
  /** The team's own, for models that the price list does not know. */
  prices: TokenPrices | null;
}

type SealedRow = Omit<OpenCredential, 'apiKey'> & { secret: Sealed | null };

// Read before every call to a model, so it is a prepared statement.
const findSealed = statement<SealedRow>(`
  SELECT id, provider, name, label, base_url AS "baseUrl", secret, weight, parameters, prices FROM provider_credential
  WHERE team_id = $1 AND provider = coalesce($2, provider) AND ($3::text IS NULL OR name = $3) AND id = coalesce($4, id)
  ORDER BY id`);

/**
 * The team's credentials with their keys, oldest first: of one provider, of one custom endpoint, one alone, or all. What
 * it returns must reach no log, no answer and no prompt.
 *
 * @throws {UnsealError} when a key cannot be read
 */
export async function openCredentials(
  db: Database,
  kek: KeyEncryptionKey,
  teamId: string,
  which: { provider?: string; name?: string; id?: string } = {},
): Promise<OpenCredential[]> {
  const { provider = null, name = null, id = null } = which;
  const rows = await db.query(findSealed, [teamId, provider, name, id]);
  return rows.map(({ secret, ...credential }) => {
    const apiKey = secret ? unseal(kek, secret, sealContext(teamId, credential.id, 'apiKey')) : null;
    if (apiKey) kek.redactor.learn(apiKey);
    return { ...credential, apiKey };
  });
}

/** How many credentials the team has for each provider. */
export async function countCredentials(db: Database, teamId: string): Promise<Map<string, number>> {
  const rows = await db.prisma.providerCredential.groupBy({
    by: ['provider'],
    where: { teamId },
    _count: { _all: true },
  });
  return new Map(rows.map((row) => [row.provider, row._count._all]));
}

/** Whether a custom endpoint of this name exists in the team. */
export async function hasCustomEndpoint(db: Database, teamId: string, name: string): Promise<boolean> {
  return (await db.prisma.providerCredential.count({ where: { teamId, name } })) > 0;
}
