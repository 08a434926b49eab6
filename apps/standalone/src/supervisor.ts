import { setTimeout as sleep } from 'node:timers/promises';
import { type BackoffOptions, createBackoff, DEFAULT_BACKOFF } from './backoff.ts';
import type { EmbeddedPostgres } from './embedded-postgres.ts';
import type { LogStream } from './log-stream.ts';
import { createMetricsRelay } from './metrics-relay.ts';
import {
  type ProcessSpec,
  type ReadyMessage,
  type SupervisedProcess,
  supervise,
} from './supervised-process.ts';

/**
 * Milliseconds the processes get to finish what they are at, and Postgres after them to write everything; with the
 * harsher steps that may follow it stays below five seconds.
 */
const PROCESS_PATIENCE_MS = 3_000;
const DATABASE_PATIENCE_MS = 1_000;

/** A process refused its configuration; the message is the sentence it gave. */
export class ConfigurationError extends Error {
  readonly code = 'invalid_configuration';
  readonly retryable = false;
}

export interface SupervisorOptions {
  processes: ProcessSpec[];
  environment: NodeJS.ProcessEnv;
  log: LogStream;
  /** Absent when the database is somebody else's. */
  database?: { current: EmbeddedPostgres; restart(): Promise<EmbeddedPostgres> };
  backoff?: BackoffOptions;
}

export interface Supervisor {
  /**
   * Fulfilled with each process's message, by its name, when all have become ready for the first time; rejected with
   * {@link ConfigurationError} when one refuses its configuration before that.
   */
  readonly ready: Promise<Map<string, ReadyMessage>>;
  /** Fulfilled when a process refuses its configuration, at whatever time: there is no use in going on then. */
  readonly failed: Promise<ConfigurationError>;
  /** Ends the processes, then the database, within five seconds. Further calls return the same promise. */
  stop(): Promise<void>;
  /** Ends everything at once; the database recovers at the next start. */
  kill(): void;
}

/** Keeps the processes, and the database under them, running until `stop`. */
export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { log, backoff = DEFAULT_BACKOFF } = options;
  const failure = Promise.withResolvers<ConfigurationError>();
  const database = options.database && superviseDatabase(options.database, log, backoff);
  const relay = createMetricsRelay(() => processes);
  const processes: SupervisedProcess[] = options.processes.map((spec) =>
    supervise(spec, {
      environment: options.environment,
      log,
      backoff,
      onMessage: (message) => relay.take(spec.name, message),
      onConfigError: (reason) => failure.resolve(new ConfigurationError(reason)),
    }),
  );
  let stopped: Promise<void> | undefined;
  return {
    ready: Promise.race([
      allReady(processes),
      failure.promise.then((error) => {
        throw error;
      }),
    ]),
    failed: failure.promise,
    stop() {
      stopped ??= (async () => {
        await Promise.all(processes.map((process) => process.stop(PROCESS_PATIENCE_MS)));
        await database?.stop();
      })();
      return stopped;
    },
    kill() {
      for (const process of processes) process.kill();
      database?.kill();
    },
  };
}

async function allReady(processes: SupervisedProcess[]): Promise<Map<string, ReadyMessage>> {
  return new Map(
    await Promise.all(
      processes.map(async ({ name, ready }) => [name, await ready] as [string, ReadyMessage]),
    ),
  );
}

/** The processes outlive their database: their pools connect again when it is back at the same address. */
function superviseDatabase(
  database: NonNullable<SupervisorOptions['database']>,
  log: LogStream,
  backoff: BackoffOptions,
): { stop(): Promise<void>; kill(): void } {
  const nextWait = createBackoff(backoff);
  const stopping = new AbortController();
  const isStopping = () => stopping.signal.aborted;
  let { current } = database;
  let startedAt = Date.now();
  let restarting: Promise<void> | undefined;

  const watch = () => {
    current.exited.then(({ code, signal }) => {
      if (isStopping()) return;
      log.log('error', `Postgres ended with ${signal ?? `code ${code}`}`);
      restarting = restart();
    });
  };
  const restart = async () => {
    while (!isStopping()) {
      const waitMs = nextWait(Date.now() - startedAt);
      log.log('info', `restarting Postgres in ${waitMs} ms`);
      await sleep(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (isStopping()) return;
      startedAt = Date.now();
      try {
        current = await database.restart();
        watch();
        return;
      } catch (error) {
        log.log('error', error instanceof Error ? error.message : String(error));
      }
    }
  };

  watch();
  return {
    async stop() {
      stopping.abort();
      // A restart under way would otherwise leave a server behind.
      await restarting;
      await current.stop(DATABASE_PATIENCE_MS);
    },
    kill() {
      stopping.abort();
      current.kill();
    },
  };
}
