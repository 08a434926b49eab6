/** What Microsoft's documentation demands of an activity, and what we demand of ourselves. */
import { z } from 'zod';

/** https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-reference#adaptive-card */
const Card = z.strictObject({
  contentType: z.literal('application/vnd.microsoft.card.adaptive'),
  content: z.strictObject({
    $schema: z.url(),
    type: z.literal('AdaptiveCard'),
    version: z.string().regex(/^1\.[0-5]$/),
    msteams: z.strictObject({ width: z.literal('Full') }),
    body: z
      .array(
        z.strictObject({
          type: z.literal('RichTextBlock'),
          spacing: z.literal('Small'),
          inlines: z.array(z.strictObject({ type: z.literal('TextRun'), text: z.string().min(1) })).min(1),
        }),
      )
      .min(1),
    actions: z
      .array(
        z.strictObject({
          type: z.literal('Action.Submit'),
          title: z.string().min(1),
          data: z.looseObject({}),
        }),
      )
      .min(1)
      .max(6),
  }),
});

const shared = { id: z.string().optional(), type: z.literal('message'), replyToId: z.string().optional() };

/** A text beside a card would be split, and its id lost. An entity could notify somebody. */
export const Message = z.union([
  z.strictObject({ ...shared, text: z.string().min(1), textFormat: z.literal('xml') }),
  z.strictObject({ ...shared, attachments: z.array(Card).length(1) }),
]);

export const Typing = z.strictObject({ type: z.literal('typing') });

/** https://learn.microsoft.com/microsoftteams/platform/bots/how-to/format-your-bot-messages: "encoded as UTF-16". */
export const maxMessageBytes = 100 * 1024;
