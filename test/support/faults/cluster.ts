/** An api and any number of workers as real processes, on a database and a queue that the caller provides. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type Client, createClient } from '../api/client.ts';
import { freePort } from './free-port.ts';
import { type Launch, type Program, type ServerProcess, startProcess } from './server-process.ts';

export interface ClusterOptions {
  databaseUrl: string;
  /** Absent: the queue is on Postgres. */
  redisUrl?: string | undefined;
  /** How many to begin with. Default 1. */
  workers?: number;
  workerProgram?: Extract<Program, `worker${string}`>;
  /** More environment of all processes. */
  env?: Readonly<Record<string, string>>;
  /** The owner key. Default: a random one. */
  adminKey?: string;
  /** Directory with the source of another version to run. Default: this checkout. */
  root?: string;
}

export type Sql = Cluster['sql'];

export interface Cluster {
  readonly url: string;
  /** A caller with an owner key. */
  readonly owner: Client;
  readonly api: ServerProcess;
  /** Those that run, in the order they were started. */
  readonly workers: readonly ServerProcess[];
  /** Kills the api, and starts it again on the same port. */
  restartApi(): Promise<void>;
  /** Resolves when it is ready. `launcher`: see {@link Launch}. */
  startWorker(launcher?: Launch['launcher']): Promise<ServerProcess>;
  // biome-ignore lint/suspicious/noExplicitAny: rows of every shape
  sql(text: string, values?: readonly unknown[]): Promise<any[]>;
  /** The last lines of every process, also of those that ended. */
  output(): string;
  /** Ends every process at once. */
  close(): Promise<void>;
}

export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const directory = mkdtempSync(join(tmpdir(), 'nightshift-cluster-'));
  const port = await freePort();
  const key = options.adminKey ?? `ns_${randomBytes(24).toString('base64url')}`;
  const env = {
    DATABASE_URL: options.databaseUrl,
    ...(options.redisUrl && { REDIS_URL: options.redisUrl }),
    NIGHTSHIFT_DATA: directory,
    NIGHTSHIFT_ADMIN_KEY: key,
    PORT: String(port),
    LOG_LEVEL: 'warn',
    ...options.env,
  };
  const pool = new pg.Pool({ connectionString: options.databaseUrl, max: 4 });
  // The tests end connections and whole servers; the next query opens a new one.
  pool.on('error', () => {});
  const processes: ServerProcess[] = [];
  const start = (program: Program, launcher: Launch['launcher'] = []) => {
    const started = startProcess(program, env, { launcher, ...(options.root && { root: options.root }) });
    processes.push(started);
    return started;
  };

  const close = async () => {
    await Promise.all(processes.filter(({ running }) => running).map((process) => process.end()));
    await pool.end();
    rmSync(directory, { recursive: true });
  };

  const url = `http://127.0.0.1:${port}`;
  const program = options.workerProgram ?? 'worker';
  let api = start('api');
  const workers = Array.from({ length: options.workers ?? 1 }, () => start(program));
  try {
    await Promise.all([api, ...workers].map(({ ready }) => ready));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    url,
    owner: createClient(url, key),
    get api() {
      return api;
    },
    get workers() {
      return processes.filter((process) => process !== api && process.running);
    },
    async restartApi() {
      await api.end();
      api = start('api');
      await api.ready;
    },
    async startWorker(launcher) {
      const worker = start(program, launcher);
      await worker.ready;
      return worker;
    },
    sql: async (text, values = []) => (await pool.query(text, [...values])).rows,
    output: () =>
      processes
        .flatMap(({ pid, output }) => output.slice(-10).map((line) => `${pid} ${line.slice(0, 300)}`))
        .join('\n'),
    close,
  };
}
