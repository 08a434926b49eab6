import { randomUUID } from 'node:crypto';
import { createMetrics } from '@nightshift/core/metrics';
import { createConsumer, createProducer } from '@nightshift/core/queue';
import { Pool } from 'pg';
import { afterAll, beforeAll, it } from 'vitest';
import { describeWith } from '../../support/programs.ts';
import { startRedisServer } from './redis-server.ts';
import { describeQueue, log } from './suite.ts';

/** The queue does not touch it on this backend. */
const pool = new Pool();

describeWith('redis-server', 'with a Redis', () => {
  let server: Awaited<ReturnType<typeof startRedisServer>>;
  let databases = 0;

  beforeAll(async () => {
    server = await startRedisServer();
  });

  afterAll(() => server.kill());

  describeQueue('Redis', async () => {
    databases += 1;
    const redisUrl = `${server.url}/${databases}`;
    return {
      connection: { redisUrl, pool },
      holderArguments: ['postgres://127.0.0.1:1/none', redisUrl],
      close: async () => {},
    };
  });

  it.concurrent('fails a wake-up soon when Redis is gone, and uses it again when it is back', async ({
    expect,
    onTestFinished,
  }) => {
    const first = await startRedisServer();
    onTestFinished(first.kill);
    const connection = { redisUrl: first.url, pool };
    const producer = createProducer('conversation', connection, log);
    const received: string[] = [];
    const consumer = createConsumer(
      'conversation',
      connection,
      async ({ conversationId }) => void received.push(conversationId),
      { concurrency: 1, metrics: createMetrics('test'), log },
    );
    const wake = (by: typeof producer) => by.wake({ conversationId: randomUUID() }, randomUUID());
    async function failsSoon(by: typeof producer): Promise<void> {
      await expect(wake(by)).rejects.toThrow();
    }
    await wake(producer);
    await expect.poll(() => received.length).toBe(1);

    await first.kill();
    await failsSoon(producer);
    // One that was made while it was gone must not hang either.
    const late = createProducer('conversation', connection, log);
    await failsSoon(late);

    const second = await startRedisServer(first.port);
    onTestFinished(second.kill);
    const isBack = () =>
      wake(producer).then(
        () => true,
        () => false,
      );
    await expect.poll(isBack, { timeout: 15_000, interval: 500 }).toBe(true);
    await expect.poll(() => received.length).toBeGreaterThan(1);
    await Promise.all([producer.close(), late.close(), consumer.close()]);
  });
});
