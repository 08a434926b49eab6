/**
 * Bodies that are made to cost much: every operation of the OpenAPI document, and every shape that a body can have. The
 * answer stays small, and the work grows with the body at most as fast as the body does.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createAgent,
  documentedRoutes,
  type Product,
  type Route,
  startProduct,
} from '../support/api/index.ts';
import { connectWebChat, shopOrigin, startVisitor } from '../support/channel/index.ts';

const maxAnswerBytes = 16 * 1024;

let product: Product;
let routes: Route[];
let webChatPath: string;
let webChatHeaders: Record<string, string>;

beforeAll(async () => {
  product = await startProduct({ rateLimitPerMinute: 1_000_000 });
  routes = await documentedRoutes(product.owner);
});
// Each test in a chat of its own, since bytes and messages of one are counted.
beforeEach(async () => {
  const chat = await connectWebChat(product.owner, await createAgent(product.owner), {
    settings: { files: true },
  });
  const { token } = await startVisitor(product.url, chat);
  webChatPath = `/v1/widget/${chat.key}`;
  webChatHeaders = { origin: shopOrigin, authorization: `Bearer ${token}` };
});
afterAll(() => product.close());

interface Property {
  type?: string;
  anyOf?: Property[];
  properties?: Record<string, Property>;
  items?: Property;
  additionalProperties?: Property | boolean;
  maxItems?: number;
  maxProperties?: number;
}
const bodyOf = (route: Route): Property | undefined =>
  route.operation.requestBody?.content['application/json'].schema;
const withBody = () => routes.filter((route) => bodyOf(route) !== undefined);
const namesOf = (route: Route): string[] => {
  const { properties, anyOf } = bodyOf(route)!;
  return Object.keys(properties ?? anyOf?.find((option) => option.properties)?.properties ?? {});
};

const fill = (unit: string, bytes: number) => unit.repeat(Math.max(1, Math.floor(bytes / unit.length)));
const items = (unit: string, bytes: number) => `[${fill(`${unit},`, bytes)}${unit}]`;
const members = (bytes: number, keyLength: number, value: string) => {
  const count = Math.max(1, Math.floor(bytes / (keyLength + value.length + 5)));
  const pairs = Array.from({ length: count }, (_, at) => `"${String(at).padStart(keyLength, 'k')}":${value}`);
  return `{${pairs.join()}}`;
};
const nested = (depth: number, bytes: number) => {
  const each = `${'['.repeat(depth)}${']'.repeat(depth)}`;
  return items(each, bytes);
};

/** A value of about so many bytes. */
const values: Record<string, (bytes: number) => string> = {
  'a long text': (bytes) => `"${fill('x', bytes)}"`,
  'a long text of escapes': (bytes) => `"${fill('\\u00e9', bytes)}"`,
  'a long text of quotes and backslashes': (bytes) => `"${fill('\\"\\\\', bytes)}"`,
  'a long text of control characters': (bytes) => `"${fill('\\u0001', bytes)}"`,
  'a long text of slashes': (bytes) => `"${fill('a/', bytes)}"`,
  'a long text of dashes': (bytes) => `"a${fill('-', bytes)}"`,
  'a long text of spaces': (bytes) => `"${fill(' ', bytes)}x"`,
  'a long number': (bytes) => fill('1', bytes),
  numbers: (bytes) => items('1', bytes),
  nulls: (bytes) => items('null', bytes),
  texts: (bytes) => items('"x"', bytes),
  'long texts': (bytes) => items(`"${'x'.repeat(1_000)}"`, bytes),
  'empty lists': (bytes) => items('[]', bytes),
  'empty objects': (bytes) => items('{}', bytes),
  'objects with wrong members': (bytes) => items('{"type":1,"role":2,"model":3,"when":4,"name":5}', bytes),
  'objects with long keys': (bytes) => items(`{"${'k'.repeat(900)}":1}`, bytes),
  'deep lists': (bytes) => nested(50, bytes),
  'members with short keys': (bytes) => members(bytes, 6, '1'),
  'members with long keys': (bytes) => members(bytes, 900, '1'),
  'members with control characters': (bytes) => `{${items('', 0).length && `"${fill('\\u0001', bytes)}":1`}}`,
  'one long key': (bytes) => `{"${fill('k', bytes)}":1}`,
  'deep objects': (bytes) => items(`${'{"a":'.repeat(40)}1${'}'.repeat(40)}`, bytes),
  // As many as are let through to the schemas.
  'as many numbers as fit': () => items('1', 2 * 19_000),
  'as many objects as fit': () => items('{"type":1,"x":2}', 17 * 6_000),
  'lists of lists that fit': () => items(items('{"type":1}', 11 * 90), 90 * 11 * 50),
};

