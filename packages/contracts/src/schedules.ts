import { z } from 'zod';
import { DeliveryStatus } from './deliveries.ts';
import { ChannelPlace } from './places.ts';
import { Id, Instant, Named, Timestamp } from './primitives.ts';
import { ListQuery, Name, NamedListQuery, referenceTo, severalOf } from './references.ts';
import { RunStatus } from './runs.ts';

export const ScheduleStatus = z.enum(['active', 'paused', 'finished']);

/** What becomes of slots that passed while no worker ran: nothing, one run that stands for all, or a run each. */
export const Misfire = z.enum(['skip', 'once', 'all']);

/** What becomes of a slot whose schedule's last run is still going: nothing, or it waits its turn. */
export const Overlap = z.enum(['skip', 'queue']);

/** Where the answers go: a conversation with the agent, or a place of a channel (`GET /v1/channels/:id/places`). */
export const DeliverTo = z.union([
  z.strictObject({ conversationId: referenceTo('conversation') }),
  z.strictObject({
    channel: referenceTo('channel'),
    place: z
      .string()
      .trim()
      .min(1)
      .max(300)
      .meta({
        description:
          "What people call it (`#sales`, a group's title), a person by name, handle, address or number as the channel " +
          "knows them, or the platform's own id.",
        examples: ['#sales', 'ann@example.org'],
      }),
  }),
]);
export type DeliverTo = z.infer<typeof DeliverTo>;

/** The conversation that the answers are given in; of a place also where that is. */
export const DeliveryTarget = z.object({
  conversationId: Id,
  channel: Named.optional(),
  place: ChannelPlace.optional(),
});
export type DeliveryTarget = z.infer<typeof DeliveryTarget>;

const fields = {
  name: Name,
  prompt: z.string().trim().min(1).max(20_000).meta({ description: 'What the agent is told at each slot.' }),
  cron: z
    .string()
    .trim()
    .min(1)
    .max(200)
    .meta({
      description:
        'Minute, hour, day of month, month, day of week; or @hourly, @daily, @weekly, @monthly, @yearly.',
      examples: ['0 8 * * MON-FRI'],
    }),
  everySeconds: z.number().int().min(1).max(31_536_000),
  at: Instant.meta({ description: 'RFC 3339, once', examples: ['2027-01-31T08:00:00+01:00'] }),
  timezone: z
    .string()
    .min(1)
    .max(100)
    .meta({ description: 'IANA name: in whose clock cron is read.', examples: ['Europe/Berlin'] }),
  misfire: Misfire,
  overlap: Overlap,
  jitterSeconds: z
    .number()
    .int()
    .min(0)
    .max(3600)
    .meta({ description: 'Up to this much after the slot, the same for one slot always.' }),
  deliverTo: DeliverTo.nullable().meta({ description: "Null: a conversation of the schedule's own." }),
};

/** Exactly one of cron, everySeconds and at. */
export const ScheduleCreate = z.strictObject({
  agentId: referenceTo('agent'),
  name: fields.name,
  prompt: fields.prompt,
  cron: fields.cron.optional(),
  everySeconds: fields.everySeconds.optional(),
  at: fields.at.optional(),
  timezone: fields.timezone.default('UTC'),
  misfire: fields.misfire.default('once'),
  overlap: fields.overlap.default('skip'),
  jitterSeconds: fields.jitterSeconds.default(0),
  deliverTo: fields.deliverTo.default(null),
});
export type ScheduleCreate = z.infer<typeof ScheduleCreate>;

/** All of a schedule, under the name in the path. */
export const ScheduleReplace = ScheduleCreate.extend({ name: fields.name.optional() }).meta({
  examples: [
    {
      agentId: 'assistant',
      prompt: 'Sum up what is new.',
      cron: '0 8 * * MON-FRI',
      timezone: 'Europe/Berlin',
    },
  ],
});

/** A cron, everySeconds or at that is named takes the place of the one before. */
export const ScheduleUpdate = z.strictObject({
  ...z.strictObject(fields).partial().shape,
  status: z.enum(['active', 'paused']).optional(),
});
export type ScheduleUpdate = z.infer<typeof ScheduleUpdate>;

export const Schedule = z.object({
  id: Id,
  agentId: Id,
  agent: Named,
  name: z.string(),
  prompt: z.string(),
  cron: z.string().nullable(),
  everySeconds: z.number().int().nullable(),
  at: Timestamp.nullable(),
  timezone: z.string(),
  misfire: Misfire,
  overlap: Overlap,
  jitterSeconds: z.number().int(),
  deliverTo: DeliveryTarget.nullable(),
  /** The conversation of its runs; null before the first one. */
  conversationId: Id.nullable(),
  status: ScheduleStatus,
  /** Why it is paused. */
  pausedReason: z.string().nullable(),
  /** An agent made it with its own tool. */
  madeByAgent: z.boolean(),
  /** The agent made it for a guest: a person whom nobody has approved, or a group that such people speak in. */
  guestId: Id.nullable(),
  /** Up to five slots to come, without jitter: the instant, and the same in the schedule's timezone. */
  nextFires: z.array(z.object({ at: Timestamp, local: z.iso.datetime({ offset: true }) })),
  createdAt: Timestamp,
  updatedAt: Timestamp,
});
export type Schedule = z.infer<typeof Schedule>;

export const ScheduleListQuery = NamedListQuery.extend({
  agentId: referenceTo('agent').optional(),
  channelId: referenceTo('channel').optional().meta({ description: 'Whose answers go there.' }),
  status: severalOf(ScheduleStatus).optional(),
});
export type ScheduleListQuery = z.infer<typeof ScheduleListQuery>;

/** due: its run is being opened · fired: it has one · skipped: it has none; `reason` says why. */
export const FireStatus = z.enum(['due', 'fired', 'skipped']);

/** One slot of a schedule, or one call of "run now". */
export const ScheduleFire = z.object({
  id: Id,
  /** The slot. */
  fireAt: Timestamp,
  status: FireStatus,
  reason: z.string().nullable(),
  /** How many slots it stands for. */
  slots: z.number().int(),
  manual: z.boolean(),
  runId: Id.nullable(),
  runStatus: RunStatus.nullable(),
  /** How its answer fares on its way to a channel. Null: it has none, or goes to no channel. */
  delivery: z
    .object({
      id: Id,
      status: DeliveryStatus,
      error: z.object({ code: z.string(), message: z.string() }).nullable(),
    })
    .nullable(),
  /** From the slot to when a worker took it up, jitter included. */
  driftMs: z.number().int(),
  createdAt: Timestamp,
});
export type ScheduleFire = z.infer<typeof ScheduleFire>;

export const ScheduleFireListQuery = ListQuery.extend({ status: severalOf(FireStatus).optional() });
export type ScheduleFireListQuery = z.infer<typeof ScheduleFireListQuery>;
