/**
 * Signals between processes, over Postgres LISTEN/NOTIFY: "this run has new events", "this run is over", "cancel this
 * run", "what is known of model keys has changed", "something was said in this thread", "look again whether this API
 * key, this channel, this visitor may still do what it does".
 * A signal only says where to look; one that is lost is made good by whoever waits looking again now and then.
 */
import { Client, type Pool } from 'pg';
import type { Log } from '../log/index.ts';

const topics = ['run', 'run_end', 'cancel', 'health', 'thread', 'api_key', 'channel', 'identity'] as const;

/** The last three are sent by triggers of the database, whichever process writes the row. */
export type Topic = (typeof topics)[number];

/** Stands for every id of a topic. */
export const anyId = '*';

export interface EventBus {
  /**
   * Calls `listener` whenever `id`, or with `anyId` whatever id, is signalled on `topic`, and after a reconnect, when
   * signals may have been missed. Listeners to all ids are called first.
   */
  subscribe(topic: Topic, id: string, listener: () => void): () => void;
  /** Whether signals arrive at present. */
  readonly connected: boolean;
  close(): Promise<void>;
}

const channel = (topic: Topic) => `nightshift_${topic}`;
const reconnectMs = 500;

/** Sends a signal. `pool` need not be durable: nothing is stored. */
export async function signal(pool: Pool, topic: Topic, id: string): Promise<void> {
  await pool.query({
    name: `ns_notify_${topic}`,
    text: `SELECT pg_notify('${channel(topic)}', $1)`,
    values: [id],
  });
}

/** Opens one connection that listens for this process, and keeps it open. */
export async function openEventBus(databaseUrl: string, log: Log): Promise<EventBus> {
  const listeners = new Map<string, Set<() => void>>();
  let client: Client | undefined;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  const call = (key: string) => {
    for (const listener of listeners.get(key) ?? []) listener();
  };

  async function connect(): Promise<void> {
    const next = new Client({
      connectionString: databaseUrl,
      application_name: 'nightshift events',
      keepAlive: true,
      keepAliveInitialDelayMillis: 5_000,
      connectionTimeoutMillis: 5_000,
    });
    let over = false;
    const lost = (error?: Error) => {
      over = true;
      if (client !== next) return;
      client = undefined;
      if (closed) return;
      log.warn({ err: error }, 'event connection lost; reconnecting');
      timer = setTimeout(reconnect, reconnectMs);
    };
    next.on('error', lost);
    next.on('end', () => lost());
    next.on('notification', ({ channel, payload }) => {
      call(`${channel}:${anyId}`);
      call(`${channel}:${payload}`);
    });
    try {
      await next.connect();
      await next.query(topics.map((topic) => `LISTEN ${channel(topic)}`).join(';'));
      // The last answer and the end may arrive together: then the end was told before the answer is seen here.
      if (over || closed) throw new Error('The event connection ended as it began.');
    } catch (error) {
      next.end().catch(() => {});
      throw error;
    }
    client = next;
  }

  function reconnect(): void {
    connect().then(
      () => {
        const keys = [...listeners.keys()];
        for (const key of keys) if (key.endsWith(`:${anyId}`)) call(key);
        for (const key of keys) if (!key.endsWith(`:${anyId}`)) call(key);
      },
      (error: Error) => {
        log.debug({ err: error }, 'event connection still down');
        if (!closed) timer = setTimeout(reconnect, reconnectMs);
      },
    );
  }

  await connect();
  return {
    subscribe(topic, id, listener) {
      const key = `${channel(topic)}:${id}`;
      const set = listeners.get(key) ?? new Set();
      set.add(listener);
      listeners.set(key, set);
      return () => {
        set.delete(listener);
        if (set.size === 0 && listeners.get(key) === set) listeners.delete(key);
      };
    },
    get connected() {
      return client !== undefined;
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      const last = client;
      client = undefined;
      await last?.end();
    },
  };
}
