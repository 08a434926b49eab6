import { describe, expect, it } from 'vitest';
import type { RateLimit } from './provider.ts';
import { rateLimitOf, waitOf } from './rate-limit.ts';

const now = Date.parse('2026-11-22T12:00:00Z');

describe('rateLimitOf', () => {
  it.each<[string, Record<string, string>, RateLimit | undefined]>([
    [
      'OpenAI',
      {
        'x-ratelimit-limit-requests': '60',
        'x-ratelimit-remaining-requests': '59',
        'x-ratelimit-reset-requests': '1s',
        'x-ratelimit-remaining-tokens': '149984',
        'x-ratelimit-reset-tokens': '6m0s',
      },
      { remainingRequests: 59, remainingTokens: 149_984, resetMs: 360_000 },
    ],
    [
      'Anthropic, where the scarcer kind of tokens counts',
      {
        'anthropic-ratelimit-requests-remaining': '49',
        'anthropic-ratelimit-requests-reset': '2026-11-22T12:00:30Z',
        'anthropic-ratelimit-input-tokens-remaining': '40000',
        'anthropic-ratelimit-output-tokens-remaining': '0',
        'anthropic-ratelimit-output-tokens-reset': '2026-11-22T12:00:07Z',
      },
      { remainingRequests: 49, remainingTokens: 0, resetMs: 7000 },
    ],
    [
      'Cerebras, by the minute and the day',
      {
        'x-ratelimit-remaining-requests-day': '1000',
        'x-ratelimit-remaining-requests-minute': '0',
        'x-ratelimit-reset-requests-minute': '12.5',
        'x-ratelimit-reset-requests-day': '33011.38',
      },
      { remainingRequests: 0, resetMs: 12_500 },
    ],
    [
      'OpenRouter, with an epoch in milliseconds',
      { 'x-ratelimit-remaining': '3', 'x-ratelimit-reset': String(now + 4000) },
      { remainingRequests: 3, resetMs: 4000 },
    ],
    [
      'the IETF draft',
      { 'ratelimit-remaining': '0', 'ratelimit-reset': '9' },
      { remainingRequests: 0, resetMs: 9000 },
    ],
    ['a reset in the past', { 'x-ratelimit-reset': '2020-01-01T00:00:00Z' }, { resetMs: 0 }],
    ['a negative rest', { 'x-ratelimit-remaining-requests': '-1' }, { remainingRequests: 0 }],
    ['nothing', { 'content-type': 'text/event-stream' }, undefined],
    [
      'garbage',
      {
        'x-ratelimit-remaining-requests': 'many',
        'x-ratelimit-remaining-tokens': '1e999',
        'x-ratelimit-reset-requests': 'soon',
        'x-ratelimit-reset-tokens': '-5',
        'x-ratelimit-': '3',
        'x-ratelimit-limit': '',
      },
      undefined,
    ],
  ])('reads %s', (_name, headers, expected) => {
    expect(rateLimitOf(new Headers(headers), now)).toEqual(expected);
  });
});

describe('waitOf', () => {
  it.each([
    ['1s', 1000],
    ['20ms', 20],
    ['7.66s', 7660],
    ['6m0s', 360_000],
    ['1h2m3s', 3_723_000],
    ['5', 5000],
    ['0', 0],
    ['Sun, 22 Nov 2026 12:01:00 GMT', 60_000],
    ['2026-11-22T12:00:01.5Z', 1500],
    [String(now / 1000 + 60), 60_000],
    ['99999999', 86_400_000],
    ['9'.repeat(400), 86_400_000],
    ['5d', 86_400_000],
    ['Fri, 31 Dec 9999 23:59:59 GMT', 86_400_000],
    ['', undefined],
    ['-3', undefined],
    ['1x', undefined],
    ['NaN', undefined],
    ['Infinity', undefined],
    ['1 2', undefined],
  ])('%s → %s', (value, expected) => {
    expect(waitOf(value, now)).toBe(expected);
  });
});
