import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxDepth, maxValues, parseJsonBody } from './json-body.ts';

const parse = (text: string | Uint8Array) => parseJsonBody(Buffer.from(text as string));
const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;

describe('parseJsonBody', () => {
  it.each([
    '{"a": [1, "two", null, {"b": true}]}',
    '"text"',
    '7',
    'null',
    '"\\ud83e\\udd89"',
    '{"constructor": 1}',
  ])('reads %s as JSON.parse does', (text) => {
    expect(parse(text)).toEqual(JSON.parse(text));
  });

  it('counts depth, and not the brackets inside of strings', () => {
    expect(() => parse(nested(maxDepth))).not.toThrow();
    expect(() => parse(nested(maxDepth + 1))).toThrow(/nested more than/);
    expect(parse(`["${'['.repeat(1000)}\\"${'{'.repeat(1000)}"]`)).toHaveLength(1);
    expect(parse(`[${'[],'.repeat(1000)}[]]`)).toHaveLength(1001);
  });

  it('says where a text is none', () => {
    expect(() => parse('{"a": [{"b": "x\\u0000"}]}')).toThrow(
      expect.objectContaining({ fields: [{ path: 'a.0.b', message: expect.any(String) }] }),
    );
    expect(() => parse('{"a": {"\\ud800": 1}}')).toThrow(/a: has a key that is no text/);
  });

  it.each([
    ['half a character', Uint8Array.of(0x22, 0xc3, 0x22)],
    ['a surrogate in UTF-8', Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22)],
    ['an overlong slash', Uint8Array.of(0x22, 0xc0, 0xaf, 0x22)],
  ])('refuses %s', (_what, bytes) => {
    expect(() => parse(bytes)).toThrow('The body is not UTF-8.');
  });

  it('reads whatever JSON there is as JSON.parse does', () => {
    const key = fc.string({ unit: 'grapheme' }).filter((text) => !/__proto__|constructor|\0/.test(text));
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.string({ unit: fc.constantFrom('\\', '"', '{', '[', ',', '\n', 'a', 'ü', '👋') }),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.constantFrom(null, true, false),
        fc.array(tie('value')),
        fc.dictionary(key, tie('value')),
      ),
    }));
    fc.assert(
      fc.property(value, (json) => {
        const text = JSON.stringify(json);
        expect(parse(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it.each([
    ['items', (count: number) => `[${'1,'.repeat(count)}1]`],
    ['members', (count: number) => `{${Array.from({ length: count + 1 }, (_, at) => `"k${at}":1`).join()}}`],
    ['empty lists', (count: number) => `[${'[],'.repeat(count / 2)}[]]`],
    ['lists in objects', (count: number) => `[${'{"a":[]},'.repeat(count / 4)}1]`],
  ])('counts %s, and not what is in strings', (_what, bodyOf) => {
    expect(() => parse(bodyOf(maxValues - 100))).not.toThrow();
    expect(() => parse(bodyOf(maxValues * 2))).toThrow(/more than 20000 values/);
    const inString = JSON.stringify(bodyOf(maxValues * 2));
    expect(parse(inString)).toHaveLength(JSON.parse(inString).length);
  });

  it('takes a history of a thousand messages, each of a few parts', () => {
    const part = { type: 'text', text: 'x', cache_control: { type: 'ephemeral' } };
    const messages = Array.from({ length: 1000 }, () => ({
      role: 'user',
      content: [part, part],
      name: 'ann',
    }));
    expect(parse(JSON.stringify({ model: 'a', messages }))).toMatchObject({ model: 'a' });
  });
});
