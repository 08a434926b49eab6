/** The OpenAPI document: valid in itself, and about everything that there is. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  anonymous,
  documentedRoutes,
  type Product,
  type Route,
  registeredRoutes,
  startProduct,
} from '../support/api/index.ts';

let product: Product;
// biome-ignore lint/suspicious/noExplicitAny: a document of many shapes
let document: any;
let routes: Route[];

beforeAll(async () => {
  product = await startProduct();
  document = await product.owner.expect(200, product.client(null).get('/openapi.json'));
  routes = await documentedRoutes(product.owner);
});

afterAll(() => product.close());

it('says which version it is, where the server is, and how to sign in', () => {
  expect(document).toMatchObject({
    openapi: '3.1.0',
    info: { title: 'Nightshift', version: expect.stringMatching(/^\d+\.\d+\.\d+/) },
    servers: [{ url: expect.any(String) }],
    components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
    security: [{ key: [] }],
  });
});

it('has every route but those for browsers', () => {
  const forBrowsers =
    /^(OPTIONS .*|\w+ (\/|\/openapi\.json|\/docs(\/.*)?|\/queues(\/.*)?|\/widget(\.js|\/.*)))$/;
  const registered = registeredRoutes(product.app.printRoutes({ commonPrefix: false })).filter(
    (name) => !name.startsWith('HEAD ') && !forBrowsers.test(name),
  );
  expect(registered.length).toBeGreaterThan(20);
  expect(routes.map(({ name }) => anonymous(name)).sort()).toEqual(registered.map(anonymous).sort());
});

it('says of each route what it is, what it takes and what it answers', () => {
  for (const { name, path, operation } of routes) {
    expect(operation.summary, name).toEqual(expect.any(String));
    expect(operation.tags, name).toHaveLength(1);
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter);
    const described = (operation.parameters ?? []).filter(
      (parameter: { in: string }) => parameter.in === 'path',
    );
    expect(
      described.map((parameter: { name: string }) => parameter.name),
      name,
    ).toEqual(inPath);
    for (const parameter of described) expect(parameter.required, name).toBe(true);
    expect(Object.keys(operation.responses).length, name).toBeGreaterThan(0);
    for (const [status, response] of Object.entries<{ description?: string }>(operation.responses)) {
      expect(status, name).toMatch(/^([1-5]\d\d|[1-5]XX|default)$/);
      expect(response.description, name).toEqual(expect.any(String));
    }
  }
});

it('refers to nothing that is not there', () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path!);
  for (const path of references) {
    const target = path.split('/').reduce((value, key) => value?.[key], document);
    expect(target, path).toBeDefined();
  }
});

it('describes what the API really answers: each read answers only what it lists', async () => {
  const reads = routes.filter(
    ({ method, path }) => method === 'GET' && path.startsWith('/v1/') && !path.includes('{'),
  );
  for (const { name, path, operation } of reads) {
    const { body } = await product.owner.get(path);
    const { properties, required } = operation.responses['200'].content['application/json'].schema;
    expect(Object.keys(properties), name).toEqual(expect.arrayContaining(Object.keys(body)));
    expect(Object.keys(body), name).toEqual(expect.arrayContaining(required));
  }
});

/** What people know by a name, and where an answer says it: beside `agentId` stands `agent: {id, name}`. */
const named: Record<string, string> = {
  agentId: 'agent',
  channelId: 'channel',
  scheduleId: 'schedule',
  webhookId: 'webhook',
  memberId: 'member',
  personId: 'person',
  credentialId: 'keyLabel',
};

/** @returns the properties of each object that answers of an operation are made of, with the path to it */
function* objectsIn(schema: unknown, path: string): Generator<[path: string, properties: string[]]> {
  if (typeof schema !== 'object' || schema === null) return;
  const { properties } = schema as { properties?: object };
  if (properties) yield [path, Object.keys(properties)];
  for (const [key, value] of Object.entries(schema)) yield* objectsIn(value, `${path}/${key}`);
}

it('says the name beside each id of what has one', () => {
  const nameless: string[] = [];
  for (const { name, operation } of routes) {
    for (const [status, { content }] of Object.entries<{ content?: object }>(operation.responses)) {
      for (const [path, properties] of objectsIn(content ?? {}, `${name} ${status}`)) {
        // Where the name stands beside the id itself, the object is that record.
        const missing = properties.filter(
          (property) =>
            named[property] && !properties.includes(named[property]) && !properties.includes('name'),
        );
        // Routes of a channel are written back as they were read.
        if (missing.length > 0 && !path.includes('/properties/routes/')) nameless.push(`${path}: ${missing}`);
      }
    }
  }
  expect(nameless).toEqual([]);
});

it('is made once, and sent again only to who has another one', async () => {
  const client = product.client(null);
  for (const path of ['/openapi.json', '/docs/json', '/widget.js', '/widget/demo.css']) {
    const first = await client.get(path);
    const etag = first.headers.get('etag')!;
    expect([path, first.status, etag]).toEqual([path, 200, expect.stringMatching(/^W\/"[\w-]{22}"$/)]);
    const { gzip, plain } = {
      gzip: await client.get(path, { 'accept-encoding': 'gzip' }),
      plain: await client.get(path, { 'accept-encoding': 'identity' }),
    };
    expect([gzip.headers.get('content-encoding'), plain.headers.get('content-encoding')]).toEqual([
      'gzip',
      null,
    ]);
    expect(gzip.text).toBe(plain.text);
    expect(first.headers.get('vary')).toContain('accept-encoding');
    for (const known of [etag, etag.slice(2), '*', `"other", ${etag}`])
      expect(await client.get(path, { 'if-none-match': known })).toMatchObject({ status: 304, text: '' });
    expect((await client.get(path, { 'if-none-match': 'W/"other"' })).status).toBe(200);
  }
  // The same bytes, not only the same content: nothing was made anew.
  const { swagger } = product.app;
  product.app.swagger = () => {
    throw new Error('The document was made again.');
  };
  expect((await client.get('/openapi.json')).status).toBe(200);
  product.app.swagger = swagger;
});
