/**
 * What Meta documents of the bodies of `POST /{phone number}/messages`. A breach is error 100 or 131009 there; here it
 * is said in words.
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages
 */
import { z } from 'zod';

const text = (max: number) => z.string().min(1).max(max);
const businessScopedId = z.string().regex(/^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$/);
const messageId = z.string().startsWith('wamid.');

const envelope = { messaging_product: z.literal('whatsapp') };
const person = { ...envelope, recipient_type: z.literal('individual') };
const recipients = [
  { ...person, to: z.string().regex(/^\+?\d{7,15}$/) },
  { ...person, recipient: businessScopedId },
  { ...envelope, recipient_type: z.literal('group'), to: text(200) },
] as const;

const media = z.strictObject({ id: z.string().regex(/^\d+$/), caption: text(1024).optional() });

const replyButtons = z
  .array(
    z.strictObject({
      type: z.literal('reply'),
      reply: z.strictObject({ id: text(256), title: text(20) }),
    }),
  )
  .min(1)
  .max(3)
  .refine(
    (buttons) => new Set(buttons.map(({ reply }) => reply.title)).size === buttons.length,
    'titles differ',
  );

const row = z.strictObject({ id: text(200), title: text(24), description: text(72).optional() });
const sections = z.tuple([z.strictObject({ title: text(24), rows: z.array(row).min(1).max(10) })]);

const contents = [
  {
    type: z.literal('text'),
    text: z.strictObject({ body: text(4096), preview_url: z.boolean().optional() }),
  },
  { type: z.literal('reaction'), reaction: z.strictObject({ message_id: messageId, emoji: z.string() }) },
  { type: z.literal('image'), image: media },
  { type: z.literal('video'), video: media },
  { type: z.literal('audio'), audio: media.omit({ caption: true }) },
  { type: z.literal('document'), document: media.extend({ filename: text(240).optional() }) },
  {
    type: z.literal('interactive'),
    interactive: z.discriminatedUnion('type', [
      z.strictObject({
        type: z.literal('button'),
        body: z.strictObject({ text: text(1024) }),
        action: z.strictObject({ buttons: replyButtons }),
      }),
      z.strictObject({
        type: z.literal('list'),
        body: z.strictObject({ text: text(4096) }),
        action: z.strictObject({ button: text(20), sections }),
      }),
    ]),
  },
] as const;

export const OutgoingMessage = z.union(
  recipients.flatMap((recipient) => contents.map((content) => z.strictObject({ ...recipient, ...content }))),
);

export const ReadReceipt = z.strictObject({
  ...envelope,
  status: z.literal('read'),
  message_id: messageId,
  typing_indicator: z.strictObject({ type: z.literal('text') }).optional(),
});

const mebibyte = 1024 * 1024;

/** https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media#supported-media-types */
export const mediaRules: readonly { types: RegExp; maxBytes: number }[] = [
  { types: /^image\/(jpeg|png)$/, maxBytes: 5 * mebibyte },
  { types: /^video\/(mp4|3gpp)$/, maxBytes: 16 * mebibyte },
  { types: /^audio\/(aac|amr|mpeg|mp4|ogg)$/, maxBytes: 16 * mebibyte },
  {
    types:
      /^(text\/plain|application\/(pdf|msword|vnd\.(ms-(excel|powerpoint)|openxmlformats-officedocument\.(wordprocessingml\.document|spreadsheetml\.sheet|presentationml\.presentation))))$/,
    maxBytes: 100 * mebibyte,
  },
];
