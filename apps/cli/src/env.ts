import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { trimEndOf } from '@nightshift/contracts/text';
import { CliError } from './failure.ts';

/** The checkout's root: a relative data directory starts there, as it does for the server. */
const root = fileURLToPath(new URL('../../..', import.meta.url));

export interface CliEnv {
  /** Where the server is. */
  readonly url: string;
  /** A key that the environment holds, and the variable it is in. */
  readonly key: { value: string; source: string } | undefined;
  /** Absolute path of the server's data directory, where its admin key is. */
  readonly dataDirectory: string;
  readonly noColor: boolean;
}

/** https://no-color.org */
export const wantsNoColor = (source: NodeJS.ProcessEnv = process.env): boolean =>
  Boolean(source.NO_COLOR) || source.TERM === 'dumb';

/** An http or https URL without a trailing slash. @throws {CliError} usage */
export function parseUrl(value: string, name: string): string {
  if (!/^https?:$/.test(URL.parse(value)?.protocol ?? '')) {
    throw new CliError('usage', `${name} is "${value}", and it has to be an http or https URL.`);
  }
  return trimEndOf(value, '/');
}

/**
 * Reads the environment. Without zod, which takes longer to load than most commands take to run. An empty variable
 * counts as unset.
 * @throws {CliError} usage
 */
export function readEnv(source: NodeJS.ProcessEnv = process.env): CliEnv {
  const port = source.PORT || '3000';
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) {
    throw new CliError('usage', `PORT is "${port}", and it has to be a number from 1 to 65535.`);
  }
  const variable = ['NIGHTSHIFT_API_KEY', 'NIGHTSHIFT_ADMIN_KEY'].find((name) => source[name]?.trim());
  return {
    url: parseUrl(source.NIGHTSHIFT_URL || `http://127.0.0.1:${port}`, 'NIGHTSHIFT_URL'),
    key: variable ? { value: source[variable]!.trim(), source: variable } : undefined,
    dataDirectory: resolve(root, source.NIGHTSHIFT_DATA || 'data'),
    noColor: wantsNoColor(source),
  };
}
