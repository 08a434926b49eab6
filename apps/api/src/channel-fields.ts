/** Credentials and settings of channels as requests bring them: an adapter's schema says what they are. */
import { invalidFields } from '@nightshift/core/errors';
import type { z } from 'zod';
import { boundedValidation } from './plugins/bounded-validation.ts';
import { maxErrors } from './plugins/problems.ts';

const join = (...names: string[]) => names.filter(Boolean).join('.');

type Fields = Record<string, unknown>;

/** @throws {DomainError} invalid_request, naming each field as `credentials.token` */
export function readFields(schema: z.ZodType, part: 'credentials' | 'settings', given: Fields): Fields {
  const early = boundedValidation(schema)(given, maxErrors);
  if (early.length > 0)
    throw invalidFields(early.map(({ path, message }) => ({ path: join(part, path), message })));
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data as Fields;
  const fields = parsed.error.issues.flatMap((issue) => {
    const names = issue.code === 'unrecognized_keys' ? issue.keys : [''];
    return names.map((name) => ({
      path: join(part, ...issue.path.map(String), name),
      message: name ? 'is not a field of this kind of channel' : issue.message,
    }));
  });
  throw invalidFields(fields);
}

/** The change on top of what is stored; a field that is null is unset. */
export function mergeFields(stored: unknown, change: Fields): Fields {
  const merged = { ...(stored as Fields | null), ...change };
  return Object.fromEntries(
    Object.entries(merged).filter(([, value]) => value !== null && value !== undefined),
  );
}

/** What the schema has made of its own: it was not given. */
export function generatedBy(given: Fields, read: Fields): Record<string, string> {
  return Object.fromEntries(
    Object.entries(read).flatMap(([name, value]) =>
      given[name] === undefined && typeof value === 'string' ? [[name, value]] : [],
    ),
  );
}
