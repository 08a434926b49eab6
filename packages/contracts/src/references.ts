/** How records are addressed, and the filters that lists share. docs/api.md says it for people. */
import { z } from 'zod';
import { Instant, PageQuery, SearchText, Timestamp } from './primitives.ts';

/** What is addressed by its name as well as by its id. */
export const namedKinds = [
  'agent',
  'channel',
  'schedule',
  'webhook',
  'budget',
  'credential',
  'person',
] as const;
export type NamedKind = (typeof namedKinds)[number];

/** What has an id alone. */
export const numberedKinds = ['conversation', 'run', 'delivery', 'apiKey'] as const;
export type ReferenceKind = NamedKind | (typeof numberedKinds)[number];

/** What each kind is called in messages. */
export const kindNames: Readonly<Record<ReferenceKind, string>> = {
  agent: 'agent',
  channel: 'channel',
  schedule: 'schedule',
  webhook: 'webhook',
  budget: 'budget',
  credential: 'provider credential',
  person: 'person',
  conversation: 'conversation',
  run: 'run',
  delivery: 'delivery',
  apiKey: 'API key',
};

const isNamed = (kind: ReferenceKind): kind is NamedKind => namedKinds.some((named) => named === kind);

/**
 * A record of the kind: its id, its name where it has one, or the beginning (from 6 characters on) or the end (from 8
 * on) of its id where no other has the same. The api puts the id in its place before the route sees it.
 */
export const referenceTo = (kind: ReferenceKind) =>
  z
    .string()
    .min(1)
    .max(200)
    .regex(/^[^\0]+$/)
    .meta({
      description: `The ${kindNames[kind]}'s id${isNamed(kind) ? ', its name,' : ''} or a unique part of its id.`,
      'x-reference': kind,
    });

/** The kind of what the schema refers to; undefined: it is no reference. */
export const referenceKindOf = (schema: z.core.$ZodType): ReferenceKind | undefined =>
  (z.globalRegistry.get(schema) as { 'x-reference'?: ReferenceKind } | undefined)?.['x-reference'];

/** A name that addresses, as it is stored: what looks alike because it is the same letters is one name (Unicode's NFC). */
export const Name = SearchText.trim().normalize('NFC').min(1).max(100);

/** Several values of one filter: repeated, or joined by commas. */
export const severalOf = <T extends z.ZodType<string, string>>(item: T) =>
  z
    .union([z.string().max(500), z.array(z.string().max(100)).max(20)])
    .transform((given) => (typeof given === 'string' ? given.split(',') : given).map((each) => each.trim()))
    .pipe(z.array(item).min(1).max(20));

const moment = Instant.transform((text) => new Date(text).toISOString()).pipe(Timestamp);

/** What every list of records that were made one after the other takes. */
export const ListQuery = PageQuery.extend({
  from: moment.optional().meta({ description: 'Created at this time or later (RFC 3339).' }),
  to: moment.optional().meta({ description: 'Created before this time.' }),
  order: z.enum(['desc', 'asc']).default('desc').meta({ description: 'desc: newest first.' }),
});
export type ListQuery = z.infer<typeof ListQuery>;

/** Of records with a name. */
export const NamedListQuery = ListQuery.extend({
  name: SearchText.normalize('NFC').max(200).optional().meta({ description: 'Exactly this name.' }),
});
export type NamedListQuery = z.infer<typeof NamedListQuery>;
