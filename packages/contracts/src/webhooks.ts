/** Outgoing webhooks: where a team is told of events, signed in the Standard Webhooks way (docs/webhooks.md). */

import { z } from 'zod';
import { BudgetFigures } from './budgets.ts';
import { Id, Named, SecretInfo, shownOnce, Timestamp } from './primitives.ts';
import { Name, NamedListQuery } from './references.ts';
import { Failure, RunTrigger } from './runs.ts';
import { trimEndOf } from './text.ts';

export const WebhookEventType = z.enum([
  'message.created',
  'run.finished',
  'budget.warning',
  'provider.key_refused',
  'channel.attention',
  'channel.unreadable',
  'channel.loop',
]);
export type WebhookEventType = z.infer<typeof WebhookEventType>;

/** http or https, without userinfo or fragment. Whether its address may be reached is decided by the server. */
export const WebhookUrl = z
  .url({ protocol: /^https?$/, abort: true })
  .max(2000)
  .refine((value) => {
    const url = new URL(value);
    return !url.username && !url.password && !url.hash;
  }, 'must have no user and no fragment');

const events = z
  .array(WebhookEventType)
  .min(1)
  .max(20)
  .transform((types) => [...new Set(types)]);

const byteLength = (base64: string) => Math.floor((trimEndOf(base64, '=').length * 3) / 4);

/** `whsec_` and base64 of 24 to 64 random bytes, as https://www.standardwebhooks.com asks for. */
export const WebhookSecret = z.string().refine((value) => {
  const base64 = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(value)?.[1];
  if (base64 === undefined) return false;
  const bytes = byteLength(base64);
  return bytes >= 24 && bytes <= 64;
}, 'must be "whsec_" and base64 of 24 to 64 bytes');

export const WebhookCreate = z.strictObject({
  name: Name.optional().meta({ description: 'Unique in the team. Absent: it is addressed by its id.' }),
  url: WebhookUrl,
  events,
  secret: WebhookSecret.optional().meta({ description: 'Absent: one is made.' }),
});
export type WebhookCreate = z.infer<typeof WebhookCreate>;

/** All of a webhook, under the name in the path. A secret that is not given stays. */
export const WebhookReplace = WebhookCreate.extend({}).meta({
  examples: [{ url: 'https://ops.example.com/nightshift', events: ['run.finished'] }],
});

export const WebhookUpdate = z.strictObject({
  name: Name.optional(),
  url: WebhookUrl.optional().meta({ description: 'Together with `secret` or `rotateSecret`.' }),
  events: events.optional(),
  secret: WebhookSecret.optional(),
  rotateSecret: z
    .literal(true)
    .optional()
    .meta({ description: 'Makes a new secret, which signs from now on; the answer shows it, this once.' }),
});
export type WebhookUpdate = z.infer<typeof WebhookUpdate>;

export const Webhook = z.object({
  id: Id,
  name: z.string().nullable(),
  url: z.string(),
  events: z.array(WebhookEventType),
  secret: SecretInfo,
  /** The receiver asked us to wait: nothing is sent before. */
  pausedUntil: Timestamp.nullable(),
  createdAt: Timestamp,
  updatedAt: Timestamp,
});
export type Webhook = z.infer<typeof Webhook>;

export const WebhookListQuery = NamedListQuery;
export type WebhookListQuery = z.infer<typeof WebhookListQuery>;

/** The answer to what made a secret. */
export const WebhookSaved = Webhook.extend({
  /** Only when it was made or given just now. */
  signingSecret: shownOnce(z.string()),
});
export type WebhookSaved = z.infer<typeof WebhookSaved>;

/** What came back from a test. */
export const WebhookTest = z.object({
  ok: z.boolean(),
  status: z.number().int().nullable(),
  durationMs: z.number().int(),
  /** The beginning of the answer's body. */
  body: z.string().nullable(),
  /** Why it failed. */
  error: z.string().nullable(),
});
export type WebhookTest = z.infer<typeof WebhookTest>;

const EventMessage = z.object({
  id: Id,
  seq: z.number().int(),
  role: z.enum(['system', 'user', 'assistant']),
  text: z.string(),
  createdAt: Timestamp,
});

/** The body of a webhook request. `timestamp` is when it happened; `data` is as it stands when it is sent. */
export const WebhookEvent = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('message.created'),
    timestamp: Timestamp,
    data: z.object({ conversationId: Id, agentId: Id, agent: Named, runId: Id, message: EventMessage }),
  }),
  z.object({
    type: z.literal('run.finished'),
    timestamp: Timestamp,
    data: z.object({
      run: z.object({
        id: Id,
        agentId: Id,
        agent: Named,
        conversationId: Id,
        trigger: RunTrigger,
        status: z.enum(['succeeded', 'failed', 'cancelled']),
        attempt: z.number().int(),
        model: z.string().nullable(),
        error: Failure.nullable(),
        warnings: z.array(z.string()),
        createdAt: Timestamp,
        startedAt: Timestamp.nullable(),
        endedAt: Timestamp,
      }),
      /** What the agent said last; null when it said nothing. */
      reply: EventMessage.nullable(),
    }),
  }),
  z.object({
    type: z.literal('channel.attention'),
    timestamp: Timestamp,
    data: z.object({
      channel: z.object({
        id: Id,
        kind: z.string(),
        name: z.string(),
        problem: z.object({ code: z.string(), message: z.string() }),
      }),
    }),
  }),
  z.object({
    type: z.literal('channel.unreadable'),
    timestamp: Timestamp,
    data: z.object({
      channel: z.object({ id: Id, kind: z.string(), name: z.string() }),
      /** The message that was passed over. `from` and `subject` are what it claims; null where it was not looked at. */
      message: z.object({
        from: z.string().nullable(),
        subject: z.string().nullable(),
        code: z.string(),
        message: z.string(),
      }),
      /** How many messages the channel has passed over, this one included. */
      count: z.number().int(),
    }),
  }),
  z.object({
    type: z.literal('channel.loop'),
    timestamp: Timestamp,
    data: z.object({
      channel: z.object({ id: Id, kind: z.string(), name: z.string() }),
      conversationId: Id,
      /** Who writes there like a program, and is not answered for a while. */
      sender: z.object({ identityId: Id, name: z.string() }),
    }),
  }),
  z.object({
    type: z.literal('budget.warning'),
    timestamp: Timestamp,
    data: z.object({
      /** As they were when 80 % were reached. */
      budget: BudgetFigures,
      /** Whose account of the budget it is; null where it has one only. */
      subjectId: Id.nullable(),
      /** The run that reached them. */
      runId: Id,
      agentId: Id,
      agent: Named,
      conversationId: Id,
    }),
  }),
  z.object({
    type: z.literal('provider.key_refused'),
    timestamp: Timestamp,
    data: z.object({
      /** `provider/model` that was called. */
      target: z.string(),
      /** Null: the key of the environment. */
      credentialId: Id.nullable(),
      keyLabel: z.string().nullable(),
      /** auth: refused · billing: the account must pay · quota: the plan's limit is used up */
      kind: z.enum(['auth', 'billing', 'quota']),
      /** What the vendor said. */
      message: z.string(),
      /** The key is left alone until then, unless it is changed or its health is reset. */
      until: Timestamp,
      /** The run whose call was refused. */
      runId: Id,
      agentId: Id,
      agent: Named,
      conversationId: Id,
    }),
  }),
  z.object({ type: z.literal('ping'), timestamp: Timestamp, data: z.object({ webhookId: Id }) }),
]);
export type WebhookEvent = z.infer<typeof WebhookEvent>;
