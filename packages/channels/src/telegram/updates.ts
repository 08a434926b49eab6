/**
 * What is read of an update, https://core.telegram.org/bots/api#update. Everything else may be there and may change:
 * unknown fields are kept, since their names say what kind of update an unknown one is.
 */
import { z } from 'zod';
import { inboundMarks, inboundText } from '../inbound-text.ts';

const User = z.object({
  id: z.int(),
  is_bot: z.boolean(),
  first_name: z.string().default(''),
  last_name: z.string().optional(),
  username: z.string().optional(),
});

const Chat = z.object({ id: z.int(), type: z.string(), title: z.string().optional() });

/** What only adds to a message: where it is not as documented, the message is read without it. */
const maybe = <T extends z.ZodType>(schema: T) => schema.optional().catch(undefined);

/** https://core.telegram.org/bots/api#messageorigin */
const Origin = z.object({
  type: z.string(),
  sender_user: maybe(User),
  sender_user_name: maybe(z.string()),
  sender_chat: maybe(Chat),
  chat: maybe(Chat),
  author_signature: maybe(z.string()),
});

/** Offset and length count UTF-16 code units, as JavaScript does. */
const Entity = z.object({
  type: z.string(),
  offset: z.int().nonnegative(),
  length: z.int().nonnegative(),
  url: z.string().optional(),
  user: User.optional(),
});

const File = z.object({
  file_id: z.string(),
  file_unique_id: z.string(),
  file_name: z.string().optional(),
  mime_type: z.string().optional(),
  file_size: z.int().optional(),
});

const Location = z.object({ latitude: z.number(), longitude: z.number() });

const Replied = z.looseObject({
  message_id: z.int(),
  from: User.optional(),
  sender_chat: Chat.optional(),
  chat: Chat,
  text: inboundText.optional(),
  entities: inboundMarks(Entity).optional(),
  caption: inboundText.optional(),
  caption_entities: inboundMarks(Entity).optional(),
  /** In several sizes, the smallest first. */
  photo: z.array(File).optional(),
  document: File.optional(),
  animation: File.optional(),
  audio: File.optional(),
  voice: File.optional(),
  video: File.optional(),
  video_note: File.optional(),
  sticker: File.extend({ emoji: z.string().optional() }).optional(),
  location: Location.optional(),
  venue: z.object({ location: Location, title: z.string(), address: z.string() }).optional(),
  contact: z
    .object({ phone_number: z.string(), first_name: z.string(), last_name: z.string().optional() })
    .optional(),
  /** Headings, lists and tables: https://core.telegram.org/bots/api#richmessage */
  rich_message: maybe(z.object({ blocks: z.array(z.unknown()) })),
  forward_origin: maybe(Origin),
});

/** A message of another chat: https://core.telegram.org/bots/api#externalreplyinfo */
const ExternalReply = z.object({
  origin: Origin,
  chat: maybe(Chat),
  message_id: maybe(z.int()),
});

const Message = Replied.extend({
  /** Also of answers outside of forums, where it is no topic: only `is_topic_message` says so. */
  message_thread_id: z.int().optional(),
  is_topic_message: z.boolean().optional(),
  is_automatic_forward: z.boolean().optional(),
  media_group_id: z.string().optional(),
  reply_to_message: maybe(Replied),
  external_reply: maybe(ExternalReply),
  quote: maybe(z.object({ text: inboundText, is_manual: maybe(z.boolean()) })),
});

const CallbackQuery = z.object({
  id: z.string(),
  from: User,
  data: z.string().optional(),
  /** Of an old message nothing is there but its chat and id. */
  message: Message.optional(),
});

export const Update = z.looseObject({
  update_id: z.int(),
  message: Message.optional(),
  edited_message: Message.optional(),
  callback_query: CallbackQuery.optional(),
});

export type Update = z.infer<typeof Update>;
export type Message = z.infer<typeof Message>;
export type RepliedMessage = z.infer<typeof Replied>;
export type CallbackQuery = z.infer<typeof CallbackQuery>;
export type Entity = z.infer<typeof Entity>;
export type File = z.infer<typeof File>;
export type User = z.infer<typeof User>;
export type Origin = z.infer<typeof Origin>;

/** What is asked for. Deletions are not to be had; reactions are, but mean nothing here. */
export const wantedUpdates = ['message', 'edited_message', 'callback_query'] as const;
