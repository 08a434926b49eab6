import { randomUUID } from 'node:crypto';
import { createMetrics } from '@nightshift/core/metrics';
import { createConsumer, createProducer } from '@nightshift/core/queue';
import { Pool } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
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
});

describeWith('redis-server', 'a Redis that goes away', () => {
  const payload = () => ({ conversationId: randomUUID() });

  async function failsWithin(ms: number, wake: Promise<void>): Promise<void> {
    const started = performance.now();
    await expect(wake).rejects.toThrow();
    expect(performance.now() - started).toBeLessThan(ms);
  }

  it('fails a wake-up soon rather than holding up whoever sends it, and is used again when it is back', async () => {
    const first = await startRedisServer();
    const connection = { redisUrl: first.url, pool };
    const producer = createProducer('conversation', connection, log);
    const received: string[] = [];
    const consumer = createConsumer(
      'conversation',
      connection,
      async ({ conversationId }) => void received.push(conversationId),
      { concurrency: 1, metrics: createMetrics('test'), log },
    );
    await producer.wake(payload(), 'before');
    await expect.poll(() => received.length, { timeout: 10_000 }).toBe(1);

    await first.kill();
    await failsWithin(6_000, producer.wake(payload(), 'meanwhile'));
    // One that was made while it was gone must not hang either.
    const late = createProducer('conversation', connection, log);
    await failsWithin(6_000, late.wake(payload(), 'meanwhile'));

    const second = await startRedisServer(first.port);
    const again = () =>
      producer.wake(payload(), 'after').then(
        () => true,
        () => false,
      );
    await expect.poll(again, { timeout: 15_000, interval: 500 }).toBe(true);
    await expect.poll(() => received.length, { timeout: 15_000 }).toBeGreaterThan(1);
    await Promise.all([producer.close(), late.close(), consumer.close()]);
    await second.kill();
  }, 60_000);
});
