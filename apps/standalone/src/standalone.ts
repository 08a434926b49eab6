import module from 'node:module';
import { join } from 'node:path';
import { writeAddress } from '@nightshift/contracts/running-server';
import type { ReadyMessage } from '@nightshift/core/process';
import { banner } from './banner.ts';
import type { DataDirectory } from './data-directory.ts';
import { startEmbeddedPostgres } from './embedded-postgres.ts';
import { ROOT, type StandaloneEnv } from './env.ts';
import { createLogStream, type LogStream } from './log-stream.ts';
import { checkPort } from './port.ts';
import type { ProcessSpec } from './supervised-process.ts';
import { createSupervisor, type Supervisor } from './supervisor.ts';

/** How long a port may stay taken, in milliseconds, by what a killed run has left and is about to end. */
const PORT_PATIENCE_MS = 3_000;

/** One Ctrl-C arrives up to three times: from the terminal, from npm and from our own launcher. In milliseconds. */
const SAME_SIGNAL_MS = 500;

const EXIT_INTERRUPTED = 130;

/** Of the 5 s in which a Ctrl-C must be over. What does not finish in it goes on at the next start. */
const DRAIN_SECONDS = 2;

type ApiReady = Extract<ReadyMessage, { process: 'api' }>;

export interface StandaloneOptions {
  env: StandaloneEnv;
  data: DataDirectory;
  workers: number;
}

/**
 * Runs the whole of Nightshift until it is told to stop.
 * @returns the exit code
 * @throws errors with a sentence for the operator when it cannot start; nothing is left running then
 */
export async function runStandalone({ env, data, workers }: StandaloneOptions): Promise<number> {
  const log = createLogStream(process.stdout);
  const terminal = [process.stdout, process.stderr].find(({ isTTY }) => isTTY);
  for (const { level, message } of data.notices) log.log(level, message);
  const stop = onStopSignal(env.startedByNpm);
  const port = await checkPort(env.host, env.port, { patienceMs: data.wasKilled ? PORT_PATIENCE_MS : 0 });

  let kill = () => {}; // While starting: Postgres ends with us by itself.
  stop.second.then(() => {
    kill();
    process.exit(EXIT_INTERRUPTED);
  });

  const start = () =>
    startEmbeddedPostgres({ directory: join(data.path, 'postgres'), log: logPostgres(log) });
  const starting = env.databaseUrl === undefined ? start() : undefined;
  // Awaited below; until then a failure must not count as unhandled.
  starting?.catch(() => {});
  // The driver loads while Postgres starts.
  const { applyMigrations } = await import('./migrations.ts');
  const postgres = await starting;
  const url = env.databaseUrl ?? postgres!.url;

  let supervisor: Supervisor;
  try {
    const { applied, repaired = [] } = await applyMigrations(url, {
      directory: join(ROOT, 'prisma/migrations'),
    });
    for (const sentence of repaired) log.log('warn', sentence);
    for (const name of applied) log.log('info', `applied the migration ${name}`);
    supervisor = createSupervisor({
      processes: processesOf(workers, env.workerPort),
      environment: childEnvironment(env, data, { url, port }),
      log,
      ...(postgres && { database: { current: postgres, restart: start } }),
    });
    kill = supervisor.kill;
  } catch (error) {
    await postgres?.stop();
    throw error;
  }

  supervisor.ready.then(
    (messages) => {
      const api = messages.get('api') as ApiReady;
      const address = localAddress(env.host, port);
      writeAddress(data.path, address);
      if (terminal) {
        // Only where the stream is the person's own: a key has no place in one that is kept.
        const newAdminKey = terminal === process.stdout ? api.newAdminKey : null;
        terminal.write(banner({ ...api, newAdminKey, address, dataDirectory: data.path, env }));
      }
      if (!process.stdout.isTTY)
        log.log('info', 'Nightshift is ready', { url: api.url, address, adminKeyPath: api.adminKeyPath });
      // Now rather than at exit, so that a kill does not cost the next start its cache.
      module.flushCompileCache();
    },
    () => {}, // Seen through `failed`.
  );
  const failure = await Promise.race([stop.first, supervisor.failed]);
  if (failure === undefined) log.log('info', 'stopping; Ctrl-C again ends everything at once');
  await supervisor.stop();
  if (failure !== undefined) throw failure;
  return 0;
}

/** Each worker serves its health and metrics on a port of its own: `WORKER_PORT`, and the ones that follow it. */
function processesOf(workers: number, workerPort: number | undefined): ProcessSpec[] {
  return [
    { name: 'api', file: join(ROOT, 'apps/api/src/main.ts') },
    ...Array.from({ length: workers }, (_, index) => ({
      name: workers === 1 ? 'worker' : `worker-${index + 1}`,
      file: join(ROOT, 'apps/worker/src/main.ts'),
      ...(workerPort && { environment: { WORKER_PORT: String(workerPort + index) } }),
    })),
  ];
}

interface StopSignals {
  first: Promise<void>;
  second: Promise<void>;
}

function onStopSignal(startedByNpm: boolean): StopSignals {
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  let firstAt: number | undefined;
  const take = () => {
    firstAt ??= Date.now();
    first.resolve();
    if (Date.now() - firstAt > SAME_SIGNAL_MS) second.resolve();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, take);
  if (startedByNpm) {
    // npm runs us through a shell and passes its SIGTERM on to that alone, which dies of it without a word to us.
    const parent = process.ppid;
    const watch = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(watch);
      take();
    }, 1_000);
    watch.unref();
  }
  return { first: first.promise, second: second.promise };
}

function childEnvironment(
  env: StandaloneEnv,
  data: DataDirectory,
  { url, port }: { url: string; port: number },
): NodeJS.ProcessEnv {
  return {
    ...env.inherited,
    DATABASE_URL: url,
    NIGHTSHIFT_DATA: data.path,
    HOST: env.host,
    PORT: String(port),
    WORKER_DRAIN_SECONDS: env.inherited.WORKER_DRAIN_SECONDS || String(DRAIN_SECONDS),
    NODE_COMPILE_CACHE: env.inherited.NODE_COMPILE_CACHE || join(data.path, 'cache'),
  };
}

/** Postgres reports each step of starting and stopping; what matters of that is said elsewhere. */
function logPostgres(log: LogStream): (line: string) => void {
  return (line) => {
    const [, severity, text] = /^(\w+): {2}(.*)$/.exec(line) ?? [undefined, 'LOG', line];
    if (severity === 'FATAL' || severity === 'PANIC') log.log('error', `Postgres: ${text}`);
    else if (/interrupted|automatic recovery|corrupt|terminated by signal/i.test(line)) {
      log.log('info', `Postgres: ${text}`);
    }
  };
}

/** Where processes of this machine reach the api, whatever its public address is. */
function localAddress(host: string, port: number): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}
