import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseAnswer, readJson } from './http.ts';

const request = (body: string) =>
  ({ method: 'POST', url: 'https://nightshift.example/', headers: {}, body: Buffer.from(body) }) as const;

it('reads every JSON that platforms send', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 20 }), (json) => {
      expect(readJson(request(json))).toEqual(JSON.parse(json));
      expect(parseAnswer(json)).toEqual(JSON.parse(json));
    }),
  );
});

it.each([
  ['arrays', '['.repeat(1_500_000)],
  ['closed arrays', '['.repeat(1_500_000) + ']'.repeat(1_500_000)],
  ['objects', '{"a":'.repeat(300_000)],
  ['a string before', `["]]]]\\"", ${'['.repeat(101)}1${']'.repeat(101)}]`],
])('refuses what is nested too deeply: %s', (_name, body) => {
  expect(() => readJson(request(body))).toThrow('The request is no JSON.');
  expect(parseAnswer(body)).toBeUndefined();
});
