/** Channels: connections to chat platforms, who is answered there, and by which agent (docs/channels/README.md). */
import { z } from 'zod';
import { DeliveryStatus } from './deliveries.ts';
import { Id, Named, recordOf, SearchText, SecretInfo, shownOnce, Timestamp } from './primitives.ts';
import { Name, NamedListQuery, referenceTo, severalOf } from './references.ts';

/** An id as a platform writes it. */
const platformId = z.string().trim().min(1).max(200);

/** Who is answered. Whoever was blocked never is. */
export const ChannelAccess = z.strictObject({
  strangers: z
    .enum(['pair', 'ignore', 'answer'])
    .default('pair')
    .meta({
      description:
        'What somebody hears whom nobody has approved. pair: in a direct message a code, which somebody has to enter here; ' +
        'ignore: nothing; answer: what everybody hears.',
    }),
  people: z
    .array(platformId)
    .max(1000)
    .default([])
    .meta({ description: 'Ids on the platform that count as approved.' }),
  groups: z
    .strictObject({
      answer: z
        .enum(['addressed', 'always', 'never'])
        .default('addressed')
        .meta({ description: 'addressed: only what mentions the agent, or answers it.' }),
      open: z.array(platformId).max(1000).default([]).meta({
        description: 'Groups in which everybody is answered, "*" for all; elsewhere approved people are.',
      }),
      followUps: z
        .boolean()
        .optional()
        .meta({
          description:
            'In a thread that the agent has answered in, a message needs no mention unless it mentions somebody else. ' +
            'Default: true.',
        }),
      context: z
        .boolean()
        .optional()
        .meta({
          description:
            'Keep what is said in groups without addressing the agent for up to 24 hours, and show it to the agent with ' +
            'the next message that does. Default: true.',
        }),
    })
    .prefault({}),
  programs: z.enum(['ignore', 'answer']).default('ignore').meta({ description: 'Messages of other bots.' }),
  limits: z
    .strictObject({
      programTurns: z
        .number()
        .int()
        .min(1)
        .max(100)
        .default(3)
        .meta({ description: 'Answers to bots in a row, until a person speaks.' }),
      messagesPerMinute: z
        .number()
        .int()
        .min(1)
        .max(10_000)
        .default(60)
        .meta({ description: 'In one thread; what is more is dropped.' }),
    })
    .prefault({}),
});
export type ChannelAccess = z.infer<typeof ChannelAccess>;

/** Which agent answers, where everything that is named in `when` is so. The first route that fits counts. */
export const ChannelRoute = z.strictObject({
  when: z
    .strictObject({
      workspace: platformId.optional(),
      group: platformId.optional(),
      person: platformId.optional(),
      keyword: platformId
        .regex(/^\S+$/, 'must be one word')
        .optional()
        .meta({ description: 'The first word of a message; it changes who answers from there on.' }),
      command: platformId
        .regex(/^[\w-]+$/, 'must be one word')
        .optional()
        .meta({ description: 'People may choose this agent with `/agent <command>`.' }),
    })
    .refine((when) => Object.values(when).some((value) => value !== undefined), 'must name something'),
  agentId: referenceTo('agent'),
});
export type ChannelRoute = z.infer<typeof ChannelRoute>;

const routes = z.array(ChannelRoute).max(200).meta({
  description: 'A thread keeps its agent until somebody changes it.',
});
const guestTools = z
  .array(z.string().max(100))
  .max(100)
  .meta({
    description:
      'Tools that guests may use besides those that are safe for everybody. A guest is a person who is answered and whom ' +
      'nobody has approved, or a group that such people may speak in. What these tools keep for a guest is kept apart.',
    examples: [['notes.read', 'notes.write']],
  });
const name = Name;
const fields = recordOf(z.string().max(100), z.unknown(), 100);

export const ChannelCreate = z.strictObject({
  kind: z.string().max(50).meta({ description: 'A slug of `GET /v1/catalog/channels`.' }),
  name: name.optional().meta({
    description: "Unique in the team. Default: the platform's name, with a number where it is taken.",
  }),
  agentId: referenceTo('agent'),
  credentials: fields.default({}).meta({ description: 'As the catalogue lists them; never shown again.' }),
  settings: fields.default({}),
  access: ChannelAccess.optional().meta({ description: "Default: the catalogue's." }),
  routes: routes.default([]),
  guestTools: guestTools.default([]),
  live: z
    .boolean()
    .optional()
    .meta({ description: 'Show answers while they are written, where the platform can edit messages.' }),
});
export type ChannelCreate = z.infer<typeof ChannelCreate>;

/** All of a channel, under the name in the path. Credentials that are not given stay as they are. */
export const ChannelReplace = ChannelCreate.extend({ name: name.optional() }).meta({
  examples: [
    { kind: 'webhook', agentId: 'assistant', settings: { url: 'https://program.example.com/nightshift' } },
  ],
});

/** `credentials` and `settings` are taken field by field; a field that is null is unset. */
export const ChannelUpdate = z.strictObject({
  name: name.optional(),
  agentId: referenceTo('agent').optional(),
  credentials: fields.optional(),
  settings: fields.optional(),
  access: ChannelAccess.optional(),
  routes: routes.optional(),
  guestTools: guestTools.optional(),
  live: z.boolean().optional(),
});
export type ChannelUpdate = z.infer<typeof ChannelUpdate>;

/** active · paused: what comes in is dropped, what is to go out waits · attention: the platform refuses us. */
export const ChannelStatus = z.enum(['active', 'paused', 'attention']);
export type ChannelStatus = z.infer<typeof ChannelStatus>;

/** Something that went wrong, for people. */
export const Observed = z.object({ at: Timestamp, code: z.string(), message: z.string() });
export type Observed = z.infer<typeof Observed>;

