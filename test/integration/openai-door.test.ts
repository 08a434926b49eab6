/** The OpenAI-compatible API: what is refused by name, errors of every path, models, attachments, other origins. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import OpenAI4 from 'openai4';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  connectModel,
  createAgent,
  openRaw,
  type Product,
  rawHead,
  startProduct,
} from '../support/api/index.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';

const path = '/openai/v1/chat/completions';
const page = 'https://app.example.com';

let product: Product;
let server: ModelServer;
let images: Server;
let imagesUrl: string;

const pngBase64 =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const png = Buffer.from(pngBase64, 'base64');
const pdf = Buffer.from('%PDF-1.4\n%%EOF').toString('base64');

beforeAll(async () => {
  [product, server] = await Promise.all([startProduct({ openaiCorsOrigins: [page] }), startModelServer()]);
  await product.startWorker();
  const model = await connectModel(product.owner, server);
  await createAgent(product.owner, { name: 'owl', model });
  images = createServer(({ url }, response) => {
    if (url === '/pixel.png') response.writeHead(200, { 'content-type': 'image/png' }).end(png);
    else if (url === '/page') response.writeHead(200, { 'content-type': 'image/png' }).end('<html>');
    else if (url === '/large') {
      response.writeHead(200, { 'content-type': 'image/png' });
      response.end(Buffer.concat([png, Buffer.alloc(6 * 1024 * 1024)]));
    } else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => images.listen(0, '127.0.0.1', resolve));
  imagesUrl = `http://127.0.0.1:${(images.address() as AddressInfo).port}`;
});

beforeEach(() => server.reset());

afterAll(async () => {
  images.close();
  await Promise.all([product.close(), server.close()]);
});

const user = (content: unknown) => [{ role: 'user', content }];
const ask = (more: object = {}) => product.owner.post(path, { model: 'owl', messages: user('hi'), ...more });
const openaiError = { message: expect.any(String), type: expect.any(String), code: expect.any(String) };

describe('what changes an answer and is not supported', () => {
  const tool = { type: 'function', function: { name: 'f', parameters: {} } };
  const refused: [string, unknown][] = [
    ['n', 2],
    ['tools', [tool]],
    ['functions', [{ name: 'f' }]],
    ['tool_choice', 'required'],
    ['tool_choice', { type: 'function', function: { name: 'f' } }],
    ['function_call', { name: 'f' }],
    ['logprobs', true],
    ['top_logprobs', 3],
    ['logit_bias', { 50256: -100 }],
    ['modalities', ['text', 'audio']],
    ['audio', { voice: 'alloy', format: 'mp3' }],
    ['web_search_options', { search_context_size: 'low' }],
    ['no_such_parameter', 1],
    ['stop', ['a', 'b', 'c', 'd', 'e']],
    ['max_tokens', 0],
    ['response_format', { type: 'xml' }],
    ['messages', []],
  ];
  it.each(refused)('%s %j is refused by its name', async (param, value) => {
    for (const stream of [false, true]) {
      const { status, body } = await ask({ [param]: value, stream });
      expect(status).toBe(400);
      expect(body.error).toMatchObject({ ...openaiError, type: 'invalid_request_error' });
      expect(body.error.param).toMatch(new RegExp(`^${param}(\\.|$)`));
    }
    expect(server.requests).toEqual([]);
  });

  it('is refused in any number, and is never a 500', async () => {
    const names = fc.uniqueArray(fc.constantFrom(...refused.map(([name]) => name)), {
      minLength: 1,
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(names, fc.jsonValue(), async (each, value) => {
        const { status, body } = await ask(Object.fromEntries(each.map((name) => [name, value])));
        if (status === 200) return;
        expect(status).toBe(400);
        expect(body.error).toMatchObject(openaiError);
      }),
      { numRuns: 40 },
    );
    expect(server.requests.every(({ refused: why }) => why === null)).toBe(true);
  });

  it.each<[string, unknown[]]>([
    ['messages.0.content.0.type', user([{ type: 'video_url', video_url: { url: 'x' } }])],
    ['messages.0.content.0.file.file_id', user([{ type: 'file', file: { file_id: 'file-1' } }])],
    [
      'messages.0.content.0.file.file_data',
      user([{ type: 'file', file: { file_data: 'data:application/zip;base64,UEs=' } }]),
    ],
    [
      'messages.0.content.0.input_audio.format',
      user([{ type: 'input_audio', input_audio: { data: 'AA', format: 'ogg' } }]),
    ],
    ['messages.0.content.0.image_url.url', user([{ type: 'image_url', image_url: { url: 'ftp://x/y' } }])],
    [
      'messages.0.content.0.image_url.url',
      user([{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }]),
    ],
    [
      'messages.0.content.0.image_url.url',
      user([{ type: 'image_url', image_url: { url: 'data:image/png,xx' } }]),
    ],
    ['messages.0.content.0.image_url', user([{ type: 'image_url' }])],
    [
      'messages.0.content.0.type',
      [
        {
          role: 'system',
          content: [{ type: 'image_url', image_url: { url: `data:image/png;base64,${pngBase64}` } }],
        },
        ...user('x'),
      ],
    ],
    ['messages.0.role', [{ role: 'function', name: 'f', content: 'x' }, ...user('x')]],
    ['messages.0.role', [{ role: 'critic', content: 'x' }]],
    ['messages.0.tool_call_id', [{ role: 'tool', tool_call_id: 'call_1', content: 'x' }, ...user('x')]],
    [
      'messages.0.function_call',
      [{ role: 'assistant', content: null, function_call: { name: 'f', arguments: '' } }, ...user('x')],
    ],
    [
      'messages.0.tool_calls.0.type',
      [
        { role: 'assistant', content: null, tool_calls: [{ id: 'c', type: 'custom', custom: {} }] },
        ...user('x'),
      ],
    ],
    [
      'messages',
      [
        ...user('x'),
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }],
        },
        { role: 'tool', tool_call_id: 'c', content: '1' },
      ],
    ],
  ])('%s is refused by its name', async (param, messages) => {
    expect(await ask({ messages })).toMatchObject({
      status: 400,
      body: { error: { type: 'invalid_request_error', param } },
    });
    expect(server.requests).toEqual([]);
  });

  it.each([
    ['an array', { type: 'array', items: { type: 'string' } }],
    ['a reference to nothing', { type: 'object', $ref: 'https://example.com/schema' }],
    ['one that refers to itself', { type: 'object', $ref: '#' }],
    ['too long a one', { type: 'object', description: 'x'.repeat(100_001) }],
  ])('a schema of %s', async (_what, schema) => {
    const response_format = { type: 'json_schema', json_schema: { name: 'x', schema } };
    expect(await ask({ response_format })).toMatchObject({
      status: 400,
      body: { error: { param: 'response_format.json_schema.schema' } },
    });
  });

  it('what only steers a model is accepted', async () => {
    const harmless = {
      temperature: 0.2,
      top_p: 0.9,
      seed: 7,
      user: 'ada',
      metadata: { a: 'b' },
      presence_penalty: 0,
      frequency_penalty: 0,
      logit_bias: {},
      logprobs: false,
      n: 1,
      tools: [],
      tool_choice: 'none',
      parallel_tool_calls: true,
      store: false,
      service_tier: 'auto',
      reasoning_effort: 'low',
      modalities: ['text'],
      response_format: { type: 'text' },
      stop: null,
    };
    expect((await ask(harmless)).status).toBe(200);
  });
});

describe('a history', () => {
  it('shows the model the tools that were used in it', async () => {
    const call = {
      id: 'call_1',
      type: 'function',
      function: { name: 'weather', arguments: '{"city":"Uppsala"}' },
    };
    const messages = [
      { role: 'user', content: 'Weather?' },
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: 'call_1', content: [{ type: 'text', text: 'Snow' }] },
      { role: 'assistant', content: 'It snows.' },
      ...user('And now?'),
    ];
    expect((await ask({ messages })).status).toBe(200);
    expect(server.requests[0]!.body.messages.slice(1)).toMatchObject([
      { role: 'user', content: 'Weather?' },
      { role: 'assistant', tool_calls: [call] },
      { role: 'tool', tool_call_id: 'call_1', content: 'Snow' },
      { role: 'assistant', content: 'It snows.' },
      { role: 'user', content: 'And now?' },
    ]);
  });
});

describe('attachments', () => {
  const image = (url: string) => ({ type: 'image_url', image_url: { url, detail: 'low' } });

  it('are shown to the model: images in base64 and from the web, documents, texts', async () => {
    const content = [
      { type: 'text', text: 'Look: ' },
      image(`data:image/png;base64,${pngBase64}`),
      image(`${imagesUrl}/pixel.png`),
      { type: 'file', file: { filename: 'a.pdf', file_data: `data:application/pdf;base64,${pdf}` } },
      {
        type: 'file',
        file: { filename: 'notes.txt', file_data: Buffer.from('Buy milk.').toString('base64') },
      },
    ];
    expect((await ask({ messages: user(content) })).status).toBe(200);
    const parts = server.requests[0]!.body.messages.at(-1).content;
    const pixels = parts.filter(({ type }: { type: string }) => type === 'image_url');
    expect(pixels).toHaveLength(2);
    for (const { image_url } of pixels) expect(image_url.url).toBe(`data:image/png;base64,${pngBase64}`);
    const text = parts.map((part: { text?: string }) => part.text ?? '').join('');
    expect(text).toContain('Look: ');
    expect(text).toContain('Buy milk.');
    expect(text).toContain('a.pdf');
  });

  it.each([
    ['what is no image', '/page', /no PNG, JPEG, GIF or WebP/],
    ['what is not there', '/nothing', /answered 404/],
    ['what is too large', '/large', /larger than/],
  ])('from the web: %s is refused', async (_what, where, message) => {
    const { status, body } = await ask({ messages: user([image(imagesUrl + where)]) });
    expect({ status, param: body.error.param }).toEqual({
      status: 400,
      param: 'messages.0.content.0.image_url.url',
    });
    expect(body.error.message).toMatch(message);
  });

  it('from inside the network are refused', async () => {
    const { status, body } = await ask({ messages: user([image('http://169.254.169.254/latest')]) });
    expect(status).toBe(400);
    expect(body.error.message).toMatch(/no public address/);
  });

  it('are at most ten, none of them too large', async () => {
    const many = Array.from({ length: 11 }, () => image(`data:image/png;base64,${pngBase64}`));
    expect((await ask({ messages: user(many) })).body.error.param).toBe(
      'messages.0.content.10.image_url.url',
    );
    const large = `data:image/png;base64,${pngBase64}${'A'.repeat(8 * 1024 * 1024)}`;
    const { status, body } = await ask({ messages: user([image(large)]) });
    expect(status).toBe(400);
    expect(body.error.message).toMatch(/larger than 5 MiB/);
  });
});

describe('every error', () => {
  const owner = () => ({ authorization: `Bearer ${product.owner.key}` });
  const json = { 'content-type': 'application/json' };
  const cases: [string, string, RequestInit & { key?: boolean }, number, string][] = [
    [
      'an unknown path',
      '/openai/v1/embeddings',
      { method: 'POST', headers: json, body: '{}' },
      404,
      'not_found',
    ],
    ['the prefix', '/openai/v1', {}, 404, 'not_found'],
    ['a wrong method', path, {}, 405, 'method_not_allowed'],
    [
      'another wrong method',
      '/openai/v1/models',
      { method: 'POST', headers: json, body: '{}' },
      405,
      'method_not_allowed',
    ],
    ['no key', '/openai/v1/models', { key: false }, 401, 'invalid_api_key'],
    ['no JSON', path, { method: 'POST', headers: json, body: '{' }, 400, 'invalid_request'],
    [
      'no media type',
      path,
      { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'x' },
      415,
      'unsupported_media_type',
    ],
    ['a path that is no text', '/openai/v1/models/%ff', {}, 400, 'invalid_request'],
  ];
  it.each(cases)('of %s has the shape of OpenAI', async (_what, where, { key, ...init }, status, code) => {
    const headers = { ...(key === false ? {} : owner()), ...(init.headers as object) };
    const response = await fetch(product.url + where, { ...init, headers });
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await response.json()).toEqual({ error: { ...openaiError, code, param: null } });
    if (status === 405) expect(response.headers.get('allow')).toBeTruthy();
  });

  it.each([
    ['/openai/v1/models/eagle', undefined],
    [path, { model: 'eagle', messages: user('Hi') }],
    ['/openai/v1/responses', { model: 'eagle', input: 'Hi' }],
  ])('of an unknown model at %s says which there are', async (where, body) => {
    const init = body ? { method: 'POST', body: JSON.stringify(body) } : {};
    const headers = { ...owner(), ...(body && json) };
    const response = await fetch(product.url + where, { ...init, headers });
    expect(response.status).toBe(404);
    const { error } = (await response.json()) as { error: { message: string } };
    expect(error).toEqual({ ...openaiError, code: 'model_not_found', param: 'model' });
    expect(error.message).toMatch(/no agent "eagle".*There are: .*owl/);
  });

  it('of a body that is too large, too', async () => {
    const body = JSON.stringify({ model: 'owl', messages: user('x'.repeat(25 * 1024 * 1024)) });
    const response = await fetch(product.url + path, {
      method: 'POST',
      headers: { ...owner(), ...json },
      body,
    });
    expect(response.status).toBe(413);
    expect(await response.json()).toEqual({ error: { ...openaiError, code: 'body_too_large', param: null } });
  });

  it('of headers that are too large, too', async () => {
    const raw = openRaw(product.url);
    raw.send(rawHead('GET', '/openai/v1/models', { 'x-large': 'x'.repeat(100_000) }));
    const { status, body } = await raw.answer();
    expect(status).toBe(431);
    expect(JSON.parse(body)).toEqual({ error: { ...openaiError, param: null } });
  });

  it('elsewhere stays a problem document', async () => {
    const { headers, body } = await product.owner.get('/v1/nothing');
    expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(body).toMatchObject({ status: 404, code: 'not_found' });
  });

  it('of a server that stops, too', async () => {
    const stopping = await startProduct();
    const raw = openRaw(stopping.url);
    const authorization = `Bearer ${stopping.owner.key}`;
    raw.send(rawHead('GET', '/openai/v1/models', { authorization }));
    expect((await raw.answer()).status).toBe(200);
    // A request that has begun keeps its connection open, and the server with it.
    const head = rawHead('GET', '/openai/v1/models', { authorization });
    raw.send(head.slice(0, -2));
    await stopping.owner.expect(200, stopping.owner.get('/openai/v1/models'));
    const closed = stopping.close();
    await expect.poll(() => stopping.app.stopping.aborted).toBe(true);
    raw.send(head.slice(-2));
    const answer = await raw.answer();
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.body)).toEqual({
      error: { ...openaiError, type: 'server_error', code: 'unavailable', param: null },
    });
    await closed;
  });
});

describe('models', () => {
  it('are all agents, however many, by any name', async () => {
    const team = await product.addTeam('crowd');
    const names = ['plain', 'two words', 'group/one', 'a/b/c', 'ünï côdé', 'per%cent', 'plus+and&more?'];
    for (const name of names) await createAgent(team.owner, { name, model: 'demo/guide' });
    await product.sql(
      `INSERT INTO agent (id, team_id, name, instructions, model, tools, limits, updated_at)
       SELECT uuidv7(), team_id, 'agent ' || n, '', model, tools, limits, now()
       FROM agent, generate_series(1, 250) AS n WHERE team_id = $1 AND name = 'plain'`,
      [team.id],
    );
    const { data } = (await team.owner.get('/openai/v1/models')).body;
    expect(data).toHaveLength(257);
    expect(data.map(({ id }: { id: string }) => id)).toEqual(expect.arrayContaining(names));
    // This client puts a name into the path as it is.
    const openai4 = new OpenAI4({
      baseURL: `${product.url}/openai/v1`,
      apiKey: team.owner.key!,
      maxRetries: 0,
    });
    for (const name of names) {
      const encoded = await team.owner.get(`/openai/v1/models/${encodeURIComponent(name)}`);
      expect(encoded.body).toMatchObject({ id: name, object: 'model' });
      const chat = await openai4.chat.completions.create({
        model: name,
        messages: [{ role: 'user', content: 'x' }],
      });
      expect(chat.model).toBe(name);
    }
    for (const name of ['two words', 'group/one', 'a/b/c'])
      expect(await openai4.models.retrieve(name)).toMatchObject({ id: name });
  });
});

it('of an id is that agent, whatever another one is called', async () => {
  const team = await product.addTeam('names');
  const id = await createAgent(team.owner, { name: 'first', model: 'demo/guide' });
  await product.sql(`UPDATE agent SET name = $2 WHERE id = $1`, [
    await createAgent(team.owner, { name: 'second', model: 'demo/guide' }),
    id,
  ]);
  expect((await team.owner.get(`/openai/v1/models/${id}`)).body).toMatchObject({ id: 'first' });
});

describe('pages of other origins', () => {
  const preflight = (origin: string, to = product) =>
    fetch(to.url + path, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type,x-stainless-os',
      },
    });

  it('that are allowed may call it, and read its errors', async () => {
    const asked = await preflight(page);
    expect(asked.status).toBe(204);
    expect(Object.fromEntries(asked.headers)).toMatchObject({
      'access-control-allow-origin': page,
      'access-control-allow-headers': 'authorization,content-type,x-stainless-os',
      'access-control-allow-methods': 'GET, POST',
      vary: 'origin',
    });
    for (const [where, headers] of [
      ['/openai/v1/models', { authorization: `Bearer ${product.owner.key}` }],
      ['/openai/v1/models', {}],
      ['/openai/v1/nothing', {}],
    ] as const) {
      const response = await fetch(product.url + where, { headers: { ...headers, origin: page } });
      expect(response.headers.get('access-control-allow-origin')).toBe(page);
      expect(response.headers.get('access-control-expose-headers')).toContain('retry-after');
    }
    const streamed = await fetch(product.url + path, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${product.owner.key}`,
        'content-type': 'application/json',
        origin: page,
      },
      body: JSON.stringify({ model: 'owl', messages: user('hi'), stream: true }),
    });
    expect(streamed.headers.get('access-control-allow-origin')).toBe(page);
    expect(await streamed.text()).toContain('[DONE]');
  });

  it('that are not, may not, and nothing else is opened', async () => {
    for (const origin of ['https://evil.example', `${page}.evil.example`, 'null', 'http://app.example.com']) {
      const asked = await preflight(origin);
      expect(asked.headers.get('access-control-allow-origin')).toBeNull();
      expect(asked.status).not.toBe(204);
    }
    const other = await fetch(`${product.url}/v1/agents`, { headers: { origin: page } });
    expect(other.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('may not by default', async () => {
    const closed = await startProduct();
    const asked = await preflight(page, closed);
    expect(asked.headers.get('access-control-allow-origin')).toBeNull();
    expect(asked.status).toBe(405);
    await closed.close();
  });
});
