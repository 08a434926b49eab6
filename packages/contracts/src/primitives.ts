import { z } from 'zod';

/** A UUIDv7 in lower case. Every record's id. */
export const Id = z.uuid().meta({ description: 'UUIDv7' });

/** RFC 3339 in UTC, with milliseconds. */
export const Timestamp = z.iso.datetime().meta({ description: 'RFC 3339, UTC' });

/** A point in time as people give it, with any offset, in the years that PostgreSQL and RFC 3339 have in common. */
export const Instant = z.iso.datetime({ offset: true }).refine((text) => {
  const year = new Date(text).getUTCFullYear();
  // What is no time at all has been told already.
  return Number.isNaN(year) || (year >= 1 && year <= 9999);
}, 'must be in the years 1 to 9999');

/** Text to be looked for: without the NUL character, which PostgreSQL takes in no text. In bodies it is refused before. */
export const SearchText = z.string().regex(/^[^\0]*$/);

/** A decimal string in USD, so that no float rounding reaches a bill. */
export const Usd = z
  .string()
  .regex(/^\d+(\.\d+)?$/)
  .meta({ description: 'Decimal string, USD' });

/** `?limit=&cursor=` of every list. A cursor is opaque: take it from the page before. */
export const PageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(200).optional(),
});
export type PageQuery = z.infer<typeof PageQuery>;

/** One page of a list; `nextCursor` is null on the last one. */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ data: z.array(item), nextCursor: z.string().nullable() });
export type Page<T> = { data: T[]; nextCursor: string | null };

/**
 * A record of at most `max` members. `maxProperties` is JSON Schema's name of it; the api also counts by it, before it
 * looks at any member.
 */
export const recordOf = <K extends z.ZodType<string, string>, V extends z.ZodType>(
  key: K,
  value: V,
  max: number,
) =>
  z
    .record(key, value)
    .refine((record) => Object.keys(record).length <= max, `must have at most ${max} members`)
    .meta({ maxProperties: max });

/** A record as people tell it from others: it stands beside each `…Id`. */
export const Named = z.object({ id: z.string(), name: z.string() });
export type Named = z.infer<typeof Named>;

/** RFC 9457. `code` is stable and meant for programs, `detail` for people. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  code: z.string(),
  detail: z.string(),
  requestId: z.string(),
  errors: z
    .array(z.object({ path: z.string(), message: z.string() }))
    .max(20)
    .optional()
    .meta({ description: 'The first 20; `detail` says how many more there are. Long names are cut.' }),
  existing: Named.optional().meta({ description: 'Of a name that is taken: what has it.' }),
  candidates: z
    .array(Named)
    .max(20)
    .optional()
    .meta({ description: 'Of a name or short id that does not name exactly one record: what it may mean.' }),
});
export type Problem = z.infer<typeof Problem>;

/** What a read shows of a write-only secret. */
export const SecretInfo = z.object({ set: z.boolean(), last4: z.string().nullable() });
export type SecretInfo = z.infer<typeof SecretInfo>;

/**
 * A field of an answer that is shown once. It is in no other answer: what is kept to be given again to the same
 * Idempotency-Key is kept without it.
 */
export const shownOnce = <T extends z.ZodType>(field: T) =>
  field.optional().meta({
    description: 'Shown once: absent when the answer is given again to its Idempotency-Key.',
    'x-shown-once': true,
  });

/** The names of an answer's fields that are shown once. */
export function shownOnceFields(answer: unknown): string[] {
  if (!(answer instanceof z.ZodObject)) return [];
  return Object.entries<z.ZodType>(answer.shape).flatMap(([name, field]) =>
    z.globalRegistry.get(field)?.['x-shown-once'] ? [name] : [],
  );
}

/** Roles, strongest first: owner ⊇ admin ⊇ member ⊇ viewer. */
export const Role = z.enum(['owner', 'admin', 'member', 'viewer']);
export type Role = z.infer<typeof Role>;

/** Whether `held` may do what `needed` may. */
export function roleIncludes(held: Role, needed: Role): boolean {
  return Role.options.indexOf(held) <= Role.options.indexOf(needed);
}
