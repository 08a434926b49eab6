import { expect, it } from 'vitest';
import { createGather } from './gather.ts';
import { statement } from './statement.ts';

const double = statement<{ item: number; doubled: number }>('SELECT doubled');

/** A database that answers when it is told to. */
function openFake(answer: (items: number[]) => { item: number; doubled: number }[]) {
  const asked: { items: number[]; go: () => void }[] = [];
  const gather = createGather((_statement, json) => {
    const items = (JSON.parse(json) as { n: number }[]).map(({ n }) => n);
    return new Promise((resolve, reject) => {
      const go = () => {
        try {
          resolve(answer(items));
        } catch (error) {
          reject(error);
        }
      };
      asked.push({ items, go });
    });
  });
  return { asked, ask: (n: number) => gather(double, { n }) };
}

const doubled = (items: number[]) => items.map((n, at) => ({ item: at + 1, doubled: 2 * n }));
const settled = () => new Promise((resolve) => setImmediate(resolve));

it('sends one that comes alone at once, and what comes meanwhile together', async () => {
  const { asked, ask } = openFake(doubled);
  const all = Promise.all([1, 2, 3, 4, 5].map(ask));
  expect(asked.map(({ items }) => items)).toEqual([[1], [2]]);
  asked[0]!.go();
  await settled();
  expect(asked.map(({ items }) => items)).toEqual([[1], [2], [3, 4, 5]]);
  asked[1]!.go();
  asked[2]!.go();
  expect((await all).map((row) => row?.doubled)).toEqual([2, 4, 6, 8, 10]);
});

it('gives each its own row, also when some have none', async () => {
  const { asked, ask } = openFake((items) => doubled(items).filter(({ doubled }) => doubled !== 6));
  const all = Promise.all([1, 2, 3, 4].map(ask));
  asked[0]!.go();
  asked[1]!.go();
  await settled();
  asked[2]!.go();
  expect((await all).map((row) => row?.doubled)).toEqual([2, 4, undefined, 8]);
});

it('fails the item that is refused, and no other', async () => {
  const { asked, ask } = openFake((items) => {
    if (items.includes(4)) throw Object.assign(new Error('invalid'), { code: '22P02' });
    return doubled(items);
  });
  const all = Promise.allSettled([1, 2, 3, 4, 5].map(ask));
  for (let at = 0; at < 6; at++) {
    asked[at]!.go();
    await settled();
  }
  expect((await all).map(({ status }) => status)).toEqual([
    'fulfilled',
    'fulfilled',
    'fulfilled',
    'rejected',
    'fulfilled',
  ]);
});

it('repeats nothing when the connection broke: it may have been done', async () => {
  const { asked, ask } = openFake((items) => {
    if (items.length > 1) throw new Error('Connection terminated unexpectedly');
    return doubled(items);
  });
  const all = Promise.allSettled([1, 2, 3, 4].map(ask));
  asked[0]!.go();
  asked[1]!.go();
  await settled();
  asked[2]!.go();
  expect((await all).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
  expect(asked).toHaveLength(3);
});
