/** Outgoing webhooks of a team. A secret is shown when it is made, and never comes out of the API again. */

import { randomBytes } from 'node:crypto';
import type {
  Page,
  PageQuery,
  Webhook,
  WebhookCreate,
  WebhookEventType,
  WebhookSaved,
  WebhookUpdate,
} from '@nightshift/contracts';
import { trimEndOf } from '@nightshift/contracts/text';
import { type Database, newId, pageArguments, toPage } from '../database/index.ts';
import { invalidField, notFound } from '../errors/index.ts';
import type { Webhook as Row } from '../generated/prisma/client.ts';
import { type KeyEncryptionKey, type Sealed, seal, sealContext, unseal } from '../secrets/index.ts';

/** As it is stored: the last four characters tell two secrets apart while a receiver changes over. */
type StoredSecret = Sealed & { last4: string };

function toWebhook(row: Row): Webhook {
  return {
    id: row.id,
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
  { url, events, secret = generateSecret() }: WebhookCreate,
): Promise<WebhookSaved> {
  const id = newId();
  const row = await db.prisma.webhook.create({
    data: { id, teamId, url, events, secret: sealed(kek, teamId, id, secret) },
  });
  return { ...toWebhook(row), signingSecret: secret };
}

export async function listWebhooks(db: Database, teamId: string, query: PageQuery): Promise<Page<Webhook>> {
  const { where, ...page } = pageArguments(query);
  const rows = await db.prisma.webhook.findMany({ ...page, where: { ...where, teamId } });
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
 * new one's.
 *
 * @throws {DomainError} not_found
 */
export async function updateWebhook(
  db: Database,
  kek: KeyEncryptionKey,
  teamId: string,
  id: string,
  { url, events, rotateSecret }: WebhookUpdate,
): Promise<WebhookSaved> {
  if (!url && !events && !rotateSecret) throw invalidField('body', 'changes nothing');
  const secret = rotateSecret && generateSecret();
  const rows = await db.prisma.webhook.updateManyAndReturn({
    where: { id, teamId },
    data: {
      ...(url && { url, pausedUntil: null }),
      ...(events && { events }),
      ...(secret && { secret: sealed(kek, teamId, id, secret) }),
    },
  });
  if (!rows[0]) throw notFound('webhook');
  return { ...toWebhook(rows[0]), ...(secret && { signingSecret: secret }) };
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
  return {
    url: row.url,
    secret: unseal(kek, row.secret as unknown as Sealed, sealContext(teamId, id, 'secret')),
  };
}
