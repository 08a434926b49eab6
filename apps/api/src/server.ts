import { maxImageBytes } from '@nightshift/agent';
import { builtInAdapters } from '@nightshift/channels';
import type { Redactor } from '@nightshift/contracts';
import { createTrafficCounter } from '@nightshift/core/channels';
import {
  applyMigrations,
  checkConnections,
  migrationsDirectory,
  openDatabase,
} from '@nightshift/core/database';
import type { Env } from '@nightshift/core/env';
import { openEventBus } from '@nightshift/core/events';
import { createGuardedFetch } from '@nightshift/core/guarded-fetch';
import type { Log } from '@nightshift/core/log';
import { createMetrics, readSiblings } from '@nightshift/core/metrics';
import { StartError } from '@nightshift/core/process';
import { createProducer, migrateQueue } from '@nightshift/core/queue';
import { loadKeyEncryptionKey } from '@nightshift/core/secrets';
import { type Bootstrap, bootstrap } from '@nightshift/core/teams';
import { buildApp } from './app.ts';
import { createHookDirectory } from './hooks/directory.ts';

export interface ApiServer extends Bootstrap {
  url: string;
  /** Answers what is under way, then stops. */
  close(): Promise<void>;
}

/** Long enough for a large body on a slow line, short enough that a trickle does not hold a socket. */
const requestTimeoutMs = 30_000;

/** Connections for wake-ups and events. */
const relaxedPoolSize = 4;

function publicUrlOf(env: Env): string {
  if (env.publicUrl) return env.publicUrl;
  const host = env.host === '0.0.0.0' || env.host === '::' ? 'localhost' : env.host;
  return `http://${host.includes(':') ? `[${host}]` : host}:${env.port}`;
}

/** @throws {StartError} when the port cannot be had */
export async function startApi(env: Env, log: Log, redactor?: Redactor): Promise<ApiServer> {
  const kek = loadKeyEncryptionKey(env.secretKey, env.dataDirectory, redactor);
  await applyMigrations(env.databaseUrl, { directory: migrationsDirectory });
  const db = openDatabase({
    url: env.databaseUrl,
    poolSize: env.databasePool,
    relaxedPoolSize,
    applicationName: 'nightshift api',
    onConnectionError: (error) => log.warn({ err: error }, 'database connection lost'),
  });
  const [bus, keys] = await Promise.all([
    openEventBus(env.databaseUrl, log),
    bootstrap(db, env),
    env.redisUrl ? undefined : migrateQueue(db.relaxed),
  ]);
  for (const warning of keys.warnings) log.warn(warning);
  // One more listens for events.
  await checkConnections(db, env.databasePool + relaxedPoolSize + 1, log);
  const connection = { redisUrl: env.redisUrl, pool: db.relaxed };
  const conversations = createProducer('conversation', connection, log);
  const deliveries = createProducer('delivery', connection, log);
  const traffic = createTrafficCounter(db, log);
  let draining = false;
  const app = await buildApp({
    log,
    db,
    bus,
    kek,
    conversations,
    deliveries,
    guarded: createGuardedFetch({ allow: env.outboundAllow }),
    imageFetch: createGuardedFetch({ allow: env.outboundAllow, maxBytes: maxImageBytes }),
    adapters: builtInAdapters,
    hooks: createHookDirectory({ db, kek, adapters: builtInAdapters }),
    traffic,
    metrics: createMetrics('api'),
    readSiblings,
    providerKeys: env.providerKeys,
    publicUrl: publicUrlOf(env),
    trustedProxies: env.trustedProxies,
    rateLimitPerMinute: env.rateLimitPerMinute,
    openaiCorsOrigins: env.openaiCorsOrigins,
    isDraining: () => draining,
    requestTimeoutMs,
  });
  try {
    await app.listen({ host: env.host, port: env.port });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE')
      throw new StartError(`Port ${env.port} is taken: stop what uses it, or set PORT.`);
    if (code === 'EACCES' || code === 'EADDRNOTAVAIL')
      throw new StartError(`Cannot listen on ${env.host}:${env.port}: ${message}`);
    throw error;
  }
  return {
    ...keys,
    url: publicUrlOf(env),
    async close() {
      draining = true;
      // Node closes the connections that are idle now; those that are still answered fall idle only afterwards.
      const closeIdle = setInterval(() => app.server.closeIdleConnections(), 100);
      await app.close();
      clearInterval(closeIdle);
      await Promise.all([conversations.close(), deliveries.close(), traffic.close()]);
      await bus.close();
      await db.close();
    },
  };
}
