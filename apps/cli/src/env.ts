import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EnvFileError, withEnvFile } from '@nightshift/contracts/env-file';
import { findRunningServer } from '@nightshift/contracts/running-server';
import { trimEndOf } from '@nightshift/contracts/text';
import { CliError } from './failure.ts';

/** The checkout's root: a relative data directory starts there, as it does for the server. */
const root = fileURLToPath(new URL('../../..', import.meta.url));

export interface CliEnv {
  /** Where the server is. */
  readonly url: string;
  /** Where the server of the data directory says that it is, if it is running. */
  readonly running: string | undefined;
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
 * Reads the environment, and `.env` of the checkout, never of the working directory: a stranger's could lead a key
 * astray. Without zod, which takes longer to load than most commands take to run. An empty variable counts as unset.
 *
 * The server is where NIGHTSHIFT_URL says; else at the PORT that this command was given; else where the server of the
 * data directory listens; else at the port of `.env`, which that server may have been started without.
 *
 * @throws {CliError} usage
 */
export function readEnv(given: NodeJS.ProcessEnv = process.env): CliEnv {
  const source = withFile(given);
  const variable = ['NIGHTSHIFT_API_KEY', 'NIGHTSHIFT_ADMIN_KEY'].find((name) => source[name]?.trim());
  const dataDirectory = resolve(root, source.NIGHTSHIFT_DATA || 'data');
  const running = findRunningServer(dataDirectory);
  const isPortGiven = given.PORT && given.PORT !== '0';
  const local = isPortGiven ? atPort(given.PORT!) : (running ?? atPort(source.PORT || '3000'));
  return {
    url: source.NIGHTSHIFT_URL ? parseUrl(source.NIGHTSHIFT_URL, 'NIGHTSHIFT_URL') : local,
    running,
    key: variable ? { value: source[variable]!.trim(), source: variable } : undefined,
    dataDirectory,
    noColor: wantsNoColor(source),
  };
}

/** @throws {CliError} usage */
function atPort(port: string): string {
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
    throw new CliError('usage', `PORT is "${port}", and it has to be a number from 0 to 65535.`);
  if (Number(port) === 0)
    throw new CliError(
      'usage',
      'PORT is 0, which means any port that is free, and no server is running on the data directory to ask.',
      'Start it with "npm start", or set NIGHTSHIFT_DATA as it was started.',
    );
  return `http://127.0.0.1:${port}`;
}

/** @throws {CliError} usage */
function withFile(source: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  try {
    return withEnvFile(root, source);
  } catch (error) {
    if (error instanceof EnvFileError) throw new CliError('usage', error.message);
    throw error;
  }
}
