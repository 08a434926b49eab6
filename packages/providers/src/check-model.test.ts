import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { checkModel } from './check-model.ts';
import { listLiveModels } from './listing.ts';
import { listAllModels } from './models.ts';
import type { Endpoint } from './provider.ts';

let respond: RequestListener;
const requests: { url: string; headers: Record<string, unknown> }[] = [];
const server = createServer((request, response) => {
  requests.push({ url: request.url!, headers: request.headers });
  respond(request, response);
});
let url: string;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

beforeEach(() => {
  requests.length = 0;
});

afterAll(() => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});

const json =
  (body: unknown, status = 200): RequestListener =>
  (_request, response) =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

let keys = 0;

/** With a key of its own, so that no test reads what another was told. */
const endpoint = (more: Partial<Endpoint> = {}): Endpoint => ({
  provider: 'lab',
  wire: 'openai-chat',
  baseUrl: `${url}/v1`,
  apiKey: `sk-${++keys}`,
  compat: {},
  ...more,
});

describe('a list of models', () => {
  it('is read in every shape that vendors give it', async () => {
    const read = (body: unknown) => {
      respond = json(body);
      return listLiveModels(endpoint());
    };
    const two = [
      { id: 'a', contextWindow: 4096 },
      { id: 'b', contextWindow: null },
    ];
    expect(await read({ object: 'list', data: [{ id: 'a', context_length: 4096 }, { id: 'b' }] })).toEqual(
      two,
    );
    expect(await read({ models: [{ name: 'a', context_length: 4096 }, { name: 'b' }] })).toEqual(two);
    expect(
      await read([
        { id: 'a', max_model_len: 4096 },
        { id: 'b', context_length: 'much' },
      ]),
    ).toEqual(two);
    expect(await read({ data: ['a', 7, null, {}, { id: '' }, { id: 'models/b' }] })).toEqual([
      { id: 'a', contextWindow: null },
      { id: 'b', contextWindow: null },
    ]);
    expect(await read({ data: [] })).toEqual([]);
  });

  it('is asked for as each wire wants it', async () => {
    respond = json({ data: [] });
    await listLiveModels(endpoint({ apiKey: 'sk-chat' }));
    await listLiveModels(endpoint({ apiKey: 'sk-ant', wire: 'anthropic-messages', baseUrl: url }));
    await listLiveModels(
      endpoint({
        apiKey: 'sk-imitator',
        wire: 'anthropic-messages',
        baseUrl: url,
        compat: { xApiKey: true },
      }),
    );
    await listLiveModels(endpoint({ apiKey: null, modelsUrl: `${url}/elsewhere` }));
    expect(requests).toMatchObject([
      { url: '/v1/models', headers: { authorization: 'Bearer sk-chat' } },
      { url: '/v1/models?limit=1000', headers: { 'x-api-key': 'sk-ant', 'anthropic-version': '2023-06-01' } },
      { headers: { 'x-api-key': 'sk-imitator', authorization: 'Bearer sk-imitator' } },
      { url: '/elsewhere' },
    ]);
    expect(requests[1]!.headers).not.toHaveProperty('authorization');
    expect(requests[3]!.headers).not.toHaveProperty('authorization');
  });

  it('is remembered for five minutes, a failure is not', async () => {
    const lab = endpoint();
    respond = json({ error: { message: 'busy' } }, 503);
    await expect(listLiveModels(lab, 0)).rejects.toMatchObject({ kind: 'overload' });
    respond = json({ data: [{ id: 'a' }] });
    await Promise.all([listLiveModels(lab, 0), listLiveModels(lab, 0), listLiveModels(lab, 299_999)]);
    expect(requests).toHaveLength(2);
    await listLiveModels(lab, 300_000);
    await listLiveModels({ ...lab, apiKey: 'another' }, 0);
    expect(requests).toHaveLength(4);
  });

  it.each([
    [
      'a redirect',
      'request',
      /redirects to https:\/\/login\.example/,
      (_, response) => {
        response.writeHead(302, { location: 'https://login.example/?next=x' }).end();
      },
    ],
    [
      'a web page',
      'server',
      /HTML/,
      (_, response) => {
        response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html>');
      },
    ],
    ['JSON of another kind', 'server', /no list of models/, json({ hello: 'world' })],
    ['no JSON', 'server', /no list of models/, (_, response) => void response.end('nope')],
    ['a refused key', 'auth', /refused/, json({ error: { message: 'no' } }, 401)],
    ['a cut connection', 'network', /No connection/, (_, response) => void response.destroy()],
  ] satisfies [string, string, RegExp, RequestListener][])(
    'that is %s is said to be so',
    async (_, kind, message, answer) => {
      respond = answer;
      await expect(listLiveModels(endpoint())).rejects.toMatchObject({
        kind,
        message: expect.stringMatching(message),
      });
      expect(requests).toHaveLength(1);
    },
  );

  it('adds what the price list knows', async () => {
    respond = json({ data: [{ id: 'gpt-5.4' }, { id: 'gpt-unheard-of', context_window: 7 }] });
    const models = await listAllModels(endpoint({ provider: 'openai' }));
    expect(models.slice(0, 2)).toMatchObject([
      {
        ref: 'openai/gpt-5.4',
        price: { input: '2.5', output: '15' },
        contextWindow: 1_050_000,
        sources: ['prices', 'live'],
      },
      { ref: 'openai/gpt-unheard-of', price: null, contextWindow: 7, sources: ['live'] },
    ]);
    expect(models.length).toBeGreaterThan(20);
    expect(models.filter(({ ref }) => ref === 'openai/gpt-5.4')).toHaveLength(1);
    expect(models.at(-1)!.sources).toEqual(['prices']);
  });
});

