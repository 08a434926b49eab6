/** What the product asks of a queue, whatever it runs on. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createLog } from '@nightshift/core/log';
import { createMetrics } from '@nightshift/core/metrics';
import { type Consumer, createConsumer, createProducer, type QueueConnection } from '@nightshift/core/queue';
import { describe, test } from 'vitest';

export interface TestQueue {
  connection: QueueConnection;
  /** What `holder.ts` is told, to find the same queue. */
  holderArguments: string[];
  close(): Promise<void>;
}

export const log = createLog('test', 'silent');

/** A queue that nobody else uses, with what a test starts on it; all of it is closed afterwards. */
async function startLane(open: () => Promise<TestQueue>) {
  const backend = await open();
  const producer = createProducer('conversation', backend.connection, log);
  const consumers: Consumer[] = [];
  return {
    ...backend,
    producer,
    wake: (id: string, when?: Parameters<typeof producer.wake>[2]) =>
      producer.wake({ conversationId: id }, id, when),
    consume(process: (id: string) => Promise<void>, concurrency = 1): Consumer {
      const consumer = createConsumer(
        'conversation',
        backend.connection,
        ({ conversationId }) => process(conversationId),
        { concurrency, metrics: createMetrics('test'), log },
      );
      consumers.push(consumer);
      return consumer;
    },
    async close() {
      await Promise.all(consumers.map((consumer) => consumer.close()));
      await producer.close();
      await backend.close();
    },
  };
}

type Lane = Awaited<ReturnType<typeof startLane>>;

const ids = (count: number) => Array.from({ length: count }, () => randomUUID());

/** A job that goes on until the test lets it. */
function gate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { passed: promise, open: resolve };
}

