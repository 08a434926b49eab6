/**
 * The way to Postgres: Prisma for reads and plain writes, named SQL statements for what must be one round trip,
 * a claim or a compare-and-set. Both use one pool.
 */
import { randomUUIDv7 } from 'node:crypto';
import { PrismaPg } from '@prisma/adapter-pg';
import { Pool, type PoolClient, type QueryResultRow } from 'pg';
import { PrismaClient } from '../generated/prisma/client.ts';
import { untilNoConflict } from './failures.ts';
import { createGather, type Gather } from './gather.ts';
import { run, type Statement, statement } from './statement.ts';

export interface Database {
  readonly prisma: PrismaClient;
  /** Commits are durable: what this pool committed survives a power cut. */
  readonly pool: Pool;
  /**
   * Commits return before they are flushed (`synchronous_commit = off`). For what may be lost with the last
   * half second before a crash of the database: wake-ups and live events.
   */
  readonly relaxed: Pool;
  /** One statement, a transaction of its own: it is repeated where a conflict with others undid it. */
  query<Row extends QueryResultRow>(statement: Statement<Row>, values?: readonly unknown[]): Promise<Row[]>;
  /** As `query`, on the relaxed pool. */
  queryRelaxed: Database['query'];
  /** One item of a statement that takes many; resolves when it is committed. Undefined: it has no row for the item. */
  gather: Gather;
  /** As `gather`, on the relaxed pool. */
  gatherRelaxed: Gather;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  url: string;
  /** Connections for durable work. */
  poolSize: number;
  /** Connections for wake-ups and events. */
  relaxedPoolSize: number;
  /** Shown in pg_stat_activity. */
  applicationName: string;
  /** Idle connections that break are reported here and replaced by the pool. */
  onConnectionError: (error: Error) => void;
}

/** Every record's id: time-ordered, so that indexes grow at their end. */
export const newId = (): string => randomUUIDv7();

export function openDatabase(options: DatabaseOptions): Database {
  const shared = {
    connectionString: options.url,
    application_name: options.applicationName,
    connectionTimeoutMillis: 10_000,
    // Opening one costs some 10 ms and plans every statement anew: too much for the first message after a pause.
    idleTimeoutMillis: 10 * 60_000,
    keepAlive: true,
  };
  const pool = new Pool({ ...shared, max: options.poolSize });
  const relaxed = new Pool({
    ...shared,
    max: options.relaxedPoolSize,
    // BullMQ's tables live in their own schema; it finds them through the search path.
    options: '-c synchronous_commit=off -c search_path=bullmq,public',
  });
  for (const each of [pool, relaxed]) {
    each.on('error', options.onConnectionError);
    // The pool listens while a connection is idle. One that breaks between two statements of whoever has taken it out
    // would end the process; as it is, the next statement fails.
    each.on('connect', (client) => client.on('error', () => {}));
  }
  const prisma = new PrismaClient({
    adapter: new PrismaPg(pool, {
      statementNameGenerator: ({ sql }) => statement(sql).name,
    }),
  });
  return {
    prisma,
    pool,
    relaxed,
    query: (sql, values) => untilNoConflict(() => run(pool, sql, values)),
    queryRelaxed: (sql, values) => untilNoConflict(() => run(relaxed, sql, values)),
    gather: createGather((sql, items) => untilNoConflict(() => run(pool, sql, [items]))),
    gatherRelaxed: createGather((sql, items) => untilNoConflict(() => run(relaxed, sql, [items]))),
    async close() {
      await prisma.$disconnect();
      await Promise.all([pool.end(), relaxed.end()]);
    },
  };
}

/** Runs `work` in one transaction on one connection; rolls back when it throws. */
export async function transaction<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    // A connection whose rollback fails is in an unknown state and must not go back to the pool.
    await client.query('ROLLBACK').catch((cause: Error) => {
      broken = cause;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

/** The migrations of this version, where the schema is. */
export const migrationsDirectory = new URL('../../../../prisma/migrations/', import.meta.url);
