/** Credentials and settings of channels as requests bring them: an adapter's schema says what they are. */
import { type CatalogChannel, type ChannelAdapter, ownIds } from '@nightshift/channels';
import type { FieldRules } from '@nightshift/core/channels';
import { invalidFields } from '@nightshift/core/errors';
import { spellUrl } from '@nightshift/core/secrets';
import type { z } from 'zod';
import { boundedValidation } from './plugins/bounded-validation.ts';
import { fieldErrors } from './plugins/issues.ts';
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
    if (issue.code !== 'unrecognized_keys') return fieldErrors([issue], [part]);
    return issue.keys.map((name) => ({
      path: join(part, ...issue.path.map(String), name),
      message: 'is not a field of this kind of channel',
    }));
  });
  throw invalidFields(fields);
}

/** What the schema has made of its own: it was not given. */
export function generatedBy(given: Fields, read: Fields): Record<string, string> {
  return Object.fromEntries(
    Object.entries(read).flatMap(([name, value]) =>
      given[name] === undefined && typeof value === 'string' ? [[name, value]] : [],
    ),
  );
}

/** As the adapter reads it, with defaults; as it is where it is no longer what the adapter takes. */
const effective = (schema: z.ZodType, stored: Fields): Fields =>
  (schema.safeParse(stored).data as Fields | undefined) ?? stored;

/** Whether a secret of this kind is machine-made, so that its last four characters may be shown. */
export const isMachineMade = (entry: CatalogChannel | undefined, secret: string): boolean =>
  entry?.fields.find(({ name }) => name === secret)?.machineMade ?? false;

/**
 * What an adapter and its entry of the catalogue say of its fields. What the catalogue does not call harmless counts as
 * a destination, and what it does not call public as a secret: a new field is protected until somebody has thought
 * about it.
 */
export function fieldRules(adapter: ChannelAdapter, entry: CatalogChannel | undefined): FieldRules {
  const fieldOf = (part: 'credentials' | 'settings', name: string) =>
    entry?.fields.find((field) => field.in === part && field.name === name);
  const isSecret = (credential: string) => fieldOf('credentials', credential)?.secret ?? true;
  return {
    readCredentials: (given) => readFields(adapter.credentials, 'credentials', given),
    readSettings: (given) => readFields(adapter.settings, 'settings', given),
    isSecret,
    isMachineMade: (secret) => isMachineMade(entry, secret),
    destinationOf: ({ credentials, settings }) =>
      Object.fromEntries([
        ...Object.entries(credentials)
          .filter(([name]) => !isSecret(name))
          .map(([name, value]) => [`credentials.${name}`, value]),
        ...Object.entries(effective(adapter.settings, settings))
          .filter(([name]) => !fieldOf('settings', name)?.harmless)
          .map(([name, value]) => [`settings.${name}`, typeof value === 'string' ? spellUrl(value) : value]),
      ]),
    connects: (settings) => wantsConnector(adapter, settings),
    ownIds: (connection) => [...ownIds(adapter, connection)],
  };
}

export function wantsConnector(
  { connector }: { connector?: { isWanted?(settings: unknown): boolean } },
  settings: object,
): boolean {
  return connector !== undefined && (connector.isWanted?.(settings) ?? true);
}
