/**
 * From activities to neutral events.
 * https://learn.microsoft.com/microsoftteams/platform/bots/how-to/conversations/conversation-messages
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import {
  ChannelError,
  type InboundAttachment,
  type InboundEvent,
  type Place,
  type RawRequest,
  type Sender,
} from '../channel.ts';
import { readJson } from '../http.ts';
import { maxInboundText } from '../inbound-text.ts';
import { nameOf, placeNamed, textWithQuote } from '../particulars.ts';
import { type UnsupportedKind, unknownKind, unsupportedField } from '../unsupported.ts';
import type { TeamsConnection } from './connection.ts';
import { isCard, quoteIn, textOfCards, withoutPlaceholder } from './content.ts';
import { Activity, type Attachment, Executed, FileInfo, fileInfoType, Mention, Pressed } from './payload.ts';

/** @throws {ChannelError} rejected: it is not what Teams sends */
export function readActivity(request: RawRequest): Activity {
  const result = Activity.safeParse(readJson(request));
  if (result.success) return result.data;
  throw new ChannelError('rejected', `The request is no activity of Teams. ${z.prettifyError(result.error)}`);
}

/** See `InboundHook.parse`. */
export function parseActivity(request: RawRequest, connection: TeamsConnection): InboundEvent[] {
  const activity = readActivity(request);
  const { conversation, id, timestamp } = activity;
  const fallbackId = () => createHash('sha256').update(request.body).digest('hex');
  // Ids count within a conversation, and edits have the id of what is edited.
  const messageId = `${conversation.id}/${id}`;
  const ignored = (what: string): InboundEvent[] => [
    { type: 'ignored', externalId: id ? `${messageId}:${activity.type}:${timestamp}` : fallbackId(), what },
  ];
  const { tenantId } = connection.settings;
  if (tenantId && tenantOf(activity)?.toLowerCase() !== tenantId)
    return ignored('activity of another tenant');
  const eventType = activity.channelData?.eventType;

  switch (activity.type) {
    case 'message': {
      if (!id) return ignored('message without id');
      const pressed = Pressed.safeParse(activity.value).data;
      const place = placeOf(activity, connection);
      // Teams sends what was pressed as a message; each press has an id of its own.
      if (pressed) return [{ ...place, type: 'action', externalId: messageId, value: pressed.nightshift }];
      const { text, addressed, mentionsOthers } = textOf(activity);
      const attachments = (activity.attachments ?? []).flatMap(toAttachment);
      const said = text || textOfCards(activity.attachments ?? []);
      const unsupported = said || attachments.length > 0 ? [] : unreadIn(activity);
      if (!said && attachments.length === 0 && unsupported.length === 0)
        return ignored('message without content');
      return [
        {
          ...place,
          type: 'message',
          externalId: messageId,
          messageId,
          ...textWithQuote(said, quoteIn(activity, connection.credentials.appId)),
          addressed,
          ...(mentionsOthers && { mentionsOthers }),
          ...unsupportedField(unsupported),
          attachments,
        },
      ];
    }
    // Of what was deleted and is taken back, the text comes again.
    case 'messageUpdate': {
      const { text } = textOf(activity);
      if (!id || !text) return ignored(eventType ?? 'messageUpdate');
      const externalId = `${messageId}:${timestamp ?? fallbackId()}`;
      return [{ ...placeOf(activity, connection), type: 'edited', externalId, messageId, text }];
    }
    case 'messageDelete':
      return id
        ? [{ type: 'deleted', externalId: `${messageId}:deleted:${timestamp}`, messageId }]
        : ignored('messageDelete');
    case 'invoke': {
      const executed = isExecute(activity) ? Executed.safeParse(activity.value).data : undefined;
      if (!executed) return ignored(`invoke ${activity.name}`);
      const externalId = id ? messageId : fallbackId();
      return [
        {
          ...placeOf(activity, connection),
          type: 'action',
          externalId,
          value: executed.action.data.nightshift,
        },
      ];
    }
    default:
      return ignored([activity.type, eventType ?? activity.action].filter(Boolean).join(' '));
  }
}

export const isExecute = ({ type, name }: Activity) => type === 'invoke' && name === 'adaptiveCard/action';

const tenantOf = ({ conversation, channelData }: Activity) =>
  channelData?.tenant?.id ?? conversation.tenantId;

