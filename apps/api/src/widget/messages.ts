/** A visitor's message, on its way into the inbox. */
import type { Visitor } from '@nightshift/channels/web';
import {
  type InboundEvent,
  maxVisitorFileBytes,
  type WidgetMessageAccepted,
  type WidgetMessageCreate,
} from '@nightshift/contracts';
import { parseCommand } from '@nightshift/core/channels';
import { DomainError, invalidField } from '@nightshift/core/errors';
import { acceptEvents, wakeForEvents } from '@nightshift/core/inbox';
import { signalThread } from '@nightshift/core/web-chat';
import type { FastifyRequest } from 'fastify';
import type { ApiDeps } from '../deps.ts';
import { blocked, type Site } from './site.ts';
import { nameOf, threadOf } from './visitors.ts';

/** @throws {DomainError} invalid_request: files where there may be none, or too large */
export function assertFiles({ settings }: Site, { files }: WidgetMessageCreate): void {
  if (files.length === 0) return;
  if (!settings.files) throw invalidField('files', 'this chat takes none');
  const bytes = files.reduce((sum, { data }) => sum + Buffer.byteLength(data, 'base64'), 0);
  if (bytes > maxVisitorFileBytes)
    throw invalidField('files', `are larger than ${maxVisitorFileBytes / 1024 / 1024} MiB together`);
}

function toEvent(site: Site, visitor: Visitor, { id, text, files }: WidgetMessageCreate): InboundEvent {
  return {
    type: 'message',
    // Whose it is belongs to the name, or one visitor could take the id of another one's message.
    externalId: `${visitor.id}/${id}`,
    messageId: id,
    thread: { visitor: visitor.id },
    threadKey: visitor.id,
    direct: true,
    workspace: site.origin,
    // The token that it comes with is signed by us.
    sender: { id: visitor.id, identity: 'account', name: nameOf(visitor), isBot: false, isSelf: false },
    text,
    addressed: true,
    attachments: files.map(({ name, mediaType, data }) => ({
      name,
      mediaType,
      bytes: Buffer.byteLength(data, 'base64'),
      // Stored with the message, in one transaction.
      source: { data },
    })),
  };
}

/** Why a message led to nothing, for the visitor. */
const refusals: Record<string, DomainError> = {
  too_many: new DomainError('rate_limited', 'That is too much at once. Try again in a minute.'),
  defect: new DomainError('invalid_request', 'This message cannot be stored.'),
  paused: new DomainError('unavailable', 'This chat is closed at the moment.'),
};

/**
 * Commits the message, and then wakes whoever has to do with it.
 *
 * @throws {DomainError} rate_limited, invalid_request, forbidden: the channel answers only people whom somebody approved
 * @throws {ChannelChangedError} the channel is another one than `site` now
 */
export async function acceptMessage(
  deps: ApiDeps,
  site: Site,
  visitor: Visitor,
  message: WidgetMessageCreate,
  request: FastifyRequest,
): Promise<WidgetMessageAccepted> {
  const { db, traffic, metrics } = deps;
  const { channel } = site;
  const scope = { ...channel, kek: deps.kek, traceId: request.traceId };
  const result = await acceptEvents(db, scope, [toEvent(site, visitor, message)], {
    onDefect: (error) =>
      request.log.error({ err: error, channelId: channel.id }, 'a message cannot be stored'),
  });
  wakeForEvents(deps, result);
  request.ledTo = result.accepted[0] ?? null;
  metrics.channelEvents.inc({ kind: channel.kind, outcome: result.taken > 0 ? 'taken' : 'dropped' });
  traffic.count(channel.id, { received: result.taken, ignored: 1 - result.taken });
  traffic.note(channel.id, { verified: true });
  for (const [reason, count] of result.dropped) metrics.channelDropped.inc({ reason }, count);
  signalThread(db, threadOf(site, visitor)).catch((error: Error) =>
    request.log.warn({ err: error }, 'message not signalled; its streams find it by looking'),
  );

  const [dropped] = result.dropped.keys();
  const isRepeated = dropped === 'duplicate';
  if (dropped !== undefined && !isRepeated) throw refusals[dropped] ?? blocked();
  const kept = result.accepted.length > 0 || (isRepeated && parseCommand(message.text) === null);
  return { id: message.id, kept };
}
