import { describe, expect, it } from 'vitest';
import { clean, httpError, streamError, toModelError } from './errors.ts';
import type { Endpoint } from './provider.ts';
import { retryAfterOf } from './retry-after.ts';
import { HttpFailure } from './transport.ts';

const endpoint: Endpoint = {
  provider: 'acme',
  wire: 'openai-chat',
  baseUrl: 'https://api.acme.example/v1',
  apiKey: 'secret-key-1234',
  compat: {},
};
const http = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  httpError(
    new HttpFailure(
      status,
      new Headers({ 'content-type': 'application/json', ...headers }),
      typeof body === 'string' ? body : JSON.stringify(body),
    ),
    endpoint,
  );

describe('httpError', () => {
  it.each([
    [
      'OpenAI',
      401,
      {
        error: {
          message: 'Incorrect API key provided',
          type: 'invalid_request_error',
          code: 'invalid_api_key',
        },
      },
      'auth',
    ],
    [
      'OpenAI quota',
      429,
      {
        error: {
          message: 'You exceeded your current quota, please check your plan',
          type: 'insufficient_quota',
          code: 'insufficient_quota',
        },
      },
      'quota',
    ],
    [
      'OpenAI rate',
      429,
      {
        error: {
          message: 'Rate limit reached for gpt-5 in organization on tokens per min (TPM)',
          type: 'tokens',
          code: 'rate_limit_exceeded',
        },
      },
      'rate',
    ],
    [
      'OpenAI context',
      400,
      {
        error: {
          message: "This model's maximum context length is 8192 tokens",
          type: 'invalid_request_error',
          code: 'context_length_exceeded',
        },
      },
      'context',
    ],
    [
      'Anthropic overload',
      529,
      { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
      'overload',
    ],
    [
      'Anthropic credit',
      400,
      {
        type: 'error',
        error: {
          type: 'invalid_request_error',
          message: 'Your credit balance is too low to access the Anthropic API.',
        },
      },
      'billing',
    ],
    [
      'Anthropic model',
      404,
      { type: 'error', error: { type: 'not_found_error', message: 'model: claude-x' } },
      'model',
    ],
    [
      'Anthropic bad request',
      400,
      { type: 'error', error: { type: 'invalid_request_error', message: 'messages: roles must alternate' } },
      'request',
    ],
    [
      'Mistral',
      422,
      { object: 'error', message: 'Input should be a valid string', type: 'invalid_request_error' },
      'request',
    ],
    [
      'Gemini key',
      400,
      [
        {
          error: {
            code: 400,
            message: 'API key not valid. Please pass a valid API key.',
            status: 'INVALID_ARGUMENT',
          },
        },
      ],
      'auth',
    ],
    [
      'Gemini overload',
      503,
      [{ error: { code: 503, message: 'The model is overloaded.', status: 'UNAVAILABLE' } }],
      'overload',
    ],
    [
      'Groq too large',
      413,
      {
        error: {
          message: 'Request too large for model on tokens per minute',
          type: 'tokens',
          code: 'rate_limit_exceeded',
        },
      },
      'context',
    ],
    ['DeepSeek', 402, { error: { message: 'Insufficient Balance', type: 'unknown_error' } }, 'billing'],
    [
      'Z.AI',
      429,
      { error: { code: '1113', message: 'Insufficient balance or no resource package. Please recharge.' } },
      'billing',
    ],
    [
      'OpenRouter moderation',
      403,
      { error: { code: 403, message: 'Your input was flagged', metadata: { reasons: ['violence'] } } },
      'content',
    ],
    ['FastAPI', 422, { detail: [{ msg: 'field required' }] }, 'request'],
    ['Ollama', 404, { error: "model 'x' not found, try pulling it first" }, 'model'],
    [
      'Azure filter',
      400,
      { error: { message: 'The response was filtered', code: 'content_filter' } },
      'content',
    ],
    ['plain text', 500, 'upstream exploded', 'server'],
    ['nothing', 500, '', 'server'],
  ] as const)('%s → %s', (_name, status, body, kind) => {
    expect(http(status, body).kind).toBe(kind);
  });

  it('reads as one sentence for people', () => {
    expect(http(429, { error: { message: 'Slow   down\nplease.' } }).message).toBe(
      'Too many requests for this key (HTTP 429): Slow down please.',
    );
    expect(http(500, '').message).toBe('The vendor failed (HTTP 500).');
  });
});

describe('streamError', () => {
  it.each([
    [{ error: { type: 'overloaded_error', message: 'Overloaded' } }, 'overload'],
    [{ error: { code: 502, message: 'Provider returned error' } }, 'server'],
    [{ error: { code: 429, message: 'Rate limited' } }, 'rate'],
    [{ error: { code: 'context_length_exceeded', message: 'too long' } }, 'context'],
    [{ error: { type: 'authentication_error', message: 'no' } }, 'auth'],
    [{ error: 'something' }, 'server'],
    [{ type: 'error' }, 'server'],
    [null, 'server'],
  ])('%j → %s', (body, kind) => {
    expect(streamError(body, endpoint).kind).toBe(kind);
  });
});

describe('toModelError', () => {
  it('finds the answer inside what an SDK wrapped around it', () => {
    const failure = new HttpFailure(429, new Headers({ 'retry-after': '3' }), '{}');
    const wrapped = new Error('Connection error.', { cause: new Error('again', { cause: failure }) });
    expect(toModelError(wrapped, endpoint, false)).toMatchObject({ kind: 'rate', retryAfterMs: 3000 });
  });

  it('tells a connection that never was from one that broke', () => {
    const error = new TypeError('fetch failed', {
      cause: Object.assign(new Error('x'), { code: 'ECONNRESET' }),
    });
    expect(toModelError(error, endpoint, false)).toMatchObject({
      kind: 'network',
      message: 'No connection to api.acme.example (ECONNRESET).',
    });
    expect(toModelError(error, endpoint, true).kind).toBe('truncated');
  });

  it('takes anything that is thrown', () => {
    for (const thrown of [null, undefined, 'text', 7, {}])
      expect(toModelError(thrown, endpoint, false).kind).toBe('network');
  });
});

describe("the address of somebody's own endpoint", () => {
  const own = { ...endpoint, baseUrl: 'https://gate.example/t/s3cret%20token-of-ours/' };
  const answer = (body: string, type: string) =>
    httpError(new HttpFailure(404, new Headers({ 'content-type': type }), body), own);

  it.each([
    ['text/plain', 'Cannot POST /t/s3cret%20token-of-ours/chat/completions'],
    ['text/plain', 'No route for /t/s3cret token-of-ours/models'],
    ['application/json', '{"error":{"message":"Invalid URL (POST /t/s3cret%20token-of-ours/x)"}}'],
    ['application/json', '{"detail":"https://gate.example/t/s3cret%20token-of-ours/x is gone"}'],
    ['text/html', '<html><title>404 /t/s3cret%20token-of-ours/x</title></html>'],
  ])('is told to nobody by an answer that repeats it: %s %s', (type, body) => {
    const { message } = answer(body, type);
    expect(message).not.toMatch(/s3cret|token-of-ours/);
    expect(message).toContain('/…');
  });

  it('is as everybody knows it where it says nothing', () => {
    expect(http(404, 'Cannot POST /v1/chat/completions').message).toContain('POST /v1/chat/completions');
  });
});

describe('clean', () => {
  it('removes the key, and what looks like one', () => {
    expect(clean('bad secret-key-1234 !', 'secret-key-1234')).toBe('bad [key] !');
    expect(clean('bad sk-proj-abcdefghijklmnopqrstuvwx !', 'other')).toBe('bad [key] !');
    expect(clean('a risk-free sketch of skills', null)).toBe('a risk-free sketch of skills');
  });
});

describe('retryAfterOf', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  it.each<[Record<string, string>, number | undefined]>([
    [{}, undefined],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after': '1.5' }, 1500],
    [{ 'retry-after': 'Thu, 01 Jan 2026 00:00:10 GMT' }, 10_000],
    [{ 'retry-after': 'Thu, 01 Jan 2025 00:00:10 GMT' }, 0],
    [{ 'x-ratelimit-reset-tokens': '6m0s', 'x-ratelimit-remaining-tokens': '0' }, 360_000],
    [{ 'x-ratelimit-reset-tokens': '6m0s', 'x-ratelimit-remaining-tokens': '9' }, undefined],
    [{ 'x-ratelimit-reset-requests': '120ms' }, 120],
    [
      {
        'anthropic-ratelimit-tokens-reset': '2026-01-01T00:00:20Z',
        'anthropic-ratelimit-tokens-remaining': '0',
      },
      20_000,
    ],
    [{ 'x-ratelimit-reset': String(now + 5000) }, 5000],
    [{ 'x-ratelimit-reset': String(now / 1000 + 5) }, 5000],
    [{ 'x-ratelimit-reset': '42' }, 42_000],
    // The most exact one that makes sense counts; nobody waits for more than a day.
    [{ 'retry-after-ms': '250', 'retry-after': '7', 'x-ratelimit-reset': '42' }, 250],
    [{ 'retry-after-ms': 'x', 'retry-after': '7' }, 7000],
    [{ 'retry-after-ms': '-1', 'retry-after': '-7' }, undefined],
    [{ 'retry-after': 'x', 'x-ratelimit-reset': '42' }, 42_000],
    [{ 'retry-after': '99999999999' }, 86_400_000],
    [{ 'retry-after-ms': '1e99' }, undefined],
  ])('%j → %s', (headers, expected) => {
    expect(retryAfterOf(new Headers(headers), undefined, now)).toBe(expected);
  });

  it.each([
    [{ error: { details: [{ '@type': 'other' }, { retryDelay: '12s' }] } }, 12_000],
    [[{ error: { details: [{ retryDelay: '0.5s' }] } }], 500],
    [{ error: { details: [{ retryDelay: 'later' }] } }, undefined],
    [{ error: { details: [null] } }, undefined],
    [{ error: { details: 'none' } }, undefined],
    [[], undefined],
    [null, undefined],
  ])('in the body %j → %s', (body, expected) => {
    expect(retryAfterOf(new Headers(), body, now)).toBe(expected);
  });
});
