import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonProgress, parseArguments } from './tool-arguments.ts';

/** A JSON object as models write it. */
const anyObject = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })) as fc.Arbitrary<
  Record<string, unknown>
>;
const anyText = fc.oneof(fc.string(), fc.json(), fc.stringMatching(/^[{}[\]",:\\ nulabc0-9]*$/));

describe('parseArguments', () => {
  it('takes every object, also encoded twice, and not three times', () => {
    fc.assert(
      fc.property(anyObject, fc.constantFrom('', ' ', '\n'), (value, space) => {
        const json = JSON.stringify(value);
        expect(parseArguments(space + json + space)).toEqual(JSON.parse(json));
        expect(parseArguments(JSON.stringify(json))).toEqual(JSON.parse(json));
        expect(parseArguments(JSON.stringify(JSON.stringify(json)))).toBeNull();
      }),
    );
  });

  it.each(['', '  \n', 'null', ' null ', '[]', '[ ]', '""', '" "', '"null"', '"[]"', '"{}"'])(
    'takes %j for none',
    (json) => {
      expect(parseArguments(json)).toEqual({});
    },
  );

  it.each([
    '{',
    '{"a"',
    'nul',
    '7',
    'true',
    '[1]',
    '[{}]',
    '"text"',
    '"\\"{}\\""',
    '{}{}',
    '{} {}',
    '{},',
    '{}x',
    '```json\n{}\n```',
    "{'a': 1}",
    '{"a":1,}',
    'undefined',
    'None',
    '\ufeff{}x',
  ])('refuses %j rather than guess', (json) => {
    expect(parseArguments(json)).toBeNull();
  });

  it('refuses every half of an object', () => {
    fc.assert(
      fc.property(anyObject, fc.nat(), (value, at) => {
        const json = JSON.stringify(value);
        const half = json.slice(0, 1 + (at % (json.length - 1)));
        expect(parseArguments(half)).toBeNull();
        expect(parseArguments(JSON.stringify(json).slice(0, 1 + (at % json.length)))).toBeNull();
      }),
    );
  });

  it('never throws, whatever it is given, and refuses what is nested without end', () => {
    fc.assert(fc.property(anyText, (text) => void parseArguments(text)));
    for (const depth of [101, 1_000_000]) {
      expect(parseArguments(`{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`)).toBeNull();
      expect(parseArguments('['.repeat(depth))).toBeNull();
    }
    expect(
      parseArguments(`{"a":${'['.repeat(50)}${']'.repeat(50)},"b":"${'['.repeat(500)}"}`),
    ).not.toBeNull();
  });

  it('keeps a key __proto__ a key', () => {
    const value = parseArguments('{"__proto__": {"admin": true}}')!;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect((value as { admin?: boolean }).admin).toBeUndefined();
  });
});

describe('JsonProgress', () => {
  it('is whole at the end of the value and not before, however its text is cut', () => {
    const value = fc.oneof(anyObject, fc.array(fc.jsonValue()), fc.string());
    fc.assert(
      fc.property(value, fc.array(fc.nat({ max: 9 })), (value, lengths) => {
        const json = JSON.stringify(value);
        const progress = new JsonProgress();
        expect(progress.isEmpty).toBe(true);
        let at = 0;
        for (const length of lengths) {
          if (at + length >= json.length) break;
          progress.push(json.slice(at, at + length));
          at += length;
          expect(progress.isWhole).toBe(false);
        }
        progress.push(json.slice(at));
        expect(progress).toMatchObject({ isWhole: true, isEmpty: false });
      }),
    );
  });
});
