import { setImmediate as settled } from 'node:timers/promises';
import { createLog } from '@nightshift/core/log';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type Sweeper, startSweeper } from './sweeper.ts';

const log = createLog('test', 'silent');

let sweeper: Sweeper | undefined;
beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(async () => {
  vi.useRealTimers();
  await sweeper?.close();
});

/** Lanes that are worked on until `finish` says so. */
function openLanes(due: string[], room: number) {
  const open = new Map<string, () => void>();
  const begun: string[] = [];
  let looks = 0;
  return {
    begun,
    get looks() {
      return looks;
    },
    finish(id: string) {
      open.get(id)!();
      open.delete(id);
    },
    lanes: {
      name: 'conversation',
      async find(limit: number) {
        looks += 1;
        return due.filter((id) => !begun.includes(id)).slice(0, limit);
      },
      process(id: string) {
        begun.push(id);
        return new Promise<void>((resolve) => open.set(id, resolve));
      },
      free: (swept: number) => room - swept,
    },
  };
}

it('takes no more than there is room for, and the next as soon as one is done', async () => {
  const { lanes, begun, finish } = openLanes(['a', 'b', 'c'], 2);
  sweeper = startSweeper({ lanes: [lanes], log });
  await settled();
  expect(begun).toEqual(['a', 'b']);
  finish('b');
  await settled();
  expect(begun).toEqual(['a', 'b', 'c']);
  finish('a');
  finish('c');
});

it('looks again at once when there was more than it looked up', async () => {
  const due = Array.from({ length: 300 }, (_, at) => `lane ${at}`);
  const fake = openLanes(due, 1_000);
  sweeper = startSweeper({ lanes: [fake.lanes], log });
  await settled();
  expect(fake.begun).toHaveLength(256);
  fake.finish('lane 0');
  await settled();
  expect(fake.begun).toHaveLength(300);
  for (const id of due.slice(1)) fake.finish(id);
});

it('leaves it to others when it has no room, and looks again a second later', async () => {
  const fake = openLanes(['a'], 0);
  sweeper = startSweeper({ lanes: [fake.lanes], log });
  await settled();
  expect(fake.looks).toBe(0);
  fake.lanes.free = () => 1;
  await vi.advanceTimersByTimeAsync(1_000);
  await settled();
  expect(fake.begun).toEqual(['a']);
  fake.finish('a');
});

it('goes on after a look that failed', async () => {
  const fake = openLanes(['a'], 1);
  const find = vi.spyOn(fake.lanes, 'find').mockRejectedValueOnce(new Error('the database is away'));
  sweeper = startSweeper({ lanes: [fake.lanes], log });
  await settled();
  expect(fake.begun).toEqual([]);
  await vi.advanceTimersByTimeAsync(1_000);
  await settled();
  expect(find).toHaveBeenCalledTimes(2);
  expect(fake.begun).toEqual(['a']);
  fake.finish('a');
});

it('begins nothing more once it is closed, and waits for what is under way', async () => {
  const fake = openLanes(['a', 'b'], 1);
  sweeper = startSweeper({ lanes: [fake.lanes], log });
  await settled();
  let closed = false;
  const closing = sweeper.close().then(() => {
    closed = true;
  });
  await settled();
  expect(closed).toBe(false);
  fake.finish('a');
  await closing;
  expect(fake.begun).toEqual(['a']);
});