/** What was last observed of a channel; what nobody has observed is null. */
export const ChannelState = z.object({
  status: z
    .enum([
      'never_connected',
      'connecting',
      'connected',
      'disconnected',
      'unattended',
      'never_called',
      'receiving',
      'refused',
      'paused',
    ])
    .meta({
      description:
        'Where we connect: never_connected: no worker has tried yet; connecting; connected; disconnected: lost, or not to ' +
        'be had, and tried again at `nextTryAt`; unattended: no worker holds it at the moment. Where the platform pushes: ' +
        'never_called: nothing that is signed as it should be has come since the channel was made; receiving: something ' +
        'has. refused: the platform refuses the credentials; paused.',
    }),
  /** When it became so. */
  since: Timestamp.nullable(),
  lastConnectedAt: Timestamp.nullable(),
  /** Why there is no connection, or why the platform refuses us. */
  error: Observed.nullable(),
  nextTryAt: Timestamp.nullable(),
  /** The last request of the platform that was signed as it should be. */
  lastVerifiedAt: Timestamp.nullable(),
  /** The last request to the channel's address that was not. */
  lastRefused: z.object({ at: Timestamp, reason: z.string() }).nullable(),
  lastSentAt: Timestamp.nullable(),
  lastSendError: Observed.nullable(),
});
export type ChannelState = z.infer<typeof ChannelState>;

export const Channel = z.object({
  id: Id,
  kind: z.string(),
  name: z.string(),
  /** Null: it was deleted; nobody answers before there is another. */
  agentId: Id.nullable(),
  agent: Named.nullable(),
  credentials: z.record(z.string(), SecretInfo),
  settings: z.record(z.string(), z.unknown()),
  access: ChannelAccess,
  routes: z.array(ChannelRoute),
  /** Tools that guests may use besides those that are safe for everybody. */
  guestTools: z.array(z.string()),
  live: z.boolean(),
  status: ChannelStatus,
  /** What needs attention. */
  problem: z.object({ code: z.string(), message: z.string() }).nullable(),
  /** Who we are there, since the first test. */
  account: z.object({ id: z.string().nullable(), name: z.string() }).nullable(),
  /** What the platform is to be given, where it pushes. */
  webhookUrl: z.string().nullable(),
  /** What to paste into a web page, where the channel lives on one. */
  snippet: z.string().nullable(),
  /** A worker is connected to the platform, as far as it has observed; null where the platform pushes. */
  connected: z.boolean().nullable(),
  state: ChannelState,
  /** Events since it was made: taken in, without meaning for it, with a wrong signature; messages sent. */
  counts: z.object({
    received: z.number().int(),
    ignored: z.number().int(),
    refused: z.number().int(),
    sent: z.number().int(),
  }),
  /** Messages that were passed over, since reading them failed or would have taken too much. */
  unreadable: z.object({
    count: z.number().int(),
    last: z
      .object({
        at: Timestamp,
        /** As the message claims it; null where it was not looked at. */
        from: z.string().nullable(),
        subject: z.string().nullable(),
        /** too_slow, too_large, crashed, unreadable; fatal: the server failed at it several times */
        code: z.string(),
        message: z.string(),
      })
      .nullable(),
  }),
  lastInboundAt: Timestamp.nullable(),
  lastOutboundAt: Timestamp.nullable(),
  createdAt: Timestamp,
  updatedAt: Timestamp,
});
export type Channel = z.infer<typeof Channel>;

export const ChannelCreated = Channel.extend({
  /** What was made for it. */
  generated: shownOnce(z.record(z.string(), z.string())),
  /** What to do next, in order. */
  nextSteps: z.array(z.string()),
});
export type ChannelCreated = z.infer<typeof ChannelCreated>;

/** The answer to a change. */
export const ChannelUpdated = Channel.extend({
  generated: z
    .record(z.string(), z.string())
    .meta({ description: 'Secrets that were unset and made again: shown only now.' }),
});
export type ChannelUpdated = z.infer<typeof ChannelUpdated>;

export const ChannelListQuery = NamedListQuery.extend({
  kind: severalOf(SearchText.min(1).max(50)).optional(),
  status: severalOf(ChannelStatus).optional(),
  agentId: referenceTo('agent').optional(),
});
export type ChannelListQuery = z.infer<typeof ChannelListQuery>;

/** What a test found. */
export const ChannelTest = z.object({
  ok: z.boolean(),
  account: Channel.shape.account,
  /** What is wrong, and what to do about it. */
  problems: z.array(z.object({ message: z.string(), fix: z.string() })),
});
export type ChannelTest = z.infer<typeof ChannelTest>;

/** What went through a channel lately, newest first. */
export const ChannelTraffic = z.object({
  inbound: z.array(
    z.object({
      id: Id,
      type: z.string(),
      /** accepted, command, pairing, or why it led to nothing. */
      outcome: z.string(),
      sender: z.object({ identityId: Id, name: z.string() }).nullable(),
      conversationId: Id.nullable(),
      messageId: Id.nullable(),
      receivedAt: Timestamp,
    }),
  ),
  outbound: z.array(
    z.object({
      id: Id,
      event: z.string(),
      status: DeliveryStatus,
      conversationId: Id.nullable(),
      runId: Id.nullable(),
      attempts: z.number().int(),
      error: z.object({ code: z.string(), message: z.string() }).nullable(),
      createdAt: Timestamp,
      endedAt: Timestamp.nullable(),
    }),
  ),
});
export type ChannelTraffic = z.infer<typeof ChannelTraffic>;

export const ChannelTrafficQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  errors: z.stringbool().default(false).meta({ description: 'Only deliveries that failed.' }),
});
export type ChannelTrafficQuery = z.infer<typeof ChannelTrafficQuery>;
