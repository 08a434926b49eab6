import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import type { ModelErrorKind } from '@nightshift/providers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ModelServer, type Step, startModelServer } from '../../support/model-server/index.ts';
import { apiKey, callOf, checkOrder, endpointFor, errorOf, listen, protocols, wires } from './support.ts';

let server: ModelServer;
beforeAll(async () => {
  server = await startModelServer();
});
afterEach(() => server.reset());
afterAll(() => server.close());

describe.each(wires)('%s: failures', (wire) => {
  const endpoint = () => endpointFor(server, wire);
  const fail = async (step: Step, call = callOf('hi')) => {
    server.script([step]);
    const heard = await listen(call, endpoint());
    return { ...heard, error: errorOf(heard) };
  };

  it.each<[number, ModelErrorKind, boolean]>([
    [400, 'request', false],
    [401, 'auth', false],
    [402, 'billing', false],
    [403, 'auth', false],
    [404, 'model', false],
    [408, 'timeout', true],
    [409, 'server', true],
    [413, 'context', false],
    [422, 'request', false],
    [429, 'rate', true],
    [500, 'server', true],
    [502, 'server', true],
    [503, 'overload', true],
    [504, 'server', true],
    [520, 'server', true],
    [529, 'overload', true],
  ])('HTTP %i is %s (retryable: %s), in one request', async (status, kind, retryable) => {
    const { error, types } = await fail({ status, message: 'The vendor says so.', errorType: 'some_error' });
    expect(error).toMatchObject({ kind, retryable, status, requestId: 'req_test_1' });
    expect(error.message).toContain('The vendor says so.');
    expect(types).toEqual(['error']);
    expect(server.requests).toHaveLength(1);
  });

  it.each<[string, Step, ModelErrorKind]>([
    ['insufficient_quota', { status: 429, code: 'insufficient_quota' }, 'quota'],
    ['a plan limit', { status: 429, message: 'Weekly usage limit reached' }, 'quota'],
    ['context_length_exceeded', { status: 400, code: 'context_length_exceeded' }, 'context'],
    [
      'prompt is too long',
      { status: 400, message: 'prompt is too long: 210000 tokens > 200000 maximum' },
      'context',
    ],
    ['content filter', { status: 400, code: 'content_filter' }, 'content'],
    ['flagged input', { status: 403, message: 'Your input was flagged by moderation' }, 'content'],
    [
      'credit balance',
      { status: 400, message: 'Your credit balance is too low to access the API.' },
      'billing',
    ],
    [
      'a bad key under 400',
      { status: 400, message: 'API key not valid. Please pass a valid API key.' },
      'auth',
    ],
    ['no such model under 400', { status: 400, code: 'model_not_found' }, 'model'],
  ])('reads %s from what the vendor says', async (_name, step, kind) => {
    expect((await fail(step)).error.kind).toBe(kind);
  });

  it.each<[string, Record<string, string>, number]>([
    ['retry-after in seconds', { 'retry-after': '7' }, 7000],
    ['retry-after-ms', { 'retry-after-ms': '250', 'retry-after': '1' }, 250],
    [
      'the reset of a limit that is used up',
      { 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '1m2s' },
      62_000,
    ],
  ])('takes %s', async (_name, headers, expected) => {
    expect((await fail({ status: 429, headers })).error.retryAfterMs).toBe(expected);
  });

  it('takes retry-after as a date', async () => {
    const headers = { 'retry-after': new Date(Date.now() + 30_000).toUTCString() };
    const wait = (await fail({ status: 503, headers })).error.retryAfterMs;
    expect(wait).toBeGreaterThan(20_000);
    expect(wait).toBeLessThanOrEqual(30_000);
  });

  it('says what a web page in place of an answer means', async () => {
    expect((await fail({ fault: 'html' })).error).toMatchObject({
      kind: 'server',
      message: 'The endpoint answered an HTML page ("Welcome"), not JSON: is the base URL right?',
    });
    expect((await fail({ fault: 'html', status: 404 })).error).toMatchObject({
      kind: 'model',
      message: expect.stringContaining('HTML'),
    });
    expect((await fail({ fault: 'html', status: 502 })).error).toMatchObject({
      kind: 'server',
      message: expect.stringContaining('502'),
    });
  });

  it('does not follow a redirect, which would carry the key along', async () => {
    const { error } = await fail({ status: 307, headers: { location: 'https://elsewhere.example/v1' } });
    expect(error).toMatchObject({
      kind: 'request',
      message: expect.stringContaining('https://elsewhere.example'),
    });
  });

  it('takes an error inside a 200 for an error, and keeps what had come', async () => {
    const { error, end } = await fail({
      text: ['Half', ' of it'],
      fault: 'error',
      message: 'Overloaded',
      errorType: 'overloaded_error',
    });
    expect(error).toMatchObject({ kind: 'overload', retryable: true });
    expect(error.message).toContain('Overloaded');
    expect(end).toMatchObject({ partial: { content: [{ type: 'text', text: 'Half' }] } });
  });

  it('takes an error as the whole 200 for an error', async () => {
    const { error } = await fail({
      body: '{"error": {"message": "No such luck.", "type": "rate_limit_error"}}',
    });
    expect(error).toMatchObject({ kind: 'rate', message: expect.stringContaining('No such luck.') });
  });

  it.each([
    '{"hello": 1}',
    '"text"',
    'null',
    '{"choices": 3}',
    '{"choices": [{"delta": {"tool_calls": [null]}}], "output": [null]}',
    '{"choices": [7], "output": [{"type": "message", "content": 7}]}',
    '',
    '{',
  ])('survives a 200 with the body %s', async (body) => {
    expect((await fail({ body })).error.kind).toMatch(/server|truncated/);
  });

  it('survives an event that is no JSON', async () => {
    const { error } = await fail({ text: 'x', fault: 'invalid-json' });
    expect(error).toMatchObject({ kind: 'server', retryable: true });
  });

  it.each([
    'data: null\n\n',
    'data: 7\n\n',
    'data: []\n\n',
    'event: content_block_delta\ndata: {"type":"content_block_delta"}\n\n',
    'event: message_start\ndata: {"type":"message_start"}\n\n',
    'data: {"choices":[{"delta":{"tool_calls":[{}]}}]}\n\n',
    'data: {"choices":[null]}\n\n',
    ': comment\n\nevent: nothing\n\n',
  ])('survives an event that makes no sense: %j', async (body) => {
    const { error } = await fail({ body, headers: { 'content-type': 'text/event-stream' } });
    expect(['server', 'truncated']).toContain(error.kind);
  });

  it.each(['no-finish', 'cut'] as const)(
    'takes a stream that merely ends (%s) for broken off',
    async (fault) => {
      const { error, end } = await fail({ text: ['Half', ' of it'], fault });
      expect(error.kind).toBe('truncated');
      const partial = end.type === 'error' ? end.partial.content : [];
      expect(partial[0]).toMatchObject({ type: 'text', text: expect.stringContaining('Half') });
    },
  );

  it('calls nothing when it is aborted before it begins', async () => {
    const controller = new AbortController();
    controller.abort();
    const heard = await listen(callOf('hi'), endpoint(), controller.signal);
    expect(errorOf(heard).kind).toBe('aborted');
    expect(server.requests).toHaveLength(0);
  });

  it.each<[string, Step, string]>([
    ['before the headers', { fault: 'hang' }, ''],
    ['before the first token', { text: 'x', firstTokenMs: 10_000 }, ''],
    ['in the middle', { text: ['Half', ' of it'], fault: 'hang-after' }, 'Half'],
  ])('an abort %s reaches the socket', async (_when, step, partial) => {
    server.script([step]);
    const controller = new AbortController();
    const started = listen(callOf('hi'), endpoint(), controller.signal);
    await until(() => server.requests.length === 1);
    if (partial === '') setTimeout(() => controller.abort(), 50);
    else setTimeout(() => controller.abort(), 150);
    const heard = await started;
    expect(errorOf(heard).kind).toBe('aborted');
    expect(heard.text).toBe(partial);
    await server.requests[0]!.finished;
    expect(server.requests[0]!.closedEarly).toBe(true);
  });

  it('closes the socket when the reader leaves early', async () => {
    server.script([{ text: ['one', 'two'], fault: 'hang-after' }]);
    for await (const event of protocols[wire].stream(
      callOf('hi'),
      endpoint(),
      new AbortController().signal,
    )) {
      if (event.type === 'text') break;
    }
    await server.requests[0]!.finished;
    expect(server.requests[0]!.closedEarly).toBe(true);
  });

  it('names the host it cannot reach', async () => {
    const free = createServer();
    await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    const heard = await listen(callOf('hi'), { ...endpoint(), baseUrl: `http://127.0.0.1:${port}` });
    expect(errorOf(heard)).toMatchObject({
      kind: 'network',
      message: `No connection to 127.0.0.1:${port} (ECONNREFUSED).`,
    });
  });

  it('reports a base URL that is none', async () => {
    const heard = await listen(callOf('hi'), { ...endpoint(), baseUrl: 'not a url' });
    expect(errorOf(heard).kind).toBe('network');
  });

  it('never shows the key, however the vendor echoes it', async () => {
    const steps: Step[] = [
      { status: 401, message: `Incorrect API key provided: ${apiKey}.` },
      { status: 500, body: `<oops> ${apiKey} ${encodeURIComponent(apiKey)}` },
      { status: 400, body: JSON.stringify({ detail: { headers: { authorization: `Bearer ${apiKey}` } } }) },
      { text: 'x', fault: 'error', message: `key ${apiKey} is over its limit` },
      { body: JSON.stringify({ error: `bad ${apiKey}` }) },
      { status: 307, headers: { location: `https://elsewhere.example/?key=${apiKey}` } },
    ];
    for (const step of steps) {
      const { error } = await fail(step);
      const shown = `${error.message}\n${error.stack}\n${JSON.stringify(error)}\n${String(error.cause)}`;
      expect(shown).not.toContain(apiKey);
      expect(shown).not.toContain(apiKey.slice(-12));
    }
  });

  it('caps what the vendor says', async () => {
    const { error } = await fail({ status: 500, message: 'blah '.repeat(10_000) });
    expect(error.message.length).toBeLessThan(600);
  });

  it('sends no key where there is none', async () => {
    await listen(callOf('hi'), { ...endpoint(), apiKey: null });
    expect(server.requests[0]!.headers).not.toHaveProperty('authorization');
    expect(server.requests[0]!.headers).not.toHaveProperty('x-api-key');
  });
});

