/**
 * The bodies of Meta's webhooks, as far as they are read.
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages
 */
import { z } from 'zod';

const text = z.string().max(100_000);
const id = z.string().min(1).max(1_000);

/** What is not as documented is as good as absent: the rest of the message still says something. */
const maybe = <T extends z.ZodType>(schema: T) => schema.optional().catch(undefined);

/**
 * Who takes part is known by a phone number, by an id that holds for this business only, or by both: people who have a
 * user name may hide their number.
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids
 */
export const Contact = z.object({
  wa_id: maybe(id),
  user_id: maybe(id),
  profile: maybe(z.object({ name: maybe(text), username: maybe(text) })),
});

const Media = z.object({
  id,
  mime_type: maybe(z.string().max(200)),
  caption: maybe(text),
  filename: maybe(z.string().max(1_000)),
});

const Location = z.object({
  latitude: z.number(),
  longitude: z.number(),
  name: maybe(text),
  address: maybe(text),
});

const SharedContact = z.object({
  name: maybe(z.object({ formatted_name: maybe(text) })),
  phones: maybe(z.array(z.object({ phone: maybe(text) }))),
  emails: maybe(z.array(z.object({ email: maybe(text) }))),
});

const Content = z.object({
  type: z.string().min(1).max(100),
  text: maybe(z.object({ body: text })),
  image: maybe(Media),
  video: maybe(Media),
  audio: maybe(Media),
  document: maybe(Media),
  sticker: maybe(Media),
  location: maybe(Location),
  contacts: maybe(z.array(SharedContact)),
  button: maybe(z.object({ text })),
});

const type = z.string().max(100);

export const Message = Content.extend({
  id,
  /** The sender's phone number, and the id of the same person. */
  from: maybe(id),
  from_user_id: maybe(id),
  /** Of echoes: whom the business wrote to. */
  to: maybe(id),
  to_user_id: maybe(id),
  group_id: id.optional(),
  /** What it answers to, and by whom that is; whether it was passed on, which is not said whose it was. */
  context: maybe(
    z.object({
      from: maybe(id),
      id: maybe(id),
      forwarded: maybe(z.boolean()),
      frequently_forwarded: maybe(z.boolean()),
      referred_product: maybe(z.unknown()),
    }),
  ),
  order: maybe(z.object({ text: maybe(text) })),
  interactive: maybe(
    z.object({
      type,
      button_reply: maybe(z.object({ id })),
      list_reply: maybe(z.object({ id })),
    }),
  ),
  edit: maybe(z.object({ original_message_id: id, message: Content })),
  revoke: maybe(z.object({ original_message_id: id })),
  unsupported: maybe(z.object({ type })),
  system: maybe(z.object({ type })),
});

export const Status = z.object({
  id,
  status: z.string().min(1).max(100),
  errors: maybe(
    z.array(
      z.object({
        code: z.number(),
        title: maybe(z.string()),
        message: maybe(z.string()),
        error_data: maybe(z.object({ details: maybe(z.string()) })),
      }),
    ),
  ),
});

/** The lists are read one by one: a part that cannot be read must not take the others with it. */
export const Value = z.object({
  metadata: maybe(z.object({ display_phone_number: maybe(z.string()), phone_number_id: maybe(z.string()) })),
  contacts: z.array(Contact.catch({})).catch([]),
  messages: z.array(z.unknown()).catch([]),
  message_echoes: z.array(z.unknown()).catch([]),
  statuses: z.array(z.unknown()).catch([]),
  /** Of the account or the app, rather than of a message. */
  errors: z.array(z.object({ code: z.number() })).catch([]),
});

export const Payload = z.object({
  object: z.literal('whatsapp_business_account'),
  entry: z.array(
    z.object({ changes: z.array(z.object({ field: z.string().min(1).max(100), value: z.unknown() })) }),
  ),
});

export type Contact = z.infer<typeof Contact>;
export type Content = z.infer<typeof Content>;
export type Message = z.infer<typeof Message>;
export type Value = z.infer<typeof Value>;
