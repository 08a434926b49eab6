import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { pid } from 'node:process';
import { cacheConnections, createLaneKeeper } from '@nightshift/agent';
import { type AdapterSource, builtInAdapters } from '@nightshift/channels';
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
import { createMetrics, type Metrics } from '@nightshift/core/metrics';
import { findDueDeliveryLanes } from '@nightshift/core/outbox';
import { shareProviderHealth } from '@nightshift/core/provider-health';
import { createConsumer, createProducer, migrateQueue } from '@nightshift/core/queue';
import { findAbandonedLanes, findDueLanes } from '@nightshift/core/runs';
import { loadKeyEncryptionKey } from '@nightshift/core/secrets';
import { createDocumentReader, type DocumentLimits, type Reading } from '@nightshift/documents';
import { createHealth, createRouter, type Router, type RouterOptions } from '@nightshift/providers';
import { builtInTools, type Tool } from '@nightshift/tools';
import { createAttachmentReader, fileFetch } from './attachments.ts';
import { startConnectors } from './connectors.ts';
import { startHealthServer } from './health-server.ts';
import { createLiveReplies } from './live-replies.ts';
import { createPlaceReader } from './places.ts';
import { createConversationProcessor } from './processors/conversation.ts';
import { createDeliveryProcessor } from './processors/delivery.ts';
import { startPruner } from './pruner.ts';
import { startScheduler } from './scheduler.ts';
import { createSessions } from './sessions.ts';
import { startSweeper } from './sweeper.ts';

export interface WorkerProcess {
  readonly metrics: Metrics;
  /** Takes no more work, lets what is under way finish for the drain time, then hands it over. */
  close(): Promise<void>;
}

export interface WorkerParts {
  router?: Router;
  tools?: readonly Tool[];
  adapters?: AdapterSource;
  documentLimits?: Partial<DocumentLimits>;
  redactor?: Redactor;
}

/** Lanes of the outbox that one worker sends at once. A send waits for somebody else's server and costs us nothing. */
const deliveryConcurrency = 128;

/** Connections for wake-ups and events; two of them listen for jobs. */
const relaxedPoolSize = 6;

