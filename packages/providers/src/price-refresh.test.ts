import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startPriceRefresh } from './price-refresh.ts';
import { costUsd } from './pricing.ts';

let answer: [status: number, body: string];
let asked = 0;
const server = createServer((_request, response) => {
  asked++;
  response.writeHead(answer[0]).end(answer[1]);
});
let url: string;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/data.json`;
});

afterAll(() => new Promise((resolve) => server.close(resolve)));

/** Refreshes once and gives what was logged of it. */
function refresh(): Promise<string> {
  return new Promise((resolve) => {
    const say = (fields: object, message: string) => {
      stop();
      resolve(`${message} ${'err' in fields ? fields.err : JSON.stringify(fields)}`);
    };
    const stop = startPriceRefresh({ info: say, warn: say }, { url });
  });
}

const usage = { input: 1_000_000, cachedInput: 0, cacheWrite: 0, output: 0, reasoning: 0 };
const cost = (model: string) => costUsd('openai', model, usage);

const fresh = (price: number) => [
  {
    id: 'openai',
    name: 'OpenAI',
    api_pattern: 'https://api\\.openai\\.com',
    models: [{ id: 'gpt-9', match: { equals: 'gpt-9' }, prices: { input_mtok: price, output_mtok: 1 } }],
  },
];

it('takes a fresh list, and keeps the one in use when it gets none', async () => {
  expect(await cost('gpt-9')).toBeNull();
  expect(await cost('gpt-4o')).toBe('2.5');
  for (const broken of [
    '',
    '[]',
    '{"models":[]}',
    '[{"id":"openai"}]',
    '[{"models":[{"prices":[{}]}]}]',
    'null',
  ]) {
    answer = [200, broken];
    expect(await refresh()).toContain('prices not refreshed; those in use stay');
  }
  answer = [302, ''];
  expect(await refresh()).toContain('HTTP 302');
  expect(await cost('gpt-4o')).toBe('2.5');

  answer = [200, JSON.stringify(fresh(7))];
  expect(await refresh()).toBe('prices refreshed {"vendors":1}');
  expect(await cost('gpt-9')).toBe('7');

  answer = [500, 'oops'];
  expect(await refresh()).toContain('HTTP 500');
  expect(await cost('gpt-9')).toBe('7');
});

it('comes again, until it is stopped', async () => {
  answer = [200, JSON.stringify(fresh(8))];
  const before = asked;
  const log = { info: () => {}, warn: () => {} };
  const stop = startPriceRefresh(log, { url, everyMs: 20 });
  await expect.poll(() => asked).toBeGreaterThan(before + 2);
  stop();
  const stopped = asked;
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(asked).toBeLessThanOrEqual(stopped + 1);
});