const headersOf = (route: Route): Record<string, string> =>
  route.path.startsWith('/v1/widget/') ? webChatHeaders : {};
const pathOf = ({ path }: Route) =>
  path
    .replace('/v1/widget/{key}', webChatPath)
    .replace('/v1/hooks/{hookKey}', `/v1/hooks/${'x'.repeat(43)}`)
    .replaceAll(/\{\w+\}/g, '00000000-0000-7000-8000-000000000000');

const send = (route: Route, body: string) =>
  product
    .client(route.path.startsWith('/v1/widget/') ? null : product.owner.key)
    .send(route.method, pathOf(route), body, headersOf(route));

describe.each(Object.keys(values))('%s', (shape) => {
  it('is answered in a few words, wherever it comes', async () => {
    const value = values[shape]!(100_000);
    const large: string[] = [];
    for (const route of withBody()) {
      const names = namesOf(route);
      const all = names.map((name) => `"${name}":${values[shape]!(100_000 / names.length)}`);
      for (const body of [value, `{${all.join()}}`, `{"messages":${value},"model":"x"}`]) {
        const { status, text } = await send(route, body);
        const bytes = Buffer.byteLength(text);
        if (status >= 500 || bytes > maxAnswerBytes) large.push(`${route.name}: ${status}, ${bytes} bytes`);
      }
    }
    expect(large).toEqual([]);
  });
});

it('costs twice the body twice the time at most, and some more', { timeout: 180_000 }, async () => {
  const route = (name: string) => routes.find((each) => each.name === name)!;
  const asked = [
    'POST /v1/agents',
    'POST /v1/channels',
    'POST /openai/v1/chat/completions',
    'POST /v1/provider-credentials',
  ];
  /** The least of a few, in milliseconds: what else the machine does only adds. */
  async function cost(name: string, shape: string, bytes: number): Promise<number> {
    let least = Number.POSITIVE_INFINITY;
    const names = namesOf(route(name));
    const body = `{${names.map((each) => `"${each}":${values[shape]!(bytes / names.length)}`).join()}}`;
    for (let time = 0; time < 4; time += 1) {
      const begun = performance.now();
      await send(route(name), body);
      least = Math.min(least, performance.now() - begun);
    }
    return least;
  }
  const slow: string[] = [];
  for (const shape of Object.keys(values)) {
    const measure = async (bytes: number) => {
      let sum = 0;
      for (const name of asked) sum += await cost(name, shape, bytes);
      return sum;
    };
    let ratio = Number.POSITIVE_INFINITY;
    for (let time = 0; time < 4 && ratio > 3; time += 1)
      ratio = (await measure(1_000_000)) / (await measure(500_000));
    if (ratio > 3) slow.push(`${shape}: ${ratio.toFixed(1)}`);
  }
  expect(slow).toEqual([]);
});

