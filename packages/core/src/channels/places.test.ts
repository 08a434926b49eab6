import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { choosePlace, type Reachable } from './places.ts';

const place = (key: string, name: string | null, people: Reachable['people'] = []): Reachable => ({
  ...{ kind: 'group', name, address: key, people, lastActivityAt: null },
  ...{ thread: { thread: key }, threadKey: key, direct: people.length > 0 },
});
const person = (name: string, handle: string) => ({ id: null, name, handle });
const chosen = (places: readonly Reachable[], wanted: string) => {
  const choice = choosePlace(places, wanted);
  return 'place' in choice ? choice.place.threadKey : choice.candidates.map(({ address }) => address);
};

describe('a place is chosen', () => {
  const places = [
    place('C1', '#sales'),
    place('C2', 'Sales EU'),
    place('D1', 'Ann', [person('Ann Lee', 'ann@x.test')]),
    place('D2', 'ann', [person('Ann Poe', 'poe')]),
    place('ann', null),
  ];

  it('by its address before its name, by what is exact before what is alike', () => {
    expect(chosen(places, 'ann')).toBe('ann');
    expect(chosen(places, 'Ann')).toBe('D1');
    expect(chosen(places, 'sales')).toBe('C1');
    expect(chosen(places, 'ANN@X.TEST')).toBe('D1');
    expect(chosen(places, '@poe')).toBe('D2');
    expect(chosen(places, 'ANN')).toEqual(['D1', 'D2', 'ann']);
    expect(chosen(places, 'eu')).toEqual(['C2']);
    expect(chosen(places, 'nowhere')).toHaveLength(places.length);
  });

  it('never a person who has called themselves like a room', () => {
    const sign = fc.constantFrom('', '#', '@');
    const word = fc.stringMatching(/^[A-Za-z\u00e9]{1,8}$/);
    fc.assert(
      fc.property(word, sign, sign, sign, (name, ofRoom, ofPerson, written) => {
        const mixed = [
          place('C1', ofRoom + name),
          place('D1', ofPerson + name.toUpperCase(), [person(ofPerson + name, 'stranger')]),
        ];
        const wanted = written + name;
        expect(chosen(mixed, wanted)).toEqual(
          written === ofRoom && written !== ofPerson ? 'C1' : ['C1', 'D1'],
        );
        expect(chosen(mixed, 'C1')).toBe('C1');
        expect(chosen(mixed, 'stranger')).toBe('D1');
        expect(chosen(mixed.slice(0, 1), wanted.normalize('NFD'))).toBe('C1');
      }),
    );
  });

  it('whenever it alone has the name, whatever the name is', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ unit: 'grapheme', minLength: 1 }), { minLength: 1, maxLength: 6 }),
        (names) => {
          const each = names.map((name, index) => place(`key ${index}`, name));
          for (const [index, name] of names.entries())
            if (!name.startsWith('key ')) expect(chosen(each, name)).toBe(`key ${index}`);
        },
      ),
    );
  });
});