/** Runs every test of the suite at once, each on a queue of its own from `open`. */
export function describeQueue(name: string, open: () => Promise<TestQueue>): void {
  const on = test.extend<{ lane: Lane }>({
    // biome-ignore lint/correctness/noEmptyPattern: vitest reads the fixtures that are needed from this pattern
    lane: async ({}, use) => {
      const lane = await startLane(open);
      await use(lane);
      await lane.close();
    },
  });

  describe.concurrent(`a queue on ${name}`, { timeout: 40_000 }, () => {
    on('delivers each job once, with what it carries', async ({ lane, expect }) => {
      const sent = ids(50);
      const received: string[] = [];
      lane.consume(async (id) => void received.push(id), 8);
      await Promise.all(sent.map((id) => lane.wake(id)));
      await expect.poll(() => received.length).toBe(50);
      await delay(200);
      expect(received.toSorted()).toEqual(sent.toSorted());
    });

    on(
      'keeps jobs until somebody takes them, and forgets them when they are done',
      async ({ lane, expect }) => {
        const [id = ''] = ids(1);
        await lane.wake(id);
        await delay(100);
        const received: string[] = [];
        lane.consume(async (taken) => void received.push(taken));
        await expect.poll(() => received).toEqual([id]);
        await expect.poll(async () => sum(await lane.producer.queue.getJobCounts())).toBe(0);
      },
    );

    on('holds both ends to the contract', async ({ lane, expect }) => {
      await expect(lane.wake('nonsense')).rejects.toThrow(/UUID/i);
      await expect(
        lane.producer.wake({ conversationId: randomUUID(), extra: 1 } as never, 'x'),
      ).rejects.toThrow(/extra/);
      expect(sum(await lane.producer.queue.getJobCounts())).toBe(0);

      const [id = ''] = ids(1);
      const received: string[] = [];
      lane.consume(async (taken) => void received.push(taken));
      await lane.producer.queue.add('conversation', { conversationId: 7 });
      await lane.wake(id);
      await expect.poll(() => received).toEqual([id]);
      expect(await lane.producer.queue.getFailedCount()).toBe(1);
    });

    on('takes wake-ups of one lane that still wait for one', async ({ lane, expect }) => {
      const [first = '', second = ''] = ids(2);
      for (const id of [first, second, first, first, second]) await lane.wake(id);
      const received: string[] = [];
      lane.consume(async (id) => void received.push(id));
      await expect.poll(() => received.length).toBe(2);
      await delay(200);
      expect(received).toEqual([first, second]);
      // Once done, the lane can be woken again.
      await lane.wake(first);
      await expect.poll(() => received).toEqual([first, second, first]);
    });

    on(
      'keeps one wake-up that comes while the lane is worked on, for afterwards',
      async ({ lane, expect }) => {
        const [id = ''] = ids(1);
        const busy = gate();
        let begun = 0;
        let active = 0;
        let mostActive = 0;
        lane.consume(async () => {
          begun += 1;
          mostActive = Math.max(mostActive, ++active);
          if (begun === 1) await busy.passed;
          active -= 1;
        }, 4);
        await lane.wake(id);
        await expect.poll(() => begun).toBe(1);
        for (let wake = 0; wake < 3; wake += 1) await lane.wake(id);
        await delay(200);
        expect(begun).toBe(1);
        busy.open();
        await expect.poll(() => begun).toBe(2);
        await delay(300);
        expect({ begun, mostActive }).toEqual({ begun: 2, mostActive: 1 });
      },
    );

    on('works on as many at once as it is told', async ({ lane, expect }) => {
      let active = 0;
      let mostActive = 0;
      let done = 0;
      for (const id of ids(9)) await lane.wake(id);
      lane.consume(async () => {
        mostActive = Math.max(mostActive, ++active);
        await delay(100);
        active -= 1;
        done += 1;
      }, 3);
      await expect.poll(() => done).toBe(9);
      expect(mostActive).toBe(3);
    });

    on('is not stopped by a job that fails, and does not repeat it by itself', async ({ lane, expect }) => {
      const [bad = '', ...good] = ids(4);
      const received: string[] = [];
      lane.consume(async (id) => {
        received.push(id);
        if (id === bad) throw new Error('cannot be done');
      });
      for (const id of [bad, ...good]) await lane.wake(id);
      await expect.poll(() => received.length).toBe(4);
      await delay(200);
      expect(received).toEqual([bad, ...good]);
      await lane.wake(bad);
      await expect.poll(() => received.length).toBe(5);
    });

    on('delivers what is important first, whatever came first', async ({ lane, expect }) => {
      const [third = '', second = '', first = ''] = ids(3);
      await lane.wake(third, { priority: 5 });
      await lane.wake(second, { priority: 2 });
      await lane.wake(first);
      const received: string[] = [];
      lane.consume(async (id) => void received.push(id));
      await expect.poll(() => received).toEqual([first, second, third]);
    });

    on('delivers a delayed wake-up, and not before its time', async ({ lane, expect }) => {
      const [id = ''] = ids(1);
      const receivedAt: number[] = [];
      lane.consume(async () => void receivedAt.push(Date.now()));
      const wokenAt = Date.now();
      await lane.wake(id, { delayMs: 500 });
      await expect.poll(() => receivedAt.length).toBe(1);
      expect(receivedAt[0]! - wokenAt).toBeGreaterThanOrEqual(500);
    });

    on('is shared by two workers', async ({ lane, expect }) => {
      const sent = ids(20);
      const received: string[][] = [[], []];
      for (const mine of received) {
        lane.consume(async (id) => {
          mine.push(id);
          await delay(20);
        });
      }
      await Promise.all(sent.map((id) => lane.wake(id)));
      await expect.poll(() => received.flat().length).toBe(20);
      expect(received.flat().toSorted()).toEqual(sent.toSorted());
      for (const mine of received) expect(mine.length).toBeGreaterThan(0);
    });

    on('closes when the jobs under way are done, and leaves the rest to others', async ({ lane, expect }) => {
      const [underWay = '', left = ''] = ids(2);
      const busy = gate();
      const received: string[] = [];
      const closing = lane.consume(async (id) => {
        received.push(id);
        await busy.passed;
      });
      await lane.wake(underWay);
      await lane.wake(left);
      await expect.poll(() => received).toEqual([underWay]);
      let closed = false;
      const close = closing.close().then(() => {
        closed = true;
      });
      await delay(200);
      expect(closed).toBe(false);
      busy.open();
      await close;
      expect(received).toEqual([underWay]);
      lane.consume(async (id) => void received.push(id));
      await expect.poll(() => received).toEqual([underWay, left]);
    });

    on('gives the job of a process that was killed to another', async ({ lane, expect }) => {
      const [id = ''] = ids(1);
      const script = fileURLToPath(new URL('./holder.ts', import.meta.url));
      const holder = spawn(process.execPath, [script, ...lane.holderArguments], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await lane.wake(id);
      try {
        await once(holder.stdout, 'data');
      } finally {
        holder.kill('SIGKILL');
      }
      const received: string[] = [];
      lane.consume(async (taken) => void received.push(taken));
      // 10 s until the lock is over, and up to two looks for stalled jobs, 5 s apart.
      await expect.poll(() => received, { timeout: 30_000, interval: 200 }).toEqual([id]);
    });
  });
}

const sum = (counts: Record<string, number>) =>
  Object.values(counts).reduce((total, count) => total + count, 0);
