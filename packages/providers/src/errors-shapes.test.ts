/** What vendors, gateways and proxies answer when something is wrong, in all the shapes that are known. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { superlinearGrowth } from '../../../test/support/growth/measure.ts';
import { httpError, isErrorEvent, streamError } from './errors.ts';
import type { Endpoint, ModelErrorKind } from './provider.ts';
import { retryAfterOf, waitInText } from './retry-after.ts';
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

/** A message in every shape that errors have. */
const shapes: Record<string, (message: string) => unknown> = {
  '{error: {message}}': (message) => ({ error: { message, type: null, code: null } }),
  '{message}': (message) => ({ message }),
  '{Message}': (message) => ({ Message: message }),
  '{detail}': (detail) => ({ detail }),
  '{detail: [{msg}]}': (msg) => ({ detail: [{ loc: ['body', 'messages', 0], msg, type: 'value_error' }] }),
  '{detail: {message}}': (message) => ({ detail: { message } }),
  '{error: text}': (error) => ({ error }),
  '{error: text, message}': (message) => ({ error: 'Bad Request', message, path: '/v1' }),
  '[{error}]': (message) => [{ error: { code: 400, message, status: 'INVALID_ARGUMENT' } }],
  '{errors: [{message}]}': (message) => ({ success: false, errors: [{ code: 7003, message }], result: null }),
  '{errors: [text]}': (message) => ({ errors: [message] }),
  'problem+json': (detail) => ({ type: 'about:blank', title: 'Bad Request', status: 400, detail }),
  OAuth: (error_description) => ({ error: 'invalid_scope', error_description }),
  '{code, msg}': (msg) => ({ code: 1234, msg, data: null }),
  '{error_code, error_msg}': (error_msg) => ({ error_code: 17, error_msg }),
  '{base_resp}': (status_msg) => ({ base_resp: { status_code: 2013, status_msg } }),
  '{fault}': (faultstring) => ({ fault: { faultstring, detail: { errorcode: 'x.y' } } }),
  'JSON in a message': (message) => ({ error: { message: JSON.stringify({ error: { message } }) } }),
  'OpenRouter, raw JSON': (message) => ({
    error: {
      message: 'Provider returned error',
      code: 400,
      metadata: { raw: JSON.stringify({ error: { message, type: 'x' } }), provider_name: 'Chutes' },
    },
    user_id: 'u',
  }),
  'OpenRouter, raw text': (raw) => ({
    error: { message: 'Provider returned error', code: 400, metadata: { raw, provider_name: 'Chutes' } },
  }),
  'OpenRouter, raw object': (message) => ({
    error: {
      message: 'Provider returned error',
      metadata: { raw: { detail: message }, provider_name: 'Chutes' },
    },
  }),
  'OpenRouter, flat': (raw) => ({
    message: 'Provider returned error',
    metadata: { raw, provider_name: 'Chutes' },
  }),
  'plain text': (text) => text,
  'XML (AWS)': (text) => `<?xml version="1.0"?><Error><Code>X</Code><Message>${text}</Message></Error>`,
};
const sentence = fc
  .array(fc.constantFrom('the', 'frobnicator', 'is', 'out', 'of', 'oil', 'Grüße', '7'), {
    minLength: 2,
    maxLength: 9,
  })
  .map((words) => words.join(' '));

describe.each(Object.entries(shapes))('%s', (name, shape) => {
  it('keeps the cause, for every status', () => {
    fc.assert(
      fc.property(
        sentence,
        fc.constantFrom(400, 402, 404, 413, 422, 429, 500, 502, 503, 529),
        (text, status) => {
          const error = http(status, shape(text));
          expect(error.message).toContain(text);
          expect(error.status).toBe(status);
          if (name.startsWith('OpenRouter')) {
            expect(error.message).toContain('Chutes: ');
            expect(error.message).not.toContain('Provider returned error');
          }
        },
      ),
    );
  });

  it.each([400, 413, 422, 500, 503])(
    'is read as too long a conversation under %s, by its words',
    (status) => {
      const text = 'prompt is too long: 210000 tokens > 200000 maximum';
      expect(http(status, shape(text))).toMatchObject({
        kind: 'context',
        message: expect.stringContaining(text),
      });
    },
  );

  it('shows no key', () => {
    expect(http(500, shape('bad key secret-key-1234 here')).message).not.toContain('secret-key');
  });
});