/** Builds a worker from its environment and starts it. `parts` take the place of the product's own. */
export async function startWorker(
  env: Env,
  log: Log,
  {
    router,
    tools = builtInTools,
    adapters = builtInAdapters,
    documentLimits = {},
    redactor,
  }: WorkerParts = {},
): Promise<WorkerProcess> {
  const kek = loadKeyEncryptionKey(env.secretKey, env.dataDirectory, redactor);
  await applyMigrations(env.databaseUrl, { directory: migrationsDirectory });
  const db = openDatabase({
    url: env.databaseUrl,
    poolSize: env.databasePool,
    relaxedPoolSize,
    applicationName: 'nightshift worker',
    onConnectionError: (error) => log.warn({ err: error }, 'database connection lost'),
  });
  if (!env.redisUrl) await migrateQueue(db.relaxed);
  const bus = await openEventBus(env.databaseUrl, log);
  // One more listens for events.
  await checkConnections(db, env.databasePool + relaxedPoolSize + 1, log);
  const metrics = createMetrics('worker');
  const lanes = createLaneKeeper({ db, bus, log });
  const sharing = shareProviderHealth({ db, bus, log });
  const connection = { redisUrl: env.redisUrl, pool: db.relaxed };
  const conversations = createProducer('conversation', connection, log);
  const deliveries = createProducer('delivery', connection, log);
  let draining = false;
  const workerId = `${hostname()}/${pid}/${randomBytes(4).toString('hex')}`;
  const { fetch, lookup } = createGuardedFetch({ allow: env.outboundAllow });
  const sessions = createSessions(adapters);
  const documents = createDocumentReader({ limits: documentLimits, observe: observeDocuments(metrics, log) });
  const channels = {
    db,
    kek,
    adapters,
    fetch,
    lookup,
    documents,
    sessions,
    open: cacheConnections({ db, kek, adapters }),
  };
  const traffic = createTrafficCounter(db, log);
  const process = createConversationProcessor({
    db,
    kek,
    providerKeys: env.providerKeys,
    router:
      router ?? createRouter({ health: createHealth({ share: sharing }), observe: observeWith(metrics) }),
    tools,
    metrics,
    lanes,
    conversations,
    deliveries,
    workerId,
    attachments: createAttachmentReader({ ...channels, fetch: fileFetch(env.outboundAllow) }),
    live: createLiveReplies(channels),
    places: createPlaceReader(channels),
    isDraining: () => draining,
  });
  const consumer = createConsumer('conversation', connection, process, {
    concurrency: env.workerConcurrency,
    metrics,
    log,
  });
  const stopSending = new AbortController();
  const delivery = createDeliveryProcessor({
    ...channels,
    deliveries,
    metrics,
    traffic,
    isDraining: () => draining,
    stop: stopSending.signal,
  });
  const deliveryConsumer = createConsumer('delivery', connection, delivery.process, {
    concurrency: deliveryConcurrency,
    metrics,
    log,
  });
  const pruner = startPruner({ db, retention: env.retention, log });
  const sweeper = startSweeper({
    lanes: [
      {
        name: 'conversation',
        find: (limit) => findDueLanes(db, limit),
        process: (conversationId) => process({ conversationId }, log, { swept: true }),
        free: (swept) => env.workerConcurrency - Math.max(lanes.size, swept),
      },
      {
        name: 'takeover',
        find: (limit) => findAbandonedLanes(db, limit),
        process: (conversationId) => process({ conversationId }, log, { swept: true }),
        // Room of its own: who has waited through a crash does not wait for a slot as well.
        free: (swept) => env.workerConcurrency - swept,
      },
      {
        name: 'delivery',
        find: (limit) => findDueDeliveryLanes(db, limit, sessions.reach),
        process: (lane) => delivery.process({ lane }, log),
        free: (swept) => deliveryConcurrency - Math.max(delivery.active, swept),
      },
    ],
    log,
  });
  const connectors = startConnectors({
    ...channels,
    bus,
    conversations,
    deliveries,
    traffic,
    metrics,
    workerId,
    log,
  });
  const scheduler = startScheduler({ db, conversations, metrics, log });
  const health =
    env.workerPort === undefined
      ? undefined
      : await startHealthServer({
          host: env.host,
          port: env.workerPort,
          metrics,
          isReady: async () => !draining && bus.connected,
        });

  return {
    metrics,
    async close() {
      draining = true;
      const handover = setTimeout(() => {
        lanes.handOver();
        stopSending.abort();
      }, env.workerDrainSeconds * 1000);
      await Promise.all([
        scheduler.close(),
        sweeper.close(),
        pruner.close(),
        consumer.close(),
        // What is being sent may go over a connection of theirs.
        deliveryConsumer.close().then(() => connectors.close()),
      ]);
      clearTimeout(handover);
      documents.close();
      lanes.close();
      await Promise.all([conversations.close(), deliveries.close(), traffic.close()]);
      await health?.close();
      await sharing.close();
      await bus.close();
      await db.close();
    },
  };
}

function observeWith(metrics: Metrics): NonNullable<RouterOptions['observe']> {
  return ({ provider, model, waitedMs }, previous) => {
    metrics.modelWaitSeconds.observe(waitedMs / 1000);
    if (previous && (previous.provider !== provider || previous.model !== model)) {
      metrics.modelFailovers.inc({ from: previous.provider, to: provider });
    }
  };
}

function observeDocuments(metrics: Metrics, log: Log): (reading: Reading) => void {
  return ({ task, outcome, ms, bytes }) => {
    metrics.documents.inc({ task, outcome });
    if (outcome !== 'read' && outcome !== 'stopped')
      log.warn({ task, outcome, ms: Math.round(ms), bytes }, 'a document could not be read');
  };
}
