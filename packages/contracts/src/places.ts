/** Places of a channel: rooms, groups and people that it can speak to. */
import { z } from 'zod';
import { PageQuery, SearchText, Timestamp } from './primitives.ts';

export const PlaceKind = z.enum(['direct', 'group', 'channel', 'thread', 'topic', 'mail']);
export type PlaceKind = z.infer<typeof PlaceKind>;

export const ChannelPlace = z.object({
  kind: PlaceKind,
  /** What people call it; null: nobody has told. */
  name: z.string().nullable(),
  /** What names it on the platform; `deliverTo.place` takes it, too. */
  address: z.string(),
});
export type ChannelPlace = z.infer<typeof ChannelPlace>;

/** One that a channel knows, since people spoke there. */
export const KnownPlace = ChannelPlace.extend({
  /** Of a direct one: who it is with, by every name that the channel knows. */
  people: z.array(z.object({ id: z.string().nullable(), name: z.string(), handle: z.string().nullable() })),
  /** Null: nothing was said there yet. */
  lastActivityAt: Timestamp.nullable(),
});
export type KnownPlace = z.infer<typeof KnownPlace>;

export const PlaceListQuery = PageQuery.extend({
  q: SearchText.trim().max(200).optional().meta({ description: 'A part of a name, a person or an address.' }),
  kind: PlaceKind.optional(),
});
export type PlaceListQuery = z.infer<typeof PlaceListQuery>;