describe('a conversation that is too long', () => {
  it.each([
    'prompt is too long: 213462 tokens > 200000 maximum',
    'input length and `max_tokens` exceed context limit: 197202 + 21333 > 200000, decrease input length',
    'Your input exceeds the context window of this model. Please adjust your input and try again.',
    "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
    'The input token count (1196265) exceeds the maximum number of tokens allowed (1048575).',
    "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
    'Please reduce the length of the messages or completion.',
    'Input is too long for requested model.',
    'the request exceeds the available context size, try increasing it',
    'The number of tokens to keep from the initial prompt is greater than the context length.',
    "The input (9000 tokens) is longer than the model's context length (8192 tokens).",
    'The decoder prompt (length 9000) is longer than the maximum model length of 8192.',
    'prompt too long; exceeded max context length by 12 tokens',
    'Your request exceeded model token limit: 131072 (requested: 140000)',
    'context window exceeds limit (2013)',
    'prompt token count of 130000 exceeds the limit of 128000',
    'too many tokens: total number of tokens in the prompt cannot exceed 4081',
    '`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4000 `inputs` tokens and 200 `max_new_tokens`',
    'Range of input length should be [1, 30720]',
    'Prompt exceeds max length',
    'The prompt is too long: 142858, model maximum context length: 131071',
  ])('%s', (message) => {
    for (const status of [400, 413, 422, 500])
      expect(http(status, { error: { message } }).kind).toBe('context');
    expect(streamError({ error: { message } }, endpoint).kind).toBe('context');
    expect(streamError({ error: { message, code: 500 } }, endpoint).kind).toBe('context');
  });

  it('is none by a limit a minute, a key that has a limit, or a slow vendor', () => {
    expect(http(429, { error: { message: 'Rate limit reached: too many tokens per minute' } }).kind).toBe(
      'rate',
    );
    expect(http(401, { error: { message: 'context window' } }).kind).toBe('auth');
    expect(http(503, { error: { message: 'The model is too busy' } }).kind).toBe('overload');
    // Waiting does not make it smaller.
    expect(
      http(429, {
        error: {
          message:
            'Request too large for gpt-5 in organization x on tokens per min (TPM): Limit 1, Requested 2.',
        },
      }).kind,
    ).toBe('context');
  });
});

describe('kinds', () => {
  it.each<[string, number, unknown, Record<string, string>, ModelErrorKind]>([
    ['AWS throttling', 400, { __type: 'ThrottlingException', message: 'Rate exceeded' }, {}, 'rate'],
    [
      'AWS throttling, by header',
      400,
      { message: 'Rate exceeded' },
      { 'x-amzn-errortype': 'ThrottlingException:http://x/' },
      'rate',
    ],
    [
      'AWS key',
      400,
      { __type: 'UnrecognizedClientException', Message: 'The security token is invalid' },
      {},
      'auth',
    ],
    ['AWS key, 403', 403, { Message: 'User is not authorized' }, {}, 'auth'],
    [
      'OpenRouter, the vendor behind it is busy',
      502,
      {
        error: {
          message: 'Provider returned error',
          code: 502,
          metadata: {
            raw: '{"error":{"type":"overloaded_error","message":"Overloaded"}}',
            provider_name: 'X',
          },
        },
      },
      {},
      'overload',
    ],
    [
      'OpenRouter, a filter',
      403,
      {
        error: {
          message: 'Provider returned error',
          code: 403,
          metadata: { raw: '{"error":{"code":"content_filter","message":"no"}}' },
        },
      },
      {},
      'content',
    ],
    [
      'a gateway without credit',
      500,
      { error: { code: 'insufficient_user_quota', message: 'no quota left' } },
      {},
      'quota',
    ],
    [
      'Groq, a tool call',
      400,
      {
        error: {
          code: 'tool_use_failed',
          message: 'Failed to call a function.',
          failed_generation: '<function=x>',
        },
      },
      {},
      'malformed',
    ],
  ])('%s', (_name, status, body, headers, kind) => {
    expect(http(status, body, headers).kind).toBe(kind);
  });

  it('keeps what the model wrote when its tool call could not be read', () => {
    const body = {
      error: {
        code: 'tool_use_failed',
        message: 'Failed to call a function.',
        failed_generation: 'x'.repeat(99_999),
      },
    };
    expect(http(400, body).failedGeneration).toBe('x'.repeat(8_000));
    expect(
      streamError({ error: { ...body.error, failed_generation: '<function=x>' } }, endpoint),
    ).toMatchObject({
      kind: 'malformed',
      failedGeneration: '<function=x>',
    });
  });
});

