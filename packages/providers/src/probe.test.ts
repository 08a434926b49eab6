import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ModelServer, startModelServer } from '../../../test/support/model-server/index.ts';
import { probe } from './probe.ts';
import { createProtocols } from './protocols/index.ts';
import type { Endpoint } from './provider.ts';

/** What the vendor lists; null: it has no list. */
let listed: string[] | null;
const lists = createServer((_request, response) => {
  if (listed === null) response.writeHead(404).end('{}');
  else response.end(JSON.stringify({ data: listed.map((id) => ({ id })) }));
});
let server: ModelServer;
let modelsUrl: string;
let keys = 0;

beforeAll(async () => {
  server = await startModelServer();
  await new Promise<void>((resolve) => lists.listen(0, '127.0.0.1', resolve));
  modelsUrl = `http://127.0.0.1:${(lists.address() as AddressInfo).port}`;
});

beforeEach(() => server.reset());

afterAll(() => Promise.all([server.close(), new Promise((resolve) => lists.close(resolve))]));

const protocols = createProtocols();

function run(
  provider: string,
  more: Partial<Endpoint> = {},
  options: { model?: string; signal?: AbortSignal } = {},
) {
  const endpoint: Endpoint = {
    provider,
    wire: 'openai-chat',
    baseUrl: server.openaiUrl,
    apiKey: `sk-${++keys}`,
    compat: {},
    modelsUrl,
    ...more,
  };
  const { signal = new AbortController().signal } = options;
  return probe(endpoint, { credentialId: null, protocols, ...options, signal });
}

describe('probe', () => {
  it('calls the cheapest model to chat with that the price list and the vendor have in common', async () => {
    listed = ['gpt-5.4', 'gpt-4o-mini-tts', 'text-embedding-3-small', 'gpt-5-nano', 'gpt-image-1-mini', 'o3'];
    expect(await run('openai')).toMatchObject({
      ok: true,
      model: 'gpt-5-nano',
      problem: null,
      models: 6,
      attempts: [{ outcome: 'ok', model: 'gpt-5-nano' }],
    });
    expect(server.requests).toMatchObject([{ body: { model: 'gpt-5-nano', max_completion_tokens: 16 } }]);
  });

  it('passes over listed models of a name that cannot be stored', async () => {
    listed = ['our\0own', 'half\ud800', 'another'];
    expect(await run('lab')).toMatchObject({ ok: true, model: 'another', models: 1 });
  });

  it('calls the usual model where there is no list, the first listed where no price is known', async () => {
    listed = null;
    expect(await run('openai')).toMatchObject({ ok: true, model: 'gpt-5.4', models: null });
    listed = ['bge-embed', 'our-own', 'another'];
    expect(await run('lab')).toMatchObject({ ok: true, model: 'our-own', models: 3 });
    expect(await run('lab', {}, { model: 'mine' })).toMatchObject({ ok: true, model: 'mine' });
    listed = [];
    expect(await run('lab')).toMatchObject({
      ok: false,
      model: null,
      problem: { kind: 'model' },
      attempts: [],
    });
  });

  it('tries another model when the first is none to chat with', async () => {
    listed = ['gpt-5-nano', 'gpt-5.4'];
    server.script([{ status: 404, message: 'This is not a chat model.' }, { text: 'ok' }]);
    expect(await run('openai')).toMatchObject({
      ok: true,
      model: 'gpt-5.4',
      attempts: [{ outcome: 'model' }, { outcome: 'ok' }],
    });
  });

  it.each([
    ['a wrong key', { status: 401, message: 'Incorrect API key' }, 'auth', 'copied whole'],
    ['no credit', { status: 402, message: 'Insufficient balance' }, 'billing', 'top up'],
    ['a used-up plan', { status: 429, code: 'insufficient_quota' }, 'quota', 'limit is reset'],
    ['too many requests', { status: 429, message: 'slow down' }, 'rate', 'in a moment'],
    ['a vendor in trouble', { status: 500 }, 'server', 'test again later'],
    ['a web page', { fault: 'html' }, 'server', 'the base URL, which is http'],
    [
      'a redirect',
      { status: 301, headers: { location: 'https://www.example.com/' } },
      'request',
      'the base URL, which is',
    ],
    ['a refused request', { status: 400, message: 'bad' }, 'request', 'is a model to chat with'],
  ] as const)('says in words what is wrong: %s', async (_, step, kind, hint) => {
    listed = ['only'];
    server.script([step]);
    const result = await run('lab');
    expect(result).toMatchObject({
      ok: false,
      model: 'only',
      problem: { kind, hint: expect.stringContaining(hint) },
    });
    expect(result.latencyMs).toBeGreaterThanOrEqual(0);
    expect(server.requests).toHaveLength(1);
    expect(JSON.stringify(result)).not.toContain(`sk-${keys}`);
  });

  it('names models that are spelled alike', async () => {
    listed = ['qwen3-coder', 'llama3.3'];
    server.script([{ status: 404, message: 'no such model' }]);
    expect(await run('lab', {}, { model: 'qwen3-codr' })).toMatchObject({
      problem: { kind: 'model', hint: 'Its list has qwen3-coder.' },
    });
  });

  it('says that nothing is there', async () => {
    const baseUrl = 'http://127.0.0.1:1/v1';
    const problem = { kind: 'network', hint: expect.stringContaining(baseUrl) };
    listed = ['only'];
    expect(await run('lab', { baseUrl })).toMatchObject({ model: 'only', problem });
    // With no model to call either, what is wrong with the list says the most.
    expect(await run('lab', { baseUrl, modelsUrl: `${baseUrl}/models` })).toMatchObject({
      model: null,
      problem,
      attempts: [],
    });
    expect(await run('azure', { baseUrl, modelsUrl: null })).toMatchObject({
      problem: { kind: 'model', hint: 'Name a model that the key can call.' },
    });
  });

  it('ends with whoever asked', async () => {
    listed = ['only'];
    server.script([{ fault: 'hang' }]);
    const stop = new AbortController();
    const result = run('lab', {}, { signal: stop.signal });
    await expect.poll(() => server.requests.length).toBe(1);
    stop.abort();
    expect(await result).toMatchObject({ ok: false, problem: { kind: 'aborted' } });
  });
});
