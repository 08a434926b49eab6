/** What a webhook is told, rendered from the rows when it is sent: the outbox holds references only. */
import {
  type Failure,
  isFinal,
  type TextPart,
  textOf,
  type Unreadable,
  type WebhookEvent,
} from '@nightshift/contracts';
import type { Database } from '../database/index.ts';
import type { Message as MessageRow } from '../generated/prisma/client.ts';

/** The references of a delivery. */
export interface EventReferences {
  readonly event: string;
  readonly runId: string | null;
  readonly messageId: string | null;
  /** What it tells, where no other row holds it. */
  readonly data: unknown;
  /** When it happened. */
  readonly createdAt: Date;
}

/** What the outbox holds of an event besides its run: what `budgets/warnings.ts` and `provider-health/sharing.ts` put there. */
type Told<Type extends WebhookEvent['type']> = Omit<
  Extract<WebhookEvent, { type: Type }>['data'],
  'runId' | 'agentId' | 'agent' | 'conversationId'
>;

/** Null: the event is no longer true, since its run was retried after it; the run's next end has an event of its own. */
export async function renderWebhookEvent(
  db: Database,
  { event, runId, messageId, data, createdAt }: EventReferences,
): Promise<WebhookEvent | null> {
  if (event === 'channel.attention') return renderAttention(db, data, createdAt);
  if (event === 'channel.unreadable') return renderUnreadable(db, data, createdAt);
  if (event === 'channel.loop') return renderLoop(db, data, createdAt);
  if (!runId) throw new Error(`The event ${event} has no run`);
  const run = await db.prisma.run.findUniqueOrThrow({
    where: { id: runId },
    include: { agent: { select: { id: true, name: true } } },
  });
  const row =
    messageId === null ? null : await db.prisma.message.findUniqueOrThrow({ where: { id: messageId } });
  const message = row && toEventMessage(row);
  const timestamp = createdAt.toISOString();
  const { agentId, agent, conversationId, status, endedAt } = run;
  if (event === 'message.created' && message) {
    return { type: event, timestamp, data: { conversationId, agentId, agent, runId, message } };
  }
  if (event === 'budget.warning') {
    const told = data as Told<typeof event>;
    return { type: event, timestamp, data: { ...told, runId, agentId, agent, conversationId } };
  }
  if (event === 'provider.key_refused') {
    const told = data as Told<typeof event>;
    return { type: event, timestamp, data: { ...told, runId, agentId, agent, conversationId } };
  }
  if (event !== 'run.finished') throw new Error(`There is no rendering of the event ${event}`);
  if (!isFinal(status) || !endedAt) return null;
  return {
    type: event,
    timestamp,
    data: {
      run: {
        id: runId,
        agentId,
        agent,
        conversationId,
        trigger: run.trigger,
        status: status as 'succeeded' | 'failed' | 'cancelled',
        attempt: run.attempt,
        model: run.model,
        error: run.error as Failure | null,
        warnings: run.warnings,
        createdAt: run.createdAt.toISOString(),
        startedAt: run.startedAt?.toISOString() ?? null,
        endedAt: endedAt.toISOString(),
      },
      reply: message,
    },
  };
}

const toEventMessage = (row: MessageRow) => ({
  id: row.id,
  seq: row.seq,
  role: row.role,
  text: textOf(row.content as TextPart[]),
  createdAt: row.createdAt.toISOString(),
});

async function renderAttention(db: Database, data: unknown, at: Date): Promise<WebhookEvent | null> {
  const { channelId } = data as { channelId: string };
  const row = await db.prisma.channel.findUnique({ where: { id: channelId } });
  if (!row || row.deletedAt || row.status !== 'attention') return null;
  const { id, kind, name } = row;
  const { code, message } = row.problem as { code: string; message: string };
  return {
    type: 'channel.attention',
    timestamp: at.toISOString(),
    data: { channel: { id, kind, name, problem: { code, message } } },
  };
}

/** What `channels/unreadable.ts` puts into the outbox. */
async function renderUnreadable(db: Database, data: unknown, at: Date): Promise<WebhookEvent | null> {
  const { channelId, message, count } = data as { channelId: string; message: Unreadable; count: number };
  const row = await db.prisma.channel.findUnique({ where: { id: channelId } });
  if (!row || row.deletedAt) return null;
  const { id, kind, name } = row;
  return {
    type: 'channel.unreadable',
    timestamp: at.toISOString(),
    data: { channel: { id, kind, name }, message, count },
  };
}

async function renderLoop(db: Database, data: unknown, at: Date): Promise<WebhookEvent | null> {
  const { channelId, conversationId, identityId } = data as Record<string, string>;
  const [channel, identity] = await Promise.all([
    db.prisma.channel.findUnique({ where: { id: channelId! } }),
    db.prisma.identity.findUnique({ where: { id: identityId! } }),
  ]);
  if (!channel || channel.deletedAt || !identity) return null;
  const { id, kind, name } = channel;
  return {
    type: 'channel.loop',
    timestamp: at.toISOString(),
    data: {
      channel: { id, kind, name },
      conversationId: conversationId!,
      sender: { identityId: identity.id, name: identity.name ?? identity.externalId },
    },
  };
}
