import { describe, expect, it } from 'vitest';
import { maxDepth, parseJsonBody } from './json-body.ts';

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
});
