import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withEnvFile } from '@nightshift/contracts/env-file';

/** The checkout's root: relative paths in the environment start there, whatever the working directory is. */
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

export interface StandaloneEnv {
  /** Absolute path of the data directory. */
  data: string;
  /** Address the api listens on. */
  host: string;
  /** Port the api listens on; 0: any that is free. */
  port: number;
  /** Where the first worker serves its health and metrics; undefined or 0: as the workers read it themselves. */
  workerPort: number | undefined;
  /** A PostgreSQL of the operator's own; without it the embedded one is started. */
  databaseUrl: string | undefined;
  /** The file that presets the admin key; null: the shell does, or nothing. */
  adminKeyFile?: string | null;
  /** Whether NIGHTSHIFT_DATA chose the data directory. */
  dataIsChosen: boolean;
  /** True under `npm start`. */
  startedByNpm: boolean;
  /** Where the person was who ran `npm start`; npm changes to the checkout. */
  callerDirectory: string;
  /** The whole environment, for the child processes. */
  inherited: NodeJS.ProcessEnv;
}

/** A variable has a value that means nothing. The message is one sentence for the operator. */
export class EnvError extends Error {
  readonly code = 'invalid_environment';
  readonly retryable = false;
}

/**
 * Reads the environment, and `.env` of the checkout. Without zod, unlike the api and the worker: loading it would take longer than starting the
 * database does.
 * @throws {EnvError, EnvFileError}
 */
export function readEnv(source: NodeJS.ProcessEnv = withEnvFile(ROOT, process.env)): StandaloneEnv {
  const port = source.PORT || '3000';
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new EnvError(
      `PORT is "${port}", and it has to be a number from 0 to 65535; 0 takes any that is free.`,
    );
  }
  return {
    data: resolve(ROOT, source.NIGHTSHIFT_DATA || 'data'),
    host: source.HOST || '127.0.0.1',
    port: Number(port),
    workerPort: /^\d{1,5}$/.test(source.WORKER_PORT ?? '') ? Number(source.WORKER_PORT) : undefined,
    databaseUrl: source.DATABASE_URL || undefined,
    adminKeyFile:
      source.NIGHTSHIFT_ADMIN_KEY && !process.env.NIGHTSHIFT_ADMIN_KEY
        ? resolve(ROOT, source.NIGHTSHIFT_ENV_FILE || '.env')
        : null,
    dataIsChosen: Boolean(source.NIGHTSHIFT_DATA),
    startedByNpm: source.npm_lifecycle_event !== undefined,
    callerDirectory: source.INIT_CWD || process.cwd(),
    inherited: source,
  };
}
