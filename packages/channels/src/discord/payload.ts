/**
 * What we read of Discord's payloads; whatever else they hold is left alone.
 * https://docs.discord.com/developers/resources/message#message-object
 */
import { z } from 'zod';
import { inboundMarks, inboundText } from '../inbound-text.ts';
import { nameOf as asName } from '../particulars.ts';

/** https://docs.discord.com/developers/reference#snowflakes: larger than a number may be. */
const id = z.string().regex(/^\d{1,20}$/);
const text = z.string().nullish();

const User = z.object({ id, username: z.string(), global_name: text, bot: z.boolean().nullish() });
const Member = z.object({ nick: text });

const Attachment = z.object({
  id,
  filename: z.string(),
  content_type: text,
  size: z.number().int().nonnegative().nullish(),
  url: z.string(),
});

/** What only adds to a message: where it is not as documented, the message is read without it. */
const maybe = <T extends z.ZodType>(schema: T) => schema.nullish().catch(undefined);

/** https://docs.discord.com/developers/resources/message#embed-object */
const Embed = z
  .object({
    title: maybe(inboundText),
    description: maybe(inboundText),
    url: maybe(inboundText),
    fields: maybe(inboundMarks(z.object({ name: inboundText, value: inboundText }))),
  })
  .catch({});

const Mentioned = User.extend({ member: Member.nullish() });

/** Of a message, of one that it forwards, and of one that it answers. */
const Content = z.object({
  content: inboundText.nullish(),
  attachments: z.array(Attachment).nullish(),
  embeds: maybe(inboundMarks(Embed)),
  /** Nested, of many kinds: https://docs.discord.com/developers/components/reference */
  components: maybe(z.array(z.unknown())),
  poll: z.unknown().optional(),
  sticker_items: maybe(z.array(z.unknown())),
  activity: z.unknown().optional(),
});

const Referenced = Content.extend({
  id: maybe(id),
  author: User.extend({ username: maybe(z.string()) }).partial({ username: true }),
  member: maybe(Member),
  mentions: maybe(inboundMarks(Mentioned)),
});

export const Message = Content.extend({
  id,
  channel_id: id,
  channel_type: z.number().nullish(),
  guild_id: id.nullish(),
  type: z.number(),
  author: User,
  member: Member.nullish(),
  webhook_id: id.nullish(),
  mentions: z.array(Mentioned).nullish(),
  mention_roles: z.array(id).nullish(),
  edited_timestamp: text,
  /** Of an answer the place of what it answers, of a forwarded message (type 1) where that came from. */
  message_reference: maybe(z.object({ type: maybe(z.number()), message_id: maybe(id) })),
  /** What it answers to. Null: that is no longer there. */
  referenced_message: maybe(Referenced),
  /** What it forwards. */
  message_snapshots: maybe(inboundMarks(z.object({ message: Content }))),
});

export const Deleted = z.object({ id, channel_id: id });
export const DeletedBulk = z.object({ ids: z.array(id), channel_id: id });

/** https://docs.discord.com/developers/interactions/receiving-and-responding#interaction-object */
export const Interaction = z.object({
  id,
  type: z.number(),
  token: z.string().min(1),
  guild_id: id.nullish(),
  channel_id: id.nullish(),
  channel: z.object({ type: z.number(), name: text, parent_id: id.nullish() }).nullish(),
  member: Member.extend({ user: User }).nullish(),
  user: User.nullish(),
  message: z.object({ id }).nullish(),
  data: z.object({ component_type: z.number().nullish(), custom_id: z.string().nullish() }).nullish(),
});

export type User = z.infer<typeof User>;
export type Attachment = z.infer<typeof Attachment>;
export type Content = z.infer<typeof Content>;
export type Message = z.infer<typeof Message>;
export type Interaction = z.infer<typeof Interaction>;

/** https://docs.discord.com/developers/resources/message#message-object-message-types: the others are notices. */
export const isSpoken = (type: number) => type === 0 || type === 19;

/** Announcement, public and private threads: https://docs.discord.com/developers/resources/channel#channel-object-channel-types */
export const isThread = (channelType: number | null | undefined) =>
  channelType === 10 || channelType === 11 || channelType === 12;

/** https://docs.discord.com/developers/interactions/receiving-and-responding#interaction-object-interaction-type */
export const isButton = ({ type, data }: Interaction) => type === 3 && data?.component_type === 2;

export const nameOf = (
  {
    username,
    global_name,
  }: { username?: string | null | undefined; global_name?: string | null | undefined },
  nick?: string | null,
) => asName(nick || global_name || username);