describe('a web page', () => {
  const page = (title: string) =>
    `<!DOCTYPE html>\n<html lang="en"><head><title>${title}</title></head><body><script>x</script></body></html>`;

  it.each([
    [401, 'network'],
    [403, 'network'],
    [407, 'network'],
    [404, 'model'],
    [413, 'context'],
    [429, 'rate'],
    [500, 'server'],
    [502, 'server'],
    [503, 'overload'],
    [200, 'server'],
  ] as const)('under %s is %s, by title and status, and says when to come back', (status, kind) => {
    for (const type of [
      'text/html',
      'Text/HTML; charset=utf-8',
      'application/xhtml+xml',
      'text/plain',
      'application/json',
    ]) {
      const error = http(status, page('Attention Required! | Cloudflare'), {
        'content-type': type,
        'retry-after': '17',
      });
      expect(error).toMatchObject({ kind, status, retryAfterMs: 17_000 });
      expect(error.message).toContain('Attention Required! | Cloudflare');
      expect(error.message).not.toContain('<');
    }
  });

  it('may have no title, or half of one', () => {
    for (const body of [
      '<html>',
      '<html><title>',
      '<html><title>Half',
      `<html><title>${'x'.repeat(99_999)}</title>`,
      '<!doctype html>',
    ])
      expect(http(502, body, { 'content-type': 'text/html' }).message.length).toBeLessThan(250);
  });

  it('is none when it is an error in JSON that calls itself one', () => {
    const error = http(
      401,
      { error: { message: 'Incorrect API key provided' } },
      { 'content-type': 'text/html' },
    );
    expect(error).toMatchObject({ kind: 'auth', message: expect.stringContaining('Incorrect API key') });
  });

  it.each([
    ['error code: 1020', {}, 'network'],
    ['RBAC: access denied', {}, 'network'],
    ['Host not in allowlist', {}, 'network'],
    ['{"error": "blocked"}', { 'cf-mitigated': 'challenge' }, 'network'],
    ['Invalid API key', {}, 'auth'],
    ['Unauthorized', {}, 'auth'],
    ['', {}, 'auth'],
    ['{"error": "Forbidden"}', {}, 'auth'],
  ])('in plain text under 403: %s', (body, headers, kind) => {
    expect(http(403, body, { 'content-type': 'text/plain', ...headers }).kind).toBe(kind);
  });
});

