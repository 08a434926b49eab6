/** What people may ask of deliveries: read them, and retry those that ended without having arrived for certain. */
import type { Delivery, DeliveryListQuery, Page } from '@nightshift/contracts';
import { type Database, type Listed, pageArguments, statement, toPage } from '../database/index.ts';
import { DomainError, notFound } from '../errors/index.ts';
import type { Prisma } from '../generated/prisma/client.ts';

const withNames = {
  channel: { select: { id: true, name: true } },
  webhook: { select: { id: true, name: true, url: true } },
} as const satisfies Prisma.DeliveryInclude;

type Row = Prisma.DeliveryGetPayload<{ include: typeof withNames }>;

function toDelivery(row: Row): Delivery {
  return {
    id: row.id,
    event: row.event,
    status: row.status,
    channelId: row.channelId,
    channel: row.channel,
    webhookId: row.webhookId,
    webhook: row.webhook && { id: row.webhook.id, name: row.webhook.name ?? originOf(row.webhook.url) },
    conversationId: row.conversationId,
    runId: row.runId,
    messageId: row.messageId,
    text: row.text,
    attempts: row.attempts,
    partsSent: row.partsSent,
    cut: row.cut as Delivery['cut'],
    dueAt: row.dueAt.toISOString(),
    error: row.error as Delivery['error'],
    receipts: row.receipts as Delivery['receipts'],
    createdAt: row.createdAt.toISOString(),
    endedAt: row.endedAt?.toISOString() ?? null,
  };
}

/** A path may hold what only its owner should know. */
const originOf = (url: string): string => (URL.canParse(url) ? new URL(url).origin : '');

export async function listDeliveries(
  db: Database,
  teamId: string,
  query: Listed<DeliveryListQuery>,
): Promise<Page<Delivery>> {
  const { where, ...page } = pageArguments(query);
  const rows = await db.prisma.delivery.findMany({
    ...page,
    where: {
      ...where,
      teamId,
      ...(query.id && { id: query.id }),
      ...(query.status && { status: { in: query.status } }),
      ...(query.runId && { runId: query.runId }),
      ...(query.conversationId && { conversationId: query.conversationId }),
      ...(query.webhookId && { webhookId: query.webhookId }),
      ...(query.channelId && { channelId: query.channelId }),
    },
    include: withNames,
  });
  return toPage(rows, query.limit, toDelivery);
}

/** @throws {DomainError} not_found */
export async function getDelivery(db: Database, teamId: string, id: string): Promise<Delivery> {
  const row = await db.prisma.delivery.findFirst({ where: { id, teamId }, include: withNames });
  if (!row) throw notFound('delivery');
  return toDelivery(row);
}

const retry = statement<{ lane: string }>(`
  UPDATE delivery SET status = 'pending', due_at = now(), retried_at = now(), ended_at = NULL
  WHERE id = $1 AND team_id = $2 AND status IN ('dead', 'unknown', 'failed')
  RETURNING lane`);

/**
 * Puts a delivery that is dead, unknown or failed back in its place: before what waits behind it, and after its parts that
 * were sent.
 *
 * @returns the delivery, and its lane for the caller to wake
 * @throws {DomainError} not_found; conflict: it was sent, or will be
 */
export async function retryDelivery(
  db: Database,
  teamId: string,
  id: string,
): Promise<{ delivery: Delivery; lane: string }> {
  const [row] = await db.query(retry, [id, teamId]);
  const delivery = await getDelivery(db, teamId, id);
  if (!row)
    throw new DomainError('conflict', `The delivery is ${delivery.status}: there is nothing to retry.`);
  return { delivery, lane: row.lane };
}
