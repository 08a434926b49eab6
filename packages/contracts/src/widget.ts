/** The web chat widget's own API: what a browser on somebody else's page may ask (docs/channels/web.md). */
import { z } from 'zod';
import { Id, Timestamp } from './primitives.ts';

/** What a message of a visitor may have at most, in UTF-16 units. */
export const maxVisitorTextLength = 8_000;

/** All files of one message together, in bytes. */
export const maxVisitorFileBytes = 4 * 1024 * 1024;

export const maxVisitorFiles = 5;

/** What may be attached: what agents can be shown. */
export const visitorFileTypes = [
  'image/png',
  'image/jpeg',
  'image/webp',
  'image/gif',
  'application/pdf',
  'text/plain',
  'text/csv',
  'text/markdown',
] as const;

/**
 * A piece of formatted text. Browsers make elements of it, one by one, and never parse markup: what a model says cannot
 * become a script, whatever it is.
 */
export type WidgetNode = string | WidgetElement;

export interface WidgetElement {
  tag: WidgetTag;
  children?: WidgetNode[];
  /** Of `a`: http, https, mailto or tel. */
  href?: string;
  /** Of `pre`: the language of the code. */
  lang?: string;
  /** Of `ol`: the first number, where it is not 1. */
  start?: number;
  /** Of `th` and `td`. */
  align?: 'left' | 'right' | 'center';
}

export const widgetTags = [
  'p',
  'h3',
  'h4',
  'h5',
  'strong',
  'em',
  's',
  'code',
  'pre',
  'blockquote',
  'ul',
  'ol',
  'li',
  'table',
  'tr',
  'th',
  'td',
  'a',
  'br',
  'hr',
] as const;
export type WidgetTag = (typeof widgetTags)[number];

/** Trees of any depth, which a JSON Schema of one page cannot say well. */
const WidgetNodes = z.array(z.unknown() as unknown as z.ZodType<WidgetNode>).meta({
  description: `Formatted text: strings, and elements {tag, children, href, lang, start, align}. Tags: ${widgetTags.join(', ')}.`,
});

/** How the widget looks, as its channel is set up. */
export const Widget = z.object({
  title: z.string(),
  greeting: z.string(),
  color: z.string(),
  theme: z.enum(['auto', 'light', 'dark']),
  position: z.enum(['right', 'left']),
  /** Visitors may attach files. */
  files: z.boolean(),
  maxTextLength: z.number().int(),
});
export type Widget = z.infer<typeof Widget>;

export const WidgetSessionCreate = z.strictObject({
  userToken: z
    .string()
    .max(4_000)
    .optional()
    .meta({ description: "A JWT (HS256, the channel's secret) by which the host page says who it is." }),
});
export type WidgetSessionCreate = z.infer<typeof WidgetSessionCreate>;

export const WidgetSession = z.object({
  /** `Authorization: Bearer …` of every other request. */
  token: z.string(),
  expiresAt: Timestamp,
  /** As the host page has said it. */
  name: z.string().nullable(),
});
export type WidgetSession = z.infer<typeof WidgetSession>;

export const WidgetMessageCreate = z
  .strictObject({
    id: z.uuid().meta({ description: 'Made by the sender: sent again under it, the message counts once.' }),
    text: z.string().trim().max(maxVisitorTextLength),
    files: z
      .array(
        z.strictObject({
          name: z.string().trim().min(1).max(200),
          mediaType: z.enum(visitorFileTypes),
          data: z.base64().max(Math.ceil(maxVisitorFileBytes / 3) * 4),
        }),
      )
      .max(maxVisitorFiles)
      .default([]),
  })
  .refine(({ text, files }) => text !== '' || files.length > 0, {
    path: ['text'],
    message: 'must say something, or bring a file',
  });
export type WidgetMessageCreate = z.infer<typeof WidgetMessageCreate>;

export const WidgetMessageAccepted = z.object({
  id: z.uuid(),
  /** It is part of the history, and comes over the stream. False: it was a command, and only its answer does. */
  kept: z.boolean(),
});
export type WidgetMessageAccepted = z.infer<typeof WidgetMessageAccepted>;

export const WidgetMessage = z.object({
  id: Id,
  /** notice: what the server itself says, such as the answer to a command. */
  role: z.enum(['visitor', 'agent', 'notice']),
  blocks: WidgetNodes,
  files: z.array(z.object({ name: z.string(), mediaType: z.string() })),
  /** Of a visitor's message: the id that its sender made. */
  clientId: z.string().nullable(),
  runId: Id.nullable(),
  createdAt: Timestamp,
});
export type WidgetMessage = z.infer<typeof WidgetMessage>;

export const WidgetHistory = z.object({
  /** Oldest first. */
  messages: z.array(WidgetMessage),
  /** There are older ones. */
  older: z.boolean(),
});
export type WidgetHistory = z.infer<typeof WidgetHistory>;

export const WidgetHistoryQuery = z.strictObject({
  before: Id.meta({ description: 'A message: those before it are wanted.' }),
});

/** What the stream says: `event` is the key, `data` the value. */
export interface WidgetEvents {
  /** First of all. `reset`: what was shown before is to be forgotten, for there may be a gap. */
  history: WidgetHistory & { reset: boolean };
  message: WidgetMessage;
  /** The answer under way, as far as it is written: it takes the place of the draft before. Empty: nothing is written yet. */
  draft: { runId: string; blocks: WidgetNode[] };
  /** Nobody is writing. */
  idle: Record<string, never>;
}
