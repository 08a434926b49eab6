/** Outgoing webhooks of a team. A secret is shown when it is made, and never comes out of the API again. */

import { randomBytes } from 'node:crypto';
import type {
  Page,
  Webhook,
  WebhookCreate,
  WebhookEventType,
  WebhookListQuery,
  WebhookSaved,
  WebhookUpdate,
} from '@nightshift/contracts';
import { trimEndOf } from '@nightshift/contracts/text';
import { type Database, type Listed, newId, pageArguments, toPage } from '../database/index.ts';
import { invalidField, notFound } from '../errors/index.ts';
import type { Webhook as Row } from '../generated/prisma/client.ts';
import { claimName, spellingsOf } from '../references/index.ts';
import {
  assertSecretsGiven,
  type KeyEncryptionKey,
  type Sealed,
  seal,
  sealContext,
  spellUrl,
  unseal,
} from '../secrets/index.ts';

/** As it is stored: the last four characters tell two secrets apart while a receiver changes over. */
type StoredSecret = Sealed & { last4: string };

function toWebhook(row: Row): Webhook {
  return {
    id: row.id,
    name: row.name,
    url: row.url,
    events: row.events as WebhookEventType[],
    secret: { set: true, last4: (row.secret as unknown as StoredSecret).last4 },
    pausedUntil: row.pausedUntil?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}

const generateSecret = () => `whsec_${randomBytes(32).toString('base64')}`;

/** The last four before the padding, which would say nothing. */
const last4Of = (secret: string) => trimEndOf(secret, '=').slice(-4);

const sealed = (kek: KeyEncryptionKey, teamId: string, id: string, secret: string) => ({
  ...seal(kek, secret, sealContext(teamId, id, 'secret')),
  last4: last4Of(secret),
});

export async function createWebhook(
  db: Database,
  kek: KeyEncryptionKey,
  teamId: string,
  { name, url, events, secret = generateSecret() }: WebhookCreate,
): Promise<WebhookSaved> {
  const id = newId();
  const row = await db.prisma.$transaction(async (tx) => {
    if (name !== undefined) await claimName(tx, 'webhook', teamId, name);
    return tx.webhook.create({
      data: { id, teamId, name: name ?? null, url, events, secret: sealed(kek, teamId, id, secret) },
    });
  });
  return { ...toWebhook(row), signingSecret: secret };
}

export async function listWebhooks(
  db: Database,
  teamId: string,
  query: Listed<WebhookListQuery>,
): Promise<Page<Webhook>> {
  const { where, ...page } = pageArguments(query);
  const named = query.name === undefined ? {} : { name: { in: spellingsOf(query.name) } };
  const rows = await db.prisma.webhook.findMany({ ...page, where: { ...where, ...named, teamId } });
  return toPage(rows, query.limit, toWebhook);
}

/** @throws {DomainError} not_found */
export async function getWebhook(db: Database, teamId: string, id: string): Promise<Webhook> {
  const row = await db.prisma.webhook.findFirst({ where: { id, teamId } });
  if (!row) throw notFound('webhook');
  return toWebhook(row);
}

/**
 * Changes what `body` names, also for what is waiting to be sent. A pause that the old address asked for is not the
 * new one's. Another address gets another secret, or the same one by somebody who knows it: a receiver could replay
 * what is signed with the stored one to whoever believes it.
 *
 * @throws {DomainError} not_found; invalid_request: a new address without a secret
 */
export async function updateWebhook(
  db: Database,
  kek: KeyEncryptionKey,
  teamId: string,
  id: string,
  { name, url, events, secret: given, rotateSecret }: WebhookUpdate,
): Promise<WebhookSaved> {
  if (name === undefined && !url && !events && !rotateSecret && !given)
    throw invalidField('body', 'changes nothing');
  if (rotateSecret && given) throw invalidField('rotateSecret', 'makes a secret: it cannot be given as well');
  const secret = given ?? (rotateSecret && generateSecret());
  const row = await db.prisma.$transaction(async (tx) => {
    // Locked, so that what is compared is what the change is made on top of.
    await tx.$queryRaw`SELECT id FROM webhook WHERE id = ${id}::uuid AND team_id = ${teamId}::uuid FOR UPDATE`;
    const before = await tx.webhook.findFirst({ where: { id, teamId } });
    if (!before) throw notFound('webhook');
    if (name !== undefined && name !== before.name)
      await claimName(tx, 'webhook', teamId, name, { except: id });
    assertSecretsGiven({
      before: { url: spellUrl(before.url) },
      after: { url: spellUrl(url ?? before.url) },
      stored: ['secret'],
      given: secret ? ['secret'] : [],
    });
    return tx.webhook.update({
      where: { id },
      data: {
        ...(name !== undefined && { name }),
        ...(url && { url, pausedUntil: null }),
        ...(events && { events }),
        ...(secret && { secret: sealed(kek, teamId, id, secret) }),
      },
    });
  });
  return { ...toWebhook(row), ...(secret && { signingSecret: secret }) };
}

/** What was waiting to be sent to it goes with it. @throws {DomainError} not_found */
export async function deleteWebhook(db: Database, teamId: string, id: string): Promise<void> {
  const { count } = await db.prisma.webhook.deleteMany({ where: { id, teamId } });
  if (count === 0) throw notFound('webhook');
}

/** Where to send, and what to sign with. It must reach no log, no answer and no prompt. */
export interface OpenWebhook {
  url: string;
  secret: string;
}

/** @throws {DomainError} not_found @throws {UnsealError} when the secret cannot be read */
export async function openWebhook(
  db: Database,
  kek: KeyEncryptionKey,
  teamId: string,
  id: string,
): Promise<OpenWebhook> {
  const row = await db.prisma.webhook.findFirst({ where: { id, teamId } });
  if (!row) throw notFound('webhook');
  const secret = unseal(kek, row.secret as unknown as Sealed, sealContext(teamId, id, 'secret'));
  kek.redactor.learn(secret);
  return { url: row.url, secret };
}
