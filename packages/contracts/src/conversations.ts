import { z } from 'zod';
import { PlaceKind } from './places.ts';
import { Id, Named, PageQuery, SearchText, Timestamp } from './primitives.ts';
import { ListQuery, referenceTo } from './references.ts';
import { Failure, RunStatus } from './runs.ts';

/** Where a conversation is held, for people. */
export const ConversationPlace = z.object({
  kind: PlaceKind.meta({
    description:
      'direct: between one person and the agent; group: a closed circle of people; channel: a room that people join; ' +
      'thread: below a message of a room; topic: a standing part of a group, such as a topic of a forum; mail: an e-mail conversation.',
  }),
  name: z.string().nullable().meta({ description: "What people call it; of a thread, the room's name." }),
});

export const Conversation = z.object({
  id: Id,
  agentId: Id,
  agent: Named,
  title: z.string().nullable(),
  channel: z
    .object({ id: Id, name: z.string(), kind: z.string() })
    .nullable()
    .meta({ description: 'The channel that it is held in; null: over the API.' }),
  place: ConversationPlace.nullable().meta({ description: 'As the last message of a person told it.' }),
  people: z
    .array(z.object({ id: Id, name: z.string() }))
    .meta({ description: 'Who spoke in it lately, the last one first; at most 20.' }),
  messageCount: z.number().int(),
  createdAt: Timestamp,
  updatedAt: Timestamp,
});
export type Conversation = z.infer<typeof Conversation>;

export const ConversationListQuery = PageQuery.extend({
  id: referenceTo('conversation').optional(),
  q: SearchText.trim().max(200).optional().meta({
    description: "A part of its title, of its place's name, or of the name of a person who spoke in it.",
  }),
  agentId: referenceTo('agent').optional(),
  channelId: referenceTo('channel').optional(),
  personId: referenceTo('person').optional().meta({ description: 'Who spoke in it.' }),
  placeKind: PlaceKind.optional(),
  waiting: z.stringbool().optional().meta({ description: 'Whether a run of it waits to begin.' }),
  from: ListQuery.shape.from.meta({ description: 'Last activity at this time or later (RFC 3339).' }),
  to: ListQuery.shape.to.meta({ description: 'Last activity before this time.' }),
  sort: z.enum(['activity', 'created']).default('activity').meta({
    description:
      'activity: what was last spoken in first. created: newest first; it misses and repeats nothing while people speak.',
  }),
});
export type ConversationListQuery = z.infer<typeof ConversationListQuery>;

export const Message = z.object({
  id: Id,
  seq: z.number().int(),
  role: z.enum(['system', 'user', 'assistant']),
  text: z.string(),
  sender: z
    .object({ personId: Id, name: z.string().nullable() })
    .nullable()
    .meta({ description: 'Who wrote it in a channel, as they were called then.' }),
  quoted: z
    .object({
      messageId: z.string().nullable(),
      author: z.object({ name: z.string().nullable(), isSelf: z.boolean() }).nullable(),
      text: z.string(),
    })
    .nullable()
    .meta({ description: 'The message that it answers or quotes; `messageId` is the id on the platform.' }),
  forwarded: z
    .object({ from: z.string().nullable() })
    .nullable()
    .meta({ description: 'Its sender passed on what somebody else wrote: `from`, where that is known.' }),
  addressees: z
    .object({ to: z.array(z.string()), cc: z.array(z.string()) })
    .nullable()
    .meta({ description: 'Of a mail.' }),
  attachments: z.array(z.object({ fileId: Id, name: z.string(), mediaType: z.string() })),
  unsupported: z
    .array(z.string())
    .meta({ description: 'What came with it that could not be read: poll, sticker …' }),
  saidBefore: z
    .array(z.object({ name: z.string().nullable(), text: z.string() }))
    .meta({ description: 'What was said in the room before it without addressing the agent.' }),
  amends: z
    .object({ messageId: Id, how: z.enum(['edited', 'deleted', 'files']) })
    .nullable()
    .meta({
      description: 'It changes, takes back or adds files to an earlier message that the agent had read.',
    }),
  amended: z
    .object({ at: z.string(), text: z.string().nullable() })
    .nullable()
    .meta({ description: 'Its sender changed it after it was answered, to `text`; null: took it back.' }),
  runId: Id.nullable(),
  createdAt: Timestamp,
});
export type Message = z.infer<typeof Message>;

/** The longest text of one message, in UTF-16 units. */
export const maxMessageLength = 200_000;

export const TalkBody = z.strictObject({
  text: z.string().min(1).max(maxMessageLength),
  conversationId: referenceTo('conversation').optional(),
});
export type TalkBody = z.infer<typeof TalkBody>;

export const TalkQuery = z.strictObject({
  wait: z.coerce
    .number()
    .int()
    .min(0)
    .max(300)
    .optional()
    .meta({ description: 'Hold the call up to this many seconds for the reply.' }),
});

/** What a run waits for, and where to look for it. */
export const RunProgress = z.object({
  status: RunStatus,
  /** Null: it has ended, or works between two steps. */
  waitsFor: z
    .object({
      /** turn, collecting, worker, step, or the code of what it waits for, such as `budget_exceeded`. */
      code: z.string(),
      /** For people. */
      message: z.string(),
      /** Runs of the conversation before it. */
      ahead: z.number().int().optional(),
      /** When it goes on by itself at the latest. */
      until: Timestamp.optional(),
      step: z
        .object({ index: z.number().int(), kind: z.string(), name: z.string(), startedAt: Timestamp })
        .optional(),
    })
    .nullable(),
  /** Paths of this API. */
  look: z.object({ run: z.string(), events: z.string() }),
});
export type RunProgress = z.infer<typeof RunProgress>;

/** 202: accepted, the row is committed. After a `wait` that ended first, how the run stands. */
export const TalkAccepted = z.object({
  conversationId: Id,
  messageId: Id,
  runId: Id,
  ...RunProgress.partial().shape,
});
export type TalkAccepted = z.infer<typeof TalkAccepted>;

/** 200: the run ended while the call waited. `reply` is null when it did not succeed; `error` says why. */
export const TalkReply = TalkAccepted.omit({ waitsFor: true, look: true }).extend({
  status: RunStatus,
  reply: z.object({ text: z.string() }).nullable(),
  /** `provider/model` that answered last; null when none was asked. */
  model: z.string().nullable(),
  error: Failure.nullable(),
});
export type TalkReply = z.infer<typeof TalkReply>;