describe('openai-chat: its own failures', () => {
  const endpoint = () => endpointFor(server, 'openai-chat');

  it('takes a stop by the content filter for a refusal of the content', async () => {
    server.script([{ text: 'Once', finish: 'content_filter' }]);
    const heard = await listen(callOf('hi'), endpoint());
    expect(errorOf(heard).kind).toBe('content');
  });

  it('waits as long as Google says, and does not take its minute for a month', async () => {
    const body = [
      {
        error: {
          code: 429,
          status: 'RESOURCE_EXHAUSTED',
          message: 'You exceeded your current quota.',
          details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '12s' }],
        },
      },
    ];
    server.script([{ status: 429, body: JSON.stringify(body) }]);
    expect(errorOf(await listen(callOf('hi'), endpoint()))).toMatchObject({
      kind: 'rate',
      retryAfterMs: 12_000,
    });
  });
});

describe('anthropic-messages: its own failures', () => {
  it('takes the stop reason refusal for a refusal of the content', async () => {
    server.script([{ text: 'Once', finish: 'refusal' }]);
    const heard = await listen(callOf('hi'), endpointFor(server, 'anthropic-messages'));
    expect(errorOf(heard).kind).toBe('content');
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

// The order check itself must be able to fail.
it('the order check refuses a stream without an end', () => {
  expect(() => checkOrder([{ type: 'start' }])).toThrow();
  expect(() => checkOrder([{ type: 'toolDelta', id: 'x', delta: '{' }])).toThrow();
});
