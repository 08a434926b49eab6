/** From a delivery's references to what is sent: read, opened and rendered when it is its turn. */
import { type ConnectionDeps, openConnection } from '@nightshift/agent';
import {
  assertAccepted,
  type CallContext,
  ChannelError,
  postSigned,
  renderMessage,
  type SendReceipt,
} from '@nightshift/channels';
import { readChannelMessage } from '@nightshift/core/channels';
import { DomainError } from '@nightshift/core/errors';
import type { ClaimedDelivery } from '@nightshift/core/outbox';
import { UnsealError } from '@nightshift/core/secrets';
import { openWebhook, renderWebhookEvent } from '@nightshift/core/webhooks';
import type { Sessions } from '../sessions.ts';

export interface OutgoingPart {
  /** The receiver knows a repetition, so a send of unknown outcome is simply made again. */
  readonly repeatable: boolean;
  /** Sends it, once. @throws {ChannelError} */
  send(context: CallContext): Promise<SendReceipt>;
}

export interface OutgoingDeps extends ConnectionDeps {
  sessions: Sessions;
}

/** In the order in which they are sent. */
export type Outgoing = readonly OutgoingPart[];

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

async function prepareWebhook({ db, kek }: ConnectionDeps, delivery: ClaimedDelivery): Promise<Outgoing> {
  const webhook = await openWebhook(db, kek, delivery.teamId, delivery.destination.id);
  const body = await renderWebhookEvent(db, delivery);
  if (!body) throw new ChannelError('rejected', 'It is no longer so; what is so instead is told by itself.');
  const send = async (context: CallContext): Promise<SendReceipt> => {
    const answer = await postSigned({ ...webhook, id: delivery.id, body }, context);
    assertAccepted(answer);
    return { status: answer.status };
  };
  return [{ repeatable: true, send }];
}

async function prepareChannel(deps: OutgoingDeps, delivery: ClaimedDelivery): Promise<Outgoing> {
  const { adapter, connection } = await openConnection(deps, delivery.teamId, delivery.destination.id);
  const message = await readChannelMessage(deps.db, delivery.id);
  if (!message)
    throw new ChannelError('rejected', `A ${delivery.event} without a message is nothing to say.`);
  const { thread, text, shown } = message;
  const { parts, file } = renderMessage(text, adapter.capabilities);
  const repeatable = adapter.capabilities.idempotentSend;
  const { id } = delivery.destination;
  const connected = (context: CallContext) => ({ ...context, session: deps.sessions.of(id) });
  const keyed = (context: CallContext, index: number) => ({
    ...connected(context),
    idempotencyKey: `${delivery.id}:${index}`,
  });
  const outgoing: OutgoingPart[] = parts.map((part, index) => ({
    repeatable,
    send: (context) => adapter.send(part, thread, connection, keyed(context, index)),
  }));
  if (file) {
    outgoing.push({
      repeatable,
      send: (context) => adapter.sendFile!(file, thread, connection, keyed(context, parts.length)),
    });
  }
  const [first] = outgoing;
  if (!shown || !first || !adapter.edit) return outgoing;
  const edit = async (context: CallContext): Promise<SendReceipt> => {
    try {
      await adapter.edit!(parts[0]!, shown, thread, connection, connected(context));
      return shown;
    } catch (error) {
      // Somebody has deleted it, so that the answer would be nowhere.
      if (error instanceof ChannelError && error.kind === 'gone') return first.send(context);
      throw error;
    }
  };
  return [{ repeatable: true, send: edit }, ...outgoing.slice(1)];
}
