/** What Discord's documentation demands of a message: https://docs.discord.com/developers/resources/message#create-message */
import { z } from 'zod';

const snowflake = z.string().regex(/^\d{17,20}$/);

const Button = z.strictObject({
  type: z.literal(2),
  style: z.literal([1, 2, 3, 4]),
  label: z.string().min(1).max(80),
  custom_id: z.string().min(1).max(100),
});
const Row = z.strictObject({ type: z.literal(1), components: z.array(Button).min(1).max(5) });

const components = z
  .array(Row)
  .max(5)
  .refine((rows) => {
    const ids = rows.flatMap((row) => row.components.map(({ custom_id }) => custom_id));
    return new Set(ids).size === ids.length;
  }, 'COMPONENT_CUSTOM_ID_DUPLICATED');

const content = z.string().refine((text) => [...text].length <= 2000, 'Must be 2000 or fewer in length.');

/** Not Discord's rule but ours: without it, or with anything in it, a text could notify people. */
const allowed_mentions = z.strictObject({ parse: z.array(z.never()), replied_user: z.literal(false) });

const shared = { content: content.optional(), allowed_mentions, components: components.optional() };

export const Created = z.strictObject({
  ...shared,
  nonce: z.string().min(1).max(25),
  enforce_nonce: z.literal(true),
  message_reference: z
    .strictObject({ message_id: snowflake, fail_if_not_exists: z.literal(false) })
    .optional(),
  attachments: z
    .array(z.strictObject({ id: z.number(), filename: z.string().min(1) }))
    .max(10)
    .optional(),
});

export const Edited = z.strictObject(shared);

/** https://docs.discord.com/developers/reference#uploading-files */
export const maxFileBytes = 10 * 1024 * 1024;

/** https://docs.discord.com/developers/reference#user-agent */
export const userAgent = /^DiscordBot \(https?:\/\/\S+, [\w.-]+\)/;