function placeOf(activity: Activity, { credentials }: TeamsConnection) {
  const { conversation, channelData, serviceUrl, id } = activity;
  const direct = conversation.conversationType === 'personal';
  return {
    thread: {
      serviceUrl,
      // Of a thread in a channel it ends with `;messageid=` and the id of its first message.
      conversationId: conversation.id,
      ...(id && { activityId: id }),
    },
    threadKey: conversation.id,
    direct,
    group: direct ? null : (channelData?.channel?.id ?? conversation.id),
    workspace: channelData?.team?.id ?? tenantOf(activity) ?? null,
    where: whereIs(activity),
    sender: senderOf(activity, credentials.appId),
  };
}

/** Names are told of some places, in some messages: nothing is asked for the others. */
function whereIs({ conversation, channelData, id }: Activity): Place {
  if (conversation.conversationType === 'personal') return { kind: 'direct', name: null };
  const { team, channel } = channelData ?? {};
  if (!channel && conversation.conversationType !== 'channel') return placeNamed('group', conversation.name);
  const name = [team?.name, channel?.name ?? conversation.name].filter(Boolean).join(' › ');
  return placeNamed(isReply(conversation.id, id) ? 'thread' : 'channel', name);
}

/** A thread has the id of its first message in its own, by which that one is no reply. */
function isReply(conversationId: string, id: string | null | undefined): boolean {
  const root = /;messageid=(\d+)$/.exec(conversationId)?.[1];
  return root !== undefined && root !== id;
}

function unreadIn({ attachments, value }: Activity): UnsupportedKind[] {
  if ((attachments ?? []).some(isCard)) return ['card'];
  // What was pressed on a card of another app.
  if (value !== undefined && value !== null) return [];
  const kinds = (attachments ?? []).map(({ contentType }) => contentType ?? '');
  if (kinds.some((kind) => kind.startsWith('audio/'))) return ['audio'];
  if (kinds.some((kind) => kind.startsWith('video/'))) return ['video'];
  // The text once more, as HTML, is there with any.
  return kinds.some((kind) => kind !== 'text/html' && kind !== 'messageReference') ? [unknownKind] : [];
}

/** `28:` begins the ids of bots. People have an id in the directory, which is the same for every bot. */
function senderOf({ from }: Activity, appId: string): Sender {
  return {
    id: from.aadObjectId || from.id,
    identity: 'account',
    name: nameOf(from.name),
    isBot: from.role === 'bot' || from.id.startsWith('28:'),
    isSelf: from.id.toLowerCase() === `28:${appId}`,
  };
}

/** The text is searched for each. Teams takes 20 mentions in a message. */
const maxEntities = 100;

/** Who is mentioned is in the entities; the text only shows it, and whoever writes can write the same. */
function textOf({ text, entities, recipient }: Activity) {
  const mentions = (entities ?? [])
    .slice(0, maxEntities)
    .flatMap((entity) => Mention.safeParse(entity).data ?? []);
  let shown = withoutPlaceholder((text ?? '').replaceAll('&nbsp;', ' '));
  for (const { mentioned, text: tag } of mentions) {
    const name = mentioned.id === recipient.id ? '' : `@${nameOf(mentioned.name) ?? mentioned.id}`;
    // By a function, for a name may hold what `replace` would take for a pattern.
    if (tag) shown = shown.replace(tag.replaceAll('&nbsp;', ' '), () => name);
  }
  const isUs = ({ mentioned }: Mention) => mentioned.id === recipient.id;
  return {
    text: shown.trim().slice(0, maxInboundText),
    addressed: mentions.some(isUs),
    mentionsOthers: mentions.some((mention) => !isUs(mention)),
  };
}

/** Files of people, and pictures in the text. The rest are cards, and the text as HTML. */
function toAttachment({ contentType, contentUrl, name, content }: Attachment): InboundAttachment[] {
  if (contentType === fileInfoType) {
    const info = FileInfo.safeParse(content).data;
    const type = info?.fileType ? `file.${info.fileType}` : 'file';
    if (!info) return [];
    const source = { url: info.downloadUrl };
    return [{ name: name || type, mediaType: 'application/octet-stream', bytes: null, source }];
  }
  if (!contentType?.startsWith('image/') || !contentUrl) return [];
  const extension = contentType === 'image/*' ? '' : `.${contentType.slice('image/'.length)}`;
  return [
    {
      name: name || `picture${extension}`,
      mediaType: contentType === 'image/*' ? 'application/octet-stream' : contentType,
      bytes: null,
      source: { url: contentUrl },
    },
  ];
}
