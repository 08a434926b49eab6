/** What the main of every long-running process does the same way: begin, tell its supervisor, and end. */
import { format } from 'node:util';
import { createRedactor, type Redactor } from '@nightshift/contracts';
import { MigrationError } from '../database/index.ts';
import { type Env, EnvError, loadEnv, secretsOf } from '../env/index.ts';
import { createLog, type Log } from '../log/index.ts';
import { KeyringError } from '../secrets/index.ts';

/** EX_CONFIG of sysexits.h: starting again would change nothing; the supervisor gives up. */
const exitConfig = 78;

/** What the parent that supervises this process is told over its IPC channel, where there is one. */
export type ReadyMessage =
  | { type: 'ready'; process: 'api'; url: string; adminKeyPath: string | null; newAdminKey: string | null }
  | { type: 'ready'; process: 'worker' };

/** All that had to be ended or kept is; what follows is Node's own, such as writing its compile cache. */
interface StoppedMessage {
  type: 'stopped';
}

export function tellReady(message: ReadyMessage): void {
  process.send?.(message);
}

function tellStopped(): void {
  if (process.connected) process.send?.({ type: 'stopped' } satisfies StoppedMessage);
}

/** A start that can only be mended by the operator. Its message says how. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

const isOperators = (error: unknown): error is Error =>
  error instanceof EnvError ||
  error instanceof StartError ||
  error instanceof KeyringError ||
  (error instanceof MigrationError && !error.retryable);

export interface ProcessOptions {
  name: ReadyMessage['process'];
  /** Names of the environment variables that may hold a model key. */
  providerVariables: readonly string[];
  /** How long stopping may take, in milliseconds, before the process ends all the same. */
  stopMs: (env: Env) => number;
}

/**
 * Starts the process, and stops it once: on SIGTERM, SIGINT, or when its supervisor is gone.
 *
 * @param start returns what stops it again; it hands the redactor to whatever opens secrets
 */
export async function runProcess(
  options: ProcessOptions,
  start: (env: Env, log: Log, redactor: Redactor) => Promise<() => Promise<void>>,
): Promise<void> {
  const redactor = createRedactor();
  let log = createLog(options.name, 'info', redactor);
  let stop: (() => Promise<void>) | undefined;
  let stopMs = 5_000;
  let stopping = false;

  const end = async (reason: string) => {
    if (stopping) return;
    stopping = true;
    log.info({ reason }, 'stopping');
    // Nothing else ends a process whose stop hangs.
    setTimeout(() => {
      log.error({ stopMs }, 'did not stop in time');
      process.exit(1);
    }, stopMs).unref();
    try {
      await stop?.();
      log.info('stopped');
      tellStopped();
      process.exit(0);
    } catch (error) {
      log.error({ err: error }, 'stopping failed');
      process.exit(1);
    }
  };
  process.on('SIGTERM', () => void end('SIGTERM'));
  process.on('SIGINT', () => void end('SIGINT'));
  process.on('disconnect', () => void end('the supervisor is gone'));
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'uncaught exception');
    process.exit(1);
  });

  // What libraries print, of a deprecated model for instance, is a line of the log like any other.
  for (const level of ['warn', 'error'] as const) {
    console[level] = (...said: unknown[]) => log[level]({ printed: true }, format(...said));
  }

  try {
    const env = loadEnv(options.providerVariables);
    for (const secret of secretsOf(env)) redactor.learn(secret);
    log = createLog(options.name, env.logLevel, redactor);
    stopMs = options.stopMs(env);
    stop = await start(env, log, redactor);
  } catch (error) {
    if (isOperators(error)) log.fatal(error.message);
    else if (error instanceof MigrationError) log.fatal(error.message);
    else log.fatal({ err: error }, 'start failed');
    process.exit(isOperators(error) ? exitConfig : 1);
  }
}