it('names twenty of the errors, and says how many more there are', async () => {
  const targets = Array.from({ length: 5 }, () => ({ model: 1, weight: -1, tier: 0, x: 1, y: 2 }));
  const routesOf = Array.from({ length: 5 }, () => ({ when: { task: 'x' }, targets }));
  const answer = await product.owner.post('/v1/channels', {
    kind: 1,
    name: 2,
    agentId: 3,
    routes: Array.from({ length: 5 }, () => ({
      when: { workspace: 1, group: 2, person: 3, keyword: 4 },
      agentId: 5,
    })),
  });
  expect(answer.status).toBe(400);
  expect(answer.body.errors).toHaveLength(20);
  expect(answer.body.detail).toMatch(/And \d+ more$/);
  const agent = await product.owner.post('/v1/agents', { name: 'x', model: { targets, routes: routesOf } });
  expect(agent.status).toBe(400);
});

it('cuts what it repeats of a request, and shows no control character', async () => {
  const key = `\u202e\u001b[31m${'k'.repeat(10_000)}`;
  const answers = [
    await product.owner.post('/v1/agents', { name: 'a', [key]: 1 }),
    await product.owner.post('/v1/agents', { name: 'a', tools: { [key]: 'x' } }),
    await product.owner.get(`/v1/${'x'.repeat(12_000)}`),
    await product.owner.get(`/v1/agents?${encodeURIComponent(key)}=1`),
    await product.owner.post('/openai/v1/chat/completions', { model: key, messages: [{ role: key }] }),
  ];
  for (const { status, text } of answers) {
    expect([400, 404]).toContain(status);
    expect(Buffer.byteLength(text)).toBeLessThan(2_500);
    expect(text).not.toMatch(/\\u001b|\u202e/);
  }
});

it('takes ten thousand query parameters for wrong ones', async () => {
  const lists = routes.filter(
    ({ method, operation }) => method === 'GET' && operation.parameters?.length > 0,
  );
  const queries = [
    Array.from({ length: 2_000 }, (_, at) => `k${at}`).join('&'),
    Array.from({ length: 1_500 }, () => 'limit=1').join('&'),
    Array.from({ length: 1_500 }, () => 'a[]=1').join('&'),
    `cursor=${'x'.repeat(14_000)}`,
    `groupBy=${'model,'.repeat(2_000)}`,
    `format=${'x'.repeat(14_000)}`,
  ];
  for (const route of lists) {
    if (route.path.endsWith('/events')) continue;
    for (const query of queries) {
      const { status, text } = await product.owner.get(`${pathOf(route)}?${query}`, headersOf(route));
      expect(status, route.name).toBeLessThan(500);
      expect(Buffer.byteLength(text), route.name).toBeLessThanOrEqual(maxAnswerBytes * 4);
    }
  }
});

it('knows how many items and members each list and record of a request may have', () => {
  const open: string[] = [];
  function walk(name: string, schema: Property | boolean | undefined): void {
    if (typeof schema !== 'object') return;
    if (schema.type === 'array' && schema.maxItems === undefined) open.push(`${name}: a list`);
    const isRecord =
      schema.type === 'object' && typeof schema.additionalProperties === 'object' && !schema.properties;
    if (isRecord && schema.maxProperties === undefined) open.push(`${name}: a record`);
    walk(`${name}[]`, schema.items);
    for (const [member, each] of Object.entries(schema.properties ?? {})) walk(`${name}.${member}`, each);
    for (const each of schema.anyOf ?? []) walk(name, each);
    if (isRecord) walk(`${name}{}`, schema.additionalProperties);
  }
  for (const route of withBody()) walk(route.name, bodyOf(route));
  expect(open).toEqual([]);
});

it('a visitor cannot make much of a message', async () => {
  const files = Array.from({ length: 5 }, () => ({ name: 1, mediaType: 'x', data: '!'.repeat(1_000_000) }));
  const body = JSON.stringify({ id: randomUUID(), text: 1, files, more: 1 });
  const { status, text } = await product.client(null).post(`${webChatPath}/messages`, body, webChatHeaders);
  expect(status).toBe(400);
  expect(text.length).toBeLessThan(4_000);
});
