import { describe, expect, it } from 'vitest';
import { pick, shortId, take } from './records.ts';

describe('pick', () => {
  const records = [
    { id: 'id1', name: 'ci' },
    { id: 'id2', name: 'CI' },
    { id: 'id3', name: 'Laptop' },
    { id: 'id4', name: 'dup' },
    { id: 'id5', name: 'dup' },
  ];
  const find = (wanted: string) => pick(records, wanted, { kind: 'key', namesOf: ({ name }) => [name] }).id;

  it('finds by id, by name, and by name in other letter case, in this order', () => {
    expect(['id3', 'ci', 'CI', 'laptop'].map(find)).toEqual(['id3', 'id1', 'id2', 'id3']);
  });

  it('does not guess', () => {
    expect(() => find('dup')).toThrow('"dup" means 2 keys: id4, id5.');
    expect(() => find('cI')).toThrow('"cI" means 2 keys');
  });

  it('says what there is', () => {
    expect(() => find('x')).toThrow('There is no key "x". There are: ci, CI, Laptop, dup, dup.');
    expect(() => pick([], 'x', { kind: 'key', namesOf: () => [] })).toThrow('There are: none yet.');
  });
});

describe('pick, by a part of an id', () => {
  const records = [
    { id: '0199c1d2-0000-7000-8000-0000aaaaaaaa', name: 'one' },
    { id: '0199c1d2-0001-7000-8000-0000bbbbbbbb', name: 'two' },
    { id: '0199c1d3-0001-7000-8000-0000cccccccc', name: 'bbbbbbbb' },
  ];
  const find = (wanted: string) => pick(records, wanted, { kind: 'key', namesOf: ({ name }) => [name] }).name;

  it('takes the end, as lists print it, or enough of the beginning; a name comes first', () => {
    expect(['aaaaaaaa', 'AAAAAAAA', '0199c1d3', '0199c1d2-0001', 'bbbbbbbb'].map(find)).toEqual([
      ...['one', 'one', 'bbbbbbbb', 'two', 'bbbbbbbb'],
    ]);
    expect(() => find('0199c1d2')).toThrow(/means 2 keys: .*aaaaaaaa, .*bbbbbbbb/);
    expect(() => find('aaaaaaa')).toThrow('There is no key');
    expect(shortId(records[0]!.id, { isTTY: true })).toBe('aaaaaaaa');
    expect(shortId(records[0]!.id, { isTTY: false })).toBe(records[0]!.id);
  });
});

describe('take', () => {
  const pagesOf = (pages: number[][], asked: number[] = []) =>
    async function* ({ limit }: { limit: number }) {
      asked.push(limit);
      for (const [at, data] of pages.entries())
        yield { data, nextCursor: at < pages.length - 1 ? 'c' : null };
    };

  it('takes as many as wanted and knows whether there are more', async () => {
    expect(await take(pagesOf([[1, 2], [3]]), 2)).toEqual({ items: [1, 2], more: true });
    expect(await take(pagesOf([[1, 2], [3]]), 3)).toEqual({ items: [1, 2, 3], more: false });
    expect(
      await take(
        pagesOf([
          [1, 2],
          [3, 4],
        ]),
        3,
      ),
    ).toEqual({ items: [1, 2, 3], more: true });
    expect(await take(pagesOf([[]]), 3)).toEqual({ items: [], more: false });
  });

  it('never asks for a larger page than the server gives', async () => {
    const asked: number[] = [];
    await take(pagesOf([[1]], asked), 1_000);
    expect(asked).toEqual([200]);
  });
});
