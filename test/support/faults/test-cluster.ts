/** A cluster for one test file: on a database of its own, with a model server in the test's process. */
import { describe } from 'vitest';
import { connectModel } from '../api/talk.ts';
import { type ModelServer, startModelServer } from '../model-server/index.ts';
import { createTestDatabase } from '../postgres/index.ts';
import { describeWith } from '../programs.ts';
import { type Cluster, type ClusterOptions, startCluster } from './cluster.ts';
import { startRedis, type TestRedis } from './redis.ts';
import { echoMarks } from './traffic.ts';

export type QueueKind = 'postgres' | 'redis';

export interface TestCluster extends Cluster {
  databaseUrl: string;
  /** Answers with the marks of what was said, until a test scripts it otherwise. */
  server: ModelServer;
  /** The model server, as an agent's `model`. */
  model: string;
  /** The queue's, where it is on Redis. */
  redis: TestRedis | undefined;
}

export type TestClusterOptions = Omit<ClusterOptions, 'databaseUrl' | 'redisUrl'> & {
  queue?: QueueKind;
  /** Absent: a database of its own on the Postgres that the run shares. */
  databaseUrl?: string;
};

export async function startTestCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const resources = new AsyncDisposableStack();
  try {
    const { queue = 'postgres', ...rest } = options;
    const redis = queue === 'redis' ? await startRedis() : undefined;
    if (redis) resources.defer(redis.stop);
    let { databaseUrl } = options;
    if (databaseUrl === undefined) {
      const database = await createTestDatabase();
      resources.defer(database.drop);
      databaseUrl = database.url;
    }
    const server = await startModelServer();
    resources.defer(server.close);
    server.script(echoMarks());
    const cluster = await startCluster({ ...rest, databaseUrl, redisUrl: redis?.url });
    resources.defer(cluster.close);
    const model = await connectModel(cluster.owner, server);
    return Object.assign(cluster, {
      databaseUrl,
      server,
      model,
      redis,
      close: () => resources.disposeAsync(),
    });
  } catch (error) {
    await resources.disposeAsync();
    throw error;
  }
}

/** The same tests with the queue on Postgres and on Redis. */
export function describeQueues(name: string, tests: (queue: QueueKind) => void): void {
  describe(`${name}, queue on Postgres`, () => tests('postgres'));
  describeWith('redis-server', `${name}, queue on Redis`, () => tests('redis'));
}