describe('checkModel', () => {
  const qwen = {
    data: [{ id: 'qwen3:latest' }, { id: 'qwen3-coder' }, { id: 'llama3.3' }, { id: 'acme/Big' }],
  };

  it('knows a model of the price list without asking', async () => {
    respond = json({}, 500);
    expect(await checkModel(endpoint({ provider: 'openai' }), 'gpt-5.4')).toEqual({ known: true });
    expect(await checkModel(endpoint({ provider: 'anthropic' }), 'claude-haiku-4-5-20251001')).toEqual({
      known: true,
    });
    expect(requests).toEqual([]);
  });

  it.each(['qwen3', 'qwen3:latest', 'llama3.3', 'llama3.3:free', 'ACME/big'])(
    'finds %s in the list',
    async (model) => {
      respond = json(qwen);
      expect(await checkModel(endpoint(), model)).toEqual({ known: true });
    },
  );

  it('suggests what is spelled most alike', async () => {
    respond = json(qwen);
    expect(await checkModel(endpoint(), 'qwen3-codr')).toEqual({
      known: false,
      suggestions: ['qwen3-coder'],
    });
    expect(await checkModel(endpoint(), 'qwen3-late')).toEqual({
      known: false,
      suggestions: ['qwen3:latest', 'qwen3-coder'],
    });
    expect(await checkModel(endpoint(), 'something-else-entirely')).toEqual({
      known: false,
      suggestions: [],
    });
    // The price list of a vendor says nothing of a custom endpoint, however it is called.
    expect(await checkModel(endpoint({ provider: 'my-openai' }), 'gpt-5.4')).toMatchObject({ known: false });
  });

  it('does not say no where it cannot know', async () => {
    respond = json({ error: { message: 'no such route' } }, 404);
    expect(await checkModel(endpoint(), 'x')).toMatchObject({
      known: null,
      why: expect.stringContaining('404'),
    });
    respond = json({ data: [] });
    expect(await checkModel(endpoint(), 'x')).toEqual({ known: null, why: 'lab lists no model.' });
    expect(await checkModel(endpoint({ modelsUrl: null }), 'my-deployment')).toEqual({
      known: null,
      why: 'lab has no list of models.',
    });
  });

  it('knows the demo', async () => {
    const demo = endpoint({ provider: 'demo', wire: 'demo', baseUrl: '', apiKey: null });
    expect(await checkModel(demo, 'guide')).toEqual({ known: true });
    expect(await checkModel(demo, 'gide')).toEqual({ known: false, suggestions: ['guide'] });
  });
});
