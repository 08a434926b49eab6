import { expect, it } from 'vitest';
import { createMailbox, mailboxSize } from './mailbox.ts';

function createSource() {
  const log: string[] = [];
  return { log, pause: () => void log.push('pause'), resume: () => void log.push('resume') };
}

it('hands out what came, in order, and ends with what it was ended with', async () => {
  const mailbox = createMailbox<number>(createSource());
  for (const item of [1, 2, 3]) mailbox.put(item);
  mailbox.end(new Error('broken'));
  mailbox.put(4);
  expect(await mailbox.take(2)).toEqual([1, 2]);
  expect(await mailbox.take(2)).toEqual([3]);
  await expect(mailbox.take(2)).rejects.toThrow('broken');
});

it('lets nothing more be read while it is full', async () => {
  const source = createSource();
  const mailbox = createMailbox<number>(source);
  mailbox.put(0);
  expect(await mailbox.take(1)).toEqual([0]);
  for (let item = 0; item < mailboxSize; item += 1) mailbox.put(item);
  // What was read already.
  mailbox.put(mailboxSize);
  expect(source.log).toEqual(['pause']);
  await mailbox.take(100);
  expect(source.log).toEqual(['pause', 'resume']);
  for (let item = 0; item < 100; item += 1) mailbox.put(item);
  expect(source.log).toEqual(['pause', 'resume', 'pause']);
});

it('does not stop the reading before anything is taken, and ends where that is too much', async () => {
  const source = createSource();
  const mailbox = createMailbox<number>(source);
  for (let item = 0; item < 20_000; item += 1) mailbox.put(item);
  expect(source.log).toEqual([]);
  const taken: number[] = [];
  await expect(
    (async () => {
      for (;;) taken.push(...(await mailbox.take(1_000))!);
    })(),
  ).rejects.toMatchObject({ kind: 'retry' });
  expect(taken).toHaveLength(10_000);
});
