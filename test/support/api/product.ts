/**
 * The product in one process, for one test file: the app on a free port, a database and a queue of its own, and as
 * many workers as the test starts. Nothing in it is a stand-in.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { maxImageBytes } from '@nightshift/agent';
import { buildApp } from '@nightshift/api/app';
import type { ApiDeps } from '@nightshift/api/deps';
import { createHookDirectory } from '@nightshift/api/hooks';
import { builtInAdapters } from '@nightshift/channels';
import type { Role } from '@nightshift/contracts';
import { createApiKey } from '@nightshift/core/api-keys';
import { createTrafficCounter } from '@nightshift/core/channels';
import { type Database, newId, openDatabase } from '@nightshift/core/database';
import { type Env, loadEnv } from '@nightshift/core/env';
import { openEventBus } from '@nightshift/core/events';
import { createGuardedFetch } from '@nightshift/core/guarded-fetch';
import { createLog } from '@nightshift/core/log';
import { createMetrics } from '@nightshift/core/metrics';
import { createProducer, migrateQueue } from '@nightshift/core/queue';
import { loadKeyEncryptionKey } from '@nightshift/core/secrets';
import { startWorker, type WorkerParts, type WorkerProcess } from '@nightshift/worker/worker';
import { createTestDatabase } from '../postgres/index.ts';
import { type Client, createClient } from './client.ts';

export interface Team {
  id: string;
  /** A caller with an owner key of the team. */
  owner: Client;
  /** A caller with a new key of that role. */
  caller(role: Role): Promise<Client>;
}

export interface Product extends Team {
  url: string;
  db: Database;
  env: Env;
  /** The app's own dependencies. */
  deps: ApiDeps;
  app: Awaited<ReturnType<typeof buildApp>>;
  /** A caller with any key, or none. */
  client(key: string | null): Client;
  // biome-ignore lint/suspicious/noExplicitAny: rows of every shape
  sql(text: string, values?: unknown[]): Promise<any[]>;
  addTeam(name: string): Promise<Team>;
  /** Starts a worker, which `close` stops if the test does not. */
  startWorker(parts?: WorkerParts, env?: Partial<Env>): Promise<WorkerProcess>;
  close(): Promise<void>;
}

/** `api` replaces parts of what the app is built from, for a test that needs short times or low limits. */
export async function startProduct(api: Partial<ApiDeps> = {}): Promise<Product> {
  const database = await createTestDatabase();
  const directory = mkdtempSync(join(tmpdir(), 'nightshift-product-'));
  const env = loadEnv([], {
    DATABASE_URL: database.url,
    NIGHTSHIFT_DATA: directory,
    LOG_LEVEL: 'silent',
    WORKER_DRAIN_SECONDS: '0',
    // Receivers of webhooks, in tests.
    OUTBOUND_ALLOW: '127.0.0.1',
  });
  const log = createLog('test', env.logLevel);
  const db = openDatabase({
    url: env.databaseUrl,
    poolSize: env.databasePool,
    relaxedPoolSize: 4,
    applicationName: 'nightshift api',
    onConnectionError: () => {},
  });
  await migrateQueue(db.relaxed);
  const bus = await openEventBus(env.databaseUrl, log);
  const connection = { redisUrl: undefined, pool: db.relaxed };
  const conversations = createProducer('conversation', connection, log);
  const deliveries = createProducer('delivery', connection, log);
  const kek = loadKeyEncryptionKey(undefined, directory);
  const adapters = api.adapters ?? builtInAdapters;
  const traffic = createTrafficCounter(db, log);
  const deps: ApiDeps = {
    log,
    db,
    bus,
    kek,
    adapters,
    hooks: createHookDirectory({ db, kek, adapters }),
    traffic,
    conversations,
    deliveries,
    guarded: createGuardedFetch({ allow: env.outboundAllow }),
    imageFetch: createGuardedFetch({ allow: env.outboundAllow, maxBytes: maxImageBytes }),
    metrics: createMetrics('api'),
    providerKeys: {},
    publicUrl: 'http://nightshift.test',
    trustedProxies: env.trustedProxies,
    rateLimitPerMinute: env.rateLimitPerMinute,
    openaiCorsOrigins: env.openaiCorsOrigins,
    isDraining: () => false,
    requestTimeoutMs: 30_000,
    ...api,
  };
  const app = await buildApp(deps);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  const workers = new Set<WorkerProcess>();

  async function addTeam(name: string): Promise<Team> {
    const team = await db.prisma.team.create({ data: { id: newId(), name } });
    const caller = async (role: Role) => {
      const created = await createApiKey(
        db,
        { teamId: team.id, role: 'owner' },
        { name: `${role} of ${name}`, role },
      );
      return createClient(url, created.key);
    };
    return { id: team.id, owner: await caller('owner'), caller };
  }

  return {
    ...(await addTeam('test')),
    url,
    db,
    env,
    deps,
    app,
    client: (key) => createClient(url, key),
    sql: async (text, values) => (await db.pool.query(text, values)).rows,
    addTeam,
    async startWorker(parts, more) {
      const worker = await startWorker({ ...env, ...more }, log, parts);
      workers.add(worker);
      return {
        metrics: worker.metrics,
        close() {
          workers.delete(worker);
          return worker.close();
        },
      };
    },
    async close() {
      await Promise.all([...workers].map((worker) => worker.close()));
      await app.close();
      await Promise.all([conversations.close(), deliveries.close(), traffic.close()]);
      await bus.close();
      await db.close();
      await database.drop();
      rmSync(directory, { recursive: true });
    },
  };
}
