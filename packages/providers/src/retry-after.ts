/** How long a vendor asks us to wait. */

/**
 * Milliseconds to wait, or undefined when the vendor does not say. Sources, most exact first: `retry-after-ms`,
 * `retry-after` (seconds or a date, RFC 9110), the reset of whichever rate limit is used up
 * (https://platform.openai.com/docs/guides/rate-limits, https://docs.anthropic.com/en/api/rate-limits,
 * https://console.groq.com/docs/rate-limits), and `RetryInfo` in the body (Google).
 */
export function retryAfterOf(headers: Headers, body: unknown, now: number): number | undefined {
  return (
    milliseconds(headers.get('retry-after-ms')) ??
    secondsOrDate(headers.get('retry-after'), now) ??
    resetOf(headers, now) ??
    retryInfo(body)
  );
}

function milliseconds(value: string | null): number | undefined {
  const number = value === null ? Number.NaN : Number.parseFloat(value);
  return number >= 0 ? Math.ceil(number) : undefined;
}

function secondsOrDate(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  if (/^\s*\d+(\.\d+)?\s*$/.test(value)) return Math.ceil(Number(value) * 1000);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** The longest reset among the limits that are used up. A limit with something left says nothing about this refusal. */
function resetOf(headers: Headers, now: number): number | undefined {
  let longest: number | undefined;
  for (const [name, value] of headers) {
    const limit = /^(?:x|anthropic)-ratelimit-(?:(\w+)-reset|reset(?:-(\w+))?)$/.exec(name);
    if (!limit) continue;
    const what = limit[1] ?? limit[2];
    const remaining =
      headers.get(what ? `x-ratelimit-remaining-${what}` : 'x-ratelimit-remaining') ??
      headers.get(`anthropic-ratelimit-${what}-remaining`);
    if (remaining !== null && Number(remaining) > 0) continue;
    const wait = duration(value) ?? moment(value, now);
    if (wait !== undefined) longest = Math.max(longest ?? 0, wait);
  }
  return longest;
}

/** `1s`, `6m0s`, `7.66s`, `120ms` */
function duration(value: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|h|m|s))+$/.test(value)) return undefined;
  let total = 0;
  for (const [, number, unit] of value.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)) {
    total += Number(number) * (unit === 'ms' ? 1 : unit === 's' ? 1000 : unit === 'm' ? 60_000 : 3_600_000);
  }
  return Math.ceil(total);
}

/** A date, an epoch in seconds or milliseconds, or plain seconds. */
function moment(value: string, now: number): number | undefined {
  const number = Number(value);
  if (Number.isNaN(number)) return secondsOrDate(value, now);
  if (number > 1e12) return Math.max(0, Math.ceil(number - now));
  if (number > 1e9) return Math.max(0, Math.ceil(number * 1000 - now));
  return number >= 0 ? Math.ceil(number * 1000) : undefined;
}

/** https://cloud.google.com/apis/design/errors#retry_info: `{"@type": "…RetryInfo", "retryDelay": "12s"}` */
function retryInfo(body: unknown): number | undefined {
  const outer = (Array.isArray(body) ? body[0] : body) as
    | { error?: { details?: unknown } }
    | null
    | undefined;
  const details = outer?.error?.details;
  if (!Array.isArray(details)) return undefined;
  for (const detail of details as { retryDelay?: unknown }[]) {
    if (typeof detail?.retryDelay === 'string') return duration(detail.retryDelay);
  }
  return undefined;
}
