import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkAnswer, violationOf } from './answer-format.ts';

const city = {
  type: 'object',
  properties: { name: { type: 'string' }, people: { type: 'integer' } },
  required: ['name', 'people'],
  additionalProperties: false,
};
const format = { type: 'json_schema', name: 'city', schema: city } as const;

describe('an answer in a format', () => {
  it.each([
    ['{"name":"Uppsala","people":177074}', '{"name":"Uppsala","people":177074}'],
    ['\n {"name":"Uppsala","people":1}\n', '{"name":"Uppsala","people":1}'],
    ['```json\n{"name":"Uppsala","people":1}\n```', '{"name":"Uppsala","people":1}'],
    ['```\n{"name":"Uppsala","people":1}\n```\n', '{"name":"Uppsala","people":1}'],
  ])('%j passes', (text, stored) => {
    expect(checkAnswer(text, format, 'end')).toEqual({ text: stored });
  });

  it.each([
    ['Uppsala', /no valid JSON/],
    ['{"name":"Uppsala","people":1} and more', /no valid JSON/],
    ['[1]', /no JSON object/],
    ['null', /no JSON object/],
    ['{"name":"Uppsala"}', /required property "people"/],
    ['{"name":"Uppsala","people":1.5}', /at #\/people: .*integer/],
    ['{"name":"Uppsala","people":1,"more":2}', /more/],
  ])('%j does not', (text, problem) => {
    expect(checkAnswer(text, format, 'end')).toEqual({ problem: expect.stringMatching(problem) });
  });

  it('that was cut at the output limit passes as it is', () => {
    expect(checkAnswer('{"name":"Upp', format, 'length')).toEqual({ text: '{"name":"Upp' });
  });

  it('of any JSON object takes all of them and nothing else', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
        const text = JSON.stringify(value);
        const answer = checkAnswer(text, { type: 'json_object' }, 'end');
        expect(answer).toEqual(isObject ? { text } : { problem: expect.any(String) });
      }),
    );
  });

  it('without a format is what it is', () => {
    expect(checkAnswer('Hello', undefined, 'end')).toEqual({ text: 'Hello' });
  });
});

describe('a schema that would take for ever', () => {
  const doubling = Object.fromEntries(
    Array.from({ length: 40 }, (_, at) => {
      const next = { $ref: `#/$defs/d${at + 1}` };
      return [`d${at}`, { anyOf: [next, next] }];
    }),
  );
  it.each([
    ['by a pattern', { properties: { a: { type: 'string', pattern: '^(a+)+$' } } }],
    ['by references that double', { $ref: '#/$defs/d0', $defs: { ...doubling, d40: { type: 'string' } } }],
    ['by a reference to itself', { $ref: '#' }],
  ])('%s is given up', (_what, schema) => {
    expect(violationOf({ a: `${'a'.repeat(60)}b` }, schema)).toMatch(/cannot be checked/);
  });
});
