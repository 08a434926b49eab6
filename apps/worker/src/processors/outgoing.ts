/** From a delivery's references to what is sent: read, opened and rendered when it is its turn. */
import {
  type AdapterSource,
  type Address,
  assertAccepted,
  type CallContext,
  ChannelError,
  postSigned,
  type SendReceipt,
  splitText,
} from '@nightshift/channels';
import { openChannel, readChannelMessage } from '@nightshift/core/channels';
import type { Database } from '@nightshift/core/database';
import { DomainError } from '@nightshift/core/errors';
import type { ClaimedDelivery } from '@nightshift/core/outbox';
import { type KeyEncryptionKey, UnsealError } from '@nightshift/core/secrets';
import { openWebhook, renderWebhookEvent } from '@nightshift/core/webhooks';

export interface OutgoingDeps {
  db: Database;
  kek: KeyEncryptionKey;
  adapters: AdapterSource;
}

export interface Outgoing {
  /** The receiver knows a repetition, so a send of unknown outcome is simply made again. */
  readonly repeatable: boolean;
  /** In the order in which they are sent; each sends one part, once. @throws {ChannelError} */
  readonly parts: readonly ((context: CallContext) => Promise<SendReceipt>)[];
}

/** @throws {ChannelError} rejected: there is nothing to send, or nowhere; auth: its secrets cannot be read */
export async function prepareOutgoing(deps: OutgoingDeps, delivery: ClaimedDelivery): Promise<Outgoing> {
  try {
    return await (delivery.destination.kind === 'webhook'
      ? prepareWebhook(deps, delivery)
      : prepareChannel(deps, delivery));
  } catch (error) {
    if (error instanceof DomainError) throw new ChannelError('rejected', error.message, { cause: error });
    if (error instanceof UnsealError) throw new ChannelError('auth', error.message, { cause: error });
    throw error;
  }
}

async function prepareWebhook({ db, kek }: OutgoingDeps, delivery: ClaimedDelivery): Promise<Outgoing> {
  const webhook = await openWebhook(db, kek, delivery.teamId, delivery.destination.id);
  const body = await renderWebhookEvent(db, delivery);
  if (!body)
    throw new ChannelError('rejected', 'The run was retried after this; its next end is told instead.');
  const send = async (context: CallContext): Promise<SendReceipt> => {
    const answer = await postSigned({ ...webhook, id: delivery.id, body }, context);
    assertAccepted(answer);
    return { status: answer.status };
  };
  return { repeatable: true, parts: [send] };
}

async function prepareChannel(
  { db, kek, adapters }: OutgoingDeps,
  delivery: ClaimedDelivery,
): Promise<Outgoing> {
  const { conversationId, messageId } = delivery;
  if (!messageId)
    throw new ChannelError('rejected', `A ${delivery.event} without a message is nothing to say.`);
  const channel = await openChannel(db, kek, delivery.teamId, delivery.destination.id);
  const adapter = await adapters.load(channel.kind);
  // In the middle of an upgrade an older worker may not have it yet.
  if (!adapter) throw new ChannelError('retry', `This server has no channel of the kind ${channel.kind}.`);
  const credentials = adapter.credentials.safeParse(channel.credentials);
  const settings = adapter.settings.safeParse(channel.settings);
  if (!credentials.success || !settings.success) {
    throw new ChannelError('auth', 'The credentials or settings of the channel are not what it needs now.');
  }
  const connection = { credentials: credentials.data, settings: settings.data, account: null };
  const { thread, text } = await readChannelMessage(db, { conversationId, messageId });
  return {
    repeatable: adapter.capabilities.idempotentSend,
    parts: splitText(text, adapter.capabilities.limit).map(
      (part, index) => (context) =>
        adapter.send({ text: part }, thread as Address, connection, {
          ...context,
          idempotencyKey: `${delivery.id}:${index}`,
        }),
    ),
  };
}
