/** From a delivery's references to what is sent: read, opened and rendered when it is its turn. */
import type { ConnectionDeps, OpenCached } from '@nightshift/agent';
import {
  assertAccepted,
  type CallContext,
  ChannelError,
  type Cut,
  capabilitiesOf,
  postSigned,
  renderMessage,
  type SendReceipt,
} from '@nightshift/channels';
import { readChannelMessage } from '@nightshift/core/channels';
import { DomainError } from '@nightshift/core/errors';
import type { ClaimedDelivery, SendLimit } from '@nightshift/core/outbox';
import { UnsealError } from '@nightshift/core/secrets';
import { openWebhook, renderWebhookEvent } from '@nightshift/core/webhooks';
import { sendLimits } from '../send-limits.ts';
import type { Sessions } from '../sessions.ts';

export interface OutgoingPart {
  /** The receiver knows a repetition, so a send of unknown outcome is simply made again. */
  readonly repeatable: boolean;
  /** What of the platform's limits it uses up. */
  readonly limits: readonly SendLimit[];
  /** Sends it, once. @throws {ChannelError} */
  send(context: CallContext): Promise<SendReceipt>;
}

export interface OutgoingDeps extends ConnectionDeps {
  open: OpenCached;
  sessions: Sessions;
}

export interface Outgoing {
  /** In the order in which they are sent. */
  readonly parts: readonly OutgoingPart[];
  /** The answer is too long for its place. */
  readonly cut: Cut | null;
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
  if (!body) throw new ChannelError('rejected', 'It is no longer so; what is so instead is told by itself.');
  const send = async (context: CallContext): Promise<SendReceipt> => {
    const answer = await postSigned(
      { ...webhook, id: delivery.id, body, traceId: delivery.traceId },
      context,
    );
    assertAccepted(answer);
    return { status: answer.status };
  };
  return { parts: [{ repeatable: true, limits: [], send }], cut: null };
}

async function prepareChannel(deps: OutgoingDeps, delivery: ClaimedDelivery): Promise<Outgoing> {
  const { teamId, destination } = delivery;
  const opened = await deps.open({ teamId, channelId: destination.id, version: destination.version });
  const { adapter, connection } = opened;
  const message = await readChannelMessage(deps.db, deps.kek, delivery.id).catch((error) => {
    // Of this message alone: the channel's own credentials were opened just now.
    if (error instanceof UnsealError) throw new ChannelError('rejected', error.message, { cause: error });
    throw error;
  });
  if (!message)
    throw new ChannelError('rejected', `A ${delivery.event} without a message is nothing to say.`);
  const { thread: to, direct, text, shown } = message;
  const { parts, file, cut } = renderMessage(text, capabilitiesOf(adapter, connection));
  const repeatable = adapter.capabilities.idempotentSend;
  const limits = sendLimits(opened, { to, direct });
  const connected = (context: CallContext) => ({ ...context, session: deps.sessions.of(destination.id) });
  const keyed = (context: CallContext, index: number) => ({
    ...connected(context),
    idempotencyKey: `${delivery.id}:${index}`,
    traceId: delivery.traceId,
  });
  const outgoing: OutgoingPart[] = parts.map((part, index) => ({
    repeatable,
    limits,
    send: (context) => adapter.send(part, to, connection, keyed(context, index)),
  }));
  if (file) {
    outgoing.push({
      repeatable,
      limits,
      send: (context) => adapter.sendFile!(file, to, connection, keyed(context, parts.length)),
    });
  }
  const [first] = parts;
  if (!shown || !first || !adapter.edit) return { parts: outgoing, cut };
  const edit = async (context: CallContext): Promise<SendReceipt> => {
    try {
      await adapter.edit!(first, shown, to, connection, connected(context));
      return shown;
    } catch (error) {
      if (error instanceof ChannelError && (error.kind === 'gone' || error.kind === 'rejected'))
        throw new EditRefusedError(error);
      throw error;
    }
  };
  const editing = sendLimits(opened, { to, direct, isEdit: true });
  return { parts: [{ repeatable: true, limits: editing, send: edit }, ...outgoing.slice(1)], cut };
}

/** The platform will not put the answer into the message that showed it: it was deleted, is too old, or may not change. */
export class EditRefusedError extends Error {
  override readonly name = 'EditRefusedError';
  constructor(cause: ChannelError) {
    super(cause.message, { cause });
  }
}
