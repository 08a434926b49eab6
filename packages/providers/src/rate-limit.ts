/** What vendors say in their headers about the limits of a key. */
import type { ModelEvent, RateLimit } from './provider.ts';

/** One limit, named by the vendor: `requests`, `input-tokens`, `requests-day`, or '' where there is only one. */
interface Limit {
  remaining?: number;
  resetMs?: number;
}

/** The event that begins an answer. */
export function startOf(headers: Headers, now = Date.now()): ModelEvent {
  const rateLimit = rateLimitOf(headers, now);
  return rateLimit ? { type: 'start', rateLimit } : { type: 'start' };
}

/**
 * What is left of a key's limits, or undefined when the vendor does not say. Where there are several of a kind (a day's
 * and a minute's), the scarcest counts.
 */
export function rateLimitOf(headers: Headers, now: number): RateLimit | undefined {
  const limits = limitsOf(headers, now);
  if (limits.size === 0) return undefined;
  const scarcest = (ofTokens: boolean) => {
    const remaining = [...limits]
      .filter(([name, limit]) => name.includes('token') === ofTokens && limit.remaining !== undefined)
      .map(([, limit]) => limit.remaining!);
    return remaining.length > 0 ? Math.min(...remaining) : undefined;
  };
  const [remainingRequests, remainingTokens] = [scarcest(false), scarcest(true)];
  const resetMs =
    longestReset([...limits.values()].filter((limit) => limit.remaining === 0)) ??
    longestReset([...limits.values()]);
  return {
    ...(remainingRequests === undefined ? {} : { remainingRequests }),
    ...(remainingTokens === undefined ? {} : { remainingTokens }),
    ...(resetMs === undefined ? {} : { resetMs }),
  };
}

/** Milliseconds until the limits that are used up are reset. One with something left says nothing about a refusal. */
export function usedUpResetOf(headers: Headers, now: number): number | undefined {
  return longestReset([...limitsOf(headers, now).values()].filter((limit) => !limit.remaining));
}

function longestReset(limits: readonly Limit[]): number | undefined {
  const resets = limits.flatMap((limit) => limit.resetMs ?? []);
  return resets.length > 0 ? Math.max(...resets) : undefined;
}

/**
 * `x-ratelimit-remaining-requests` (https://platform.openai.com/docs/guides/rate-limits, Groq, Cerebras, Azure),
 * `anthropic-ratelimit-requests-remaining` (https://docs.anthropic.com/en/api/rate-limits), `x-ratelimit-remaining`
 * (OpenRouter, GitHub), `ratelimit-remaining` (https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/03).
 */
function limitsOf(headers: Headers, now: number): Map<string, Limit> {
  const limits = new Map<string, Limit>();
  for (const [header, value] of headers) {
    const named = /^(?:x-|anthropic-)?ratelimit-(.+)$/.exec(header);
    if (!named) continue;
    const words = named[1]!.split('-');
    const what = words.find((word) => word === 'remaining' || word === 'reset');
    if (!what) continue;
    const number = what === 'remaining' ? countOf(value) : waitOf(value, now);
    if (number === undefined) continue;
    const name = words.filter((word) => word !== what).join('-');
    const limit = limits.get(name) ?? {};
    limit[what === 'remaining' ? 'remaining' : 'resetMs'] = number;
    limits.set(name, limit);
  }
  return limits;
}

function countOf(value: string): number | undefined {
  const number = /^\s*-?\d+(\.\d+)?\s*$/.test(value) ? Number(value) : Number.NaN;
  return Number.isFinite(number) ? Math.max(0, Math.floor(number)) : undefined;
}

/** Longest wait that is believed, in milliseconds. */
export const MAX_WAIT_MS = 24 * 3_600_000;

/** Longest text that may be a wait, in characters. */
const MAX_LENGTH = 1_000;

/** Milliseconds: `6m0s`, `20ms`, a date, an epoch in seconds or milliseconds, or plain seconds. Never over a day. */
export function waitOf(value: string, now: number): number | undefined {
  if (value.length > MAX_LENGTH) return undefined;
  const wait = duration(value) ?? moment(value, now);
  return wait === undefined ? undefined : Math.min(wait, MAX_WAIT_MS);
}

const MS_PER: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `1s`, `6m0s`, `7.66s`, `120ms`, `1d2h` */
function duration(value: string): number | undefined {
  let total = 0;
  let end = 0;
  for (const [part, number, unit] of value.matchAll(/(\d+(?:\.\d+)?)(ms|d|h|m|s)/gy)) {
    total += Number(number) * MS_PER[unit!]!;
    end += part.length;
  }
  return end > 0 && end === value.length ? Math.ceil(total) : undefined;
}

function moment(value: string, now: number): number | undefined {
  if (/^\s*\d+(\.\d+)?\s*$/.test(value)) {
    const number = Number(value);
    if (number > 1e12) return Math.max(0, Math.ceil(number - now));
    if (number > 1e9) return Math.max(0, Math.ceil(number * 1000 - now));
    return Math.ceil(number * 1000);
  }
  // Only what looks like a date: `Date.parse` makes one of nearly everything, "-5" included.
  const month = value.search(/[a-z]{3}/i);
  const isDate = /^\s*\d{4}-\d\d-\d\d/.test(value) || (month >= 0 && /\d{4}/.test(value.slice(month)));
  const date = isDate ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