describe('when to come back', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  const anyHeader = fc.oneof(
    fc.double().map(String),
    fc.bigInt().map(String),
    fc.constantFrom(
      '1e12',
      '1e999',
      'Infinity',
      '-Infinity',
      'NaN',
      '-1',
      '-0',
      '9'.repeat(400),
      'Fri, 31 Dec 9999 23:59:59 GMT',
      'Fri, 32 Dec 99999 99:99:99 GMT',
      '+275760-09-13',
      '9007199254740993',
      '0x10',
      '1_000',
      '٣',
    ),
    fc
      .date({ noInvalidDate: false })
      .map((date) => (Number.isNaN(date.getTime()) ? 'x' : date.toUTCString())),
    fc.stringMatching(/^[ -~]{0,30}$/),
  );

  it('is within a day, or not said, whatever the headers and bodies say', () => {
    fc.assert(
      fc.property(
        anyHeader,
        fc.constantFrom('retry-after', 'retry-after-ms', 'x-ratelimit-reset-requests'),
        fc.jsonValue(),
        (value, name, seconds) => {
          let headers: Headers;
          try {
            headers = new Headers({ [name]: value });
          } catch {
            return;
          }
          const body = {
            error: {
              retry_after: seconds,
              details: [{ retryDelay: value }, seconds],
              metadata: { headers: { 'X-RateLimit-Reset': value } },
            },
          };
          for (const wait of [
            retryAfterOf(headers, undefined, now),
            retryAfterOf(new Headers(), body, now),
            http(429, body, { [name]: value }).retryAfterMs,
          ]) {
            if (wait === undefined) continue;
            expect(wait).toBeGreaterThanOrEqual(0);
            expect(wait).toBeLessThanOrEqual(86_400_000);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each([
    ['Rate limit reached. Please try again in 7m12.5s. Visit', 432_500],
    ['Please try again in 20ms.', 20],
    ['Please retry in 12.345s.', 12_345],
    ['Please retry after 30 seconds.', 30_000],
    ['Try again in 1h2m3s', 3_723_000],
    ['wait 5 minutes', 300_000],
    ['Please wait for 2 hours 5 minutes before', 7_500_000],
    ['try again in 999999999999 days', 86_400_000],
    ['try again in 1 day', 86_400_000],
    ['try again later', undefined],
    ['try again in a moment', undefined],
    ['try again in -5s', undefined],
    [`try again in ${'9'.repeat(9999)}s`, undefined],
  ])('is read from a text: %s', (text, ms) => {
    expect(waitInText(text)).toBe(ms);
  });

  it('is taken from the text, and from what OpenRouter passes on', () => {
    expect(http(429, { error: { message: 'Please try again in 7m12s.' } })).toMatchObject({
      kind: 'rate',
      retryAfterMs: 432_000,
    });
    const headers = { 'X-RateLimit-Remaining': '0', 'X-RateLimit-Reset': String(Date.now() + 60_000) };
    const wait = http(429, {
      error: { code: 429, message: 'Rate limit exceeded', metadata: { headers } },
    }).retryAfterMs;
    expect(wait).toBeGreaterThan(50_000);
    expect(wait).toBeLessThanOrEqual(60_000);
  });
});

it.each(Object.entries(shapes))(
  'inside a 200 a conversation that is too long is one, too: %s',
  (name, shape) => {
    const body = shape('prompt is too long: 210000 tokens > 200000 maximum');
    if (name === 'plain text' || name.startsWith('XML')) return;
    expect(http(200, body).kind).toBe('context');
    expect(isErrorEvent(Array.isArray(body) ? body[0] : body)).toBe(true);
  },
);

it('an event with content is no error', () => {
  for (const event of [
    { choices: [], message: 'x' },
    { usage: {} },
    { type: 'ping' },
    { error: null, choices: [] },
    { error: '' },
    null,
    'x',
    [],
  ])
    expect(isErrorEvent(event)).toBe(false);
});

describe('whatever comes', () => {
  it('is an error with a short line of text', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.json(), fc.string(), fc.jsonValue()),
        fc.integer({ min: 200, max: 599 }),
        (body, status) => {
          const error = http(status, body);
          expect(error.message.length).toBeLessThan(700);
          expect(error.message).not.toContain('\n');
          expect(streamError(body, endpoint).message.length).toBeLessThan(700);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('may be nested without end, be huge, or no text', () => {
    const deep = `${'{"error":'.repeat(50_000)}1${'}'.repeat(50_000)}`;
    const lists = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
    for (const body of [
      deep,
      lists,
      `{"message":"${'a '.repeat(500_000)}"}`,
      '\ufffd\u0000\ufffd',
      `{"detail":${lists}}`,
    ]) {
      expect(http(500, body).kind).toBe('server');
      expect(http(500, body).message.length).toBeLessThan(700);
    }
    const value: unknown = JSON.parse(deep);
    expect(streamError(value, endpoint).kind).toBe('server');
  });

  it('takes time in proportion to it', () => {
    const bodies: Record<string, (size: number) => string> = {
      html: (size) => `<html>${'<title'.repeat(size)}`,
      'context words': (size) => `{"message":"${'exceeds '.repeat(size)}"}`,
      spaces: (size) => `x${' '.repeat(size)}x`,
      'keys to hide': (size) => 'sk-'.repeat(size),
      nested: (size) => `${'[{"error":'.repeat(size)}`,
      'a wait': (size) => `try again in ${'1s'.repeat(size)}`,
    };
    for (const [name, body] of Object.entries(bodies)) {
      const unit = body(1).length;
      const growth = superlinearGrowth(
        (length) => body(Math.ceil(length / unit)),
        (text) => http(500, text),
      );
      expect(growth, name).toBeNull();
    }
  });
});
