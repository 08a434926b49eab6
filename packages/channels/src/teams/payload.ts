/**
 * What we read of activities; whatever else they hold is left alone.
 * https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-api-reference#activity-object
 */
import { z } from 'zod';
import { inboundMarks, inboundText } from '../inbound-text.ts';

const text = z.string().nullish();
const id = z.string().min(1).max(1_000);

const ChannelAccount = z.object({ id, name: text, aadObjectId: text, role: text });

const Attachment = z.object({
  contentType: text,
  contentUrl: text,
  name: text,
  content: z.unknown().optional(),
});

const Entity = z.looseObject({ type: text });

export const Mention = z.object({
  type: z.literal('mention'),
  mentioned: z.object({ id, name: text }),
  /** As it stands in the text. */
  text,
});

/** https://learn.microsoft.com/microsoftteams/platform/bots/how-to/bots-filesv4 */
export const fileInfoType = 'application/vnd.microsoft.teams.file.download.info';
export const FileInfo = z.object({ downloadUrl: z.string(), fileType: text });

/** What a button of ours says; other cards have other values. */
export const Pressed = z.object({ nightshift: z.string().min(1) });
/** https://learn.microsoft.com/adaptive-cards/authoring-cards/universal-action-model */
export const Executed = z.object({ action: z.object({ data: Pressed }) });

const named = z.object({ id, name: text.catch(null) }).nullish();

/** What only adds to a message: where it is not as documented, the message is read without it. */
const maybe = <T extends z.ZodType>(schema: T) => schema.nullish().catch(undefined);

/** https://learn.microsoft.com/dotnet/api/microsoft.teams.apps.schema.entities.quotedreplydata */
export const QuotedReply = z.object({
  type: z.literal('quotedReply'),
  quotedReply: z.object({
    messageId: id,
    senderId: maybe(id),
    senderName: maybe(z.string()),
    preview: maybe(inboundText),
  }),
});

/** https://learn.microsoft.com/graph/api/resources/chatmessageattachment: its content is JSON in a string. */
export const MessageReference = z.object({
  messageId: maybe(id),
  messagePreview: maybe(inboundText),
  messageSender: maybe(
    z.object({
      user: maybe(z.object({ id: maybe(id), displayName: maybe(z.string()) })),
      application: maybe(z.object({ id: maybe(id), displayName: maybe(z.string()) })),
    }),
  ),
});

export const Activity = z.object({
  type: z.string().min(1),
  id: id.nullish(),
  timestamp: text,
  name: text,
  action: text,
  channelId: z.literal('msteams'),
  serviceUrl: z.url(),
  from: ChannelAccount,
  recipient: ChannelAccount,
  conversation: z.object({
    id,
    conversationType: text,
    isGroup: z.boolean().nullish(),
    tenantId: text,
    name: maybe(z.string()),
  }),
  channelData: z.object({ tenant: named, team: named, channel: named, eventType: text }).nullish(),
  text: inboundText.nullish(),
  attachments: z.array(Attachment).nullish(),
  entities: inboundMarks(Entity).nullish(),
  value: z.unknown().optional(),
  replyToId: text,
});

export type Activity = z.infer<typeof Activity>;
export type Mention = z.infer<typeof Mention>;
export type Attachment = z.infer<typeof Attachment>;
