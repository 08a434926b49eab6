/**
 * The queue: BullMQ, on Postgres or on Redis. The one place that builds queues and workers.
 *
 * Postgres is the truth and the queue only wakes: payloads name a row, jobs are removed when done, and a job that
 * fails is not retried here, because the sweeper re-wakes whatever is still due.
 */
import { type QueueName, type QueuePayload, queuePayloads } from '@nightshift/contracts';
import { createPostgresBackend, type Job, type PgPool, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { Pool } from 'pg';
import type { Log } from '../log/index.ts';
import type { Metrics } from '../metrics/index.ts';

export interface QueueConnection {
  /** On Redis when set, else on `pool`. */
  redisUrl: string | undefined;
  pool: Pool;
}

export interface Wake {
  /** Not before this many milliseconds. */
  delayMs?: number;
  /** Lower goes first; those without go before all. At most 2,097,152. */
  priority?: number;
}

export interface Producer<Name extends QueueName> {
  readonly queue: Queue;
  /**
   * Adds a job unless one with this `dedupeId` already waits. While one is active, one more is kept for
   * afterwards, so that a wake-up between its last look and its end is not lost.
   */
  wake(payload: QueuePayload<Name>, dedupeId: string, when?: Wake): Promise<void>;
  /**
   * As `wake`, for those whose row is committed already: they need not wait for this and must not fail with it. A
   * wake-up that does not arrive is made good by the workers' sweep within seconds.
   */
  wakeSoon(payload: QueuePayload<Name>, dedupeId: string, when?: Wake): void;
  close(): Promise<void>;
}

export interface Consumer {
  /** Stops taking jobs, and resolves when those under way are done. */
  close(): Promise<void>;
}

/** A worker whose process stops renewing is taken for dead after this long. */
const lockDurationMs = 10_000;

/** How long adding a job may take, in milliseconds: for a Redis that was never there BullMQ waits without end. */
const wakeTimeoutMs = 5_000;

/** BullMQ on a broken Redis waits for ever by default; a wake-up that cannot be sent must fail, the sweeper has it. */
const producerRedis = { maxRetriesPerRequest: 1, enableOfflineQueue: false, connectTimeout: 5_000 };

/** It is BullMQ's own declaration of a pool, which the driver's overloaded `on` does not fit by the letter. */
const asPgPool = (pool: Pool) => pool as unknown as PgPool;

/** An outage is one line in the log, not one for each time somebody tries. */
function reportFaults(log: Log, what: string): (error: Error) => void {
  let last = 0;
  return (error) => {
    const quiet = Date.now() - last < 60_000;
    last = Date.now();
    log[quiet ? 'debug' : 'warn']({ reason: error.message || String(error) }, `${what}; trying again`);
  };
}

function openRedis(url: string, options: object, log: Log): Redis {
  const redis = new Redis(url, { ...options, retryStrategy: (times) => Math.min(times * 200, 5_000) });
  redis.on('error', reportFaults(log, 'Redis cannot be reached'));
  return redis;
}

export function createProducer<Name extends QueueName>(
  name: Name,
  connection: QueueConnection,
  log: Log,
): Producer<Name> {
  const defaultJobOptions = { removeOnComplete: true, removeOnFail: { count: 1000 } };
  const redis = connection.redisUrl ? openRedis(connection.redisUrl, producerRedis, log) : undefined;
  const queue: Queue = redis
    ? new Queue(name, { connection: redis, defaultJobOptions })
    : (new Queue(
        name,
        { connection: asPgPool(connection.pool), defaultJobOptions },
        createPostgresBackend,
      ) as unknown as Queue);
  queue.on('error', reportFaults(log.child({ queue: name }), 'the queue failed'));
  const schema = queuePayloads[name];

  async function wake(payload: QueuePayload<Name>, dedupeId: string, { delayMs, priority }: Wake = {}) {
    const added = queue.add(name, schema.parse(payload), {
      deduplication: { id: dedupeId, keepLastIfActive: true },
      ...(delayMs ? { delay: delayMs } : {}),
      ...(priority ? { priority } : {}),
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error('The queue does not answer.')), wakeTimeoutMs);
    });
    await Promise.race([added, late]).finally(() => clearTimeout(timer));
  }

  return {
    queue,
    wake,
    wakeSoon(payload, dedupeId, when) {
      wake(payload, dedupeId, when).catch((error: Error) =>
        log.warn({ err: error, queue: name, lane: dedupeId }, 'wake-up not sent; the sweep will find it'),
      );
    },
    async close() {
      await queue.close();
      redis?.disconnect();
    },
  };
}

export interface ConsumerOptions {
  concurrency: number;
  metrics: Metrics;
  log: Log;
}

/**
 * Runs `process` for each job, wrapped in logging and metrics.
 * A payload that does not fit its contract fails the job and says so in the log.
 */
export function createConsumer<Name extends QueueName>(
  name: Name,
  connection: QueueConnection,
  process: (payload: QueuePayload<Name>, log: Log) => Promise<void>,
  options: ConsumerOptions,
): Consumer {
  const { metrics } = options;
  const log = options.log.child({ queue: name });
  const schema = queuePayloads[name];
  const handle = async (job: Job): Promise<void> => {
    const started = performance.now();
    const jobLog = log.child({ jobId: job.id });
    metrics.queueWaitSeconds.observe({ queue: name }, Math.max(0, Date.now() - job.timestamp) / 1000);
    let outcome = 'ok';
    try {
      await process(schema.parse(job.data) as QueuePayload<Name>, jobLog);
    } catch (error) {
      outcome = 'error';
      jobLog.error({ err: error }, 'job failed');
      throw error;
    } finally {
      metrics.jobSeconds.observe({ queue: name, outcome }, (performance.now() - started) / 1000);
    }
  };
  const shared = {
    concurrency: options.concurrency,
    lockDuration: lockDurationMs,
    stalledInterval: lockDurationMs / 2,
    // A stalled job only means that its worker died. Doing it again is always right: the row decides.
    maxStalledCount: 1000,
  };
  const redis = connection.redisUrl
    ? openRedis(connection.redisUrl, { maxRetriesPerRequest: null }, log)
    : undefined;
  const worker: Worker = redis
    ? new Worker(name, handle, { ...shared, connection: redis })
    : (new Worker(
        name,
        handle,
        { ...shared, connection: asPgPool(connection.pool) },
        createPostgresBackend,
      ) as unknown as Worker);
  worker.on('error', reportFaults(log, 'the queue failed'));
  return {
    async close() {
      await worker.close();
      redis?.disconnect();
    },
  };
}
