/** A stored secret goes only where it was meant to go. */
import { isDeepStrictEqual } from 'node:util';
import { DomainError } from '../errors/index.ts';

/** Paths are dotted, as in the body of the request. */
export interface DestinationChange {
  /**
   * What names where secrets are sent, or how they are protected on the way, by its path: with defaults filled in and
   * spelled in one way, so that only a change of meaning is one.
   */
  before: Readonly<Record<string, unknown>>;
  after: Readonly<Record<string, unknown>>;
  /** The secrets that are stored. */
  stored: readonly string[];
  /** Those that the request brings anew or removes, so that the stored one goes nowhere. */
  given: readonly string[];
}

/**
 * Lets a destination change only together with every secret that would be sent to it. Whoever may change an address is
 * not shown the secret, and must not have it sent to a server of theirs. The one rule for provider credentials,
 * channels and webhooks; call it with the row locked, or two requests could each pass beside the other.
 *
 * @throws {DomainError} invalid_request, naming the fields that change and the secrets to send along
 */
export function assertSecretsGiven({ before, after, stored, given }: DestinationChange): void {
  const changed = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (path) => !isDeepStrictEqual(before[path], after[path]),
  );
  const missing = stored.filter((path) => !given.includes(path));
  if (changed.length === 0 || missing.length === 0) return;
  const secrets = missing.join(', ');
  throw new DomainError(
    'invalid_request',
    `This changes where stored secrets are sent (${changed.join(', ')}). Send the secrets along: ${secrets}.`,
    {
      fields: [
        ...changed.map((path) => ({ path, message: `can only be changed together with ${secrets}` })),
        ...missing.map((path) => ({ path, message: `is required to change ${changed.join(', ')}` })),
      ],
    },
  );
}

/** A URL as it is compared: `https://Host:443` is `https://host/`. Anything else stays as it is. */
export const spellUrl = (text: string): string => (URL.canParse(text) ? new URL(text).href : text);
