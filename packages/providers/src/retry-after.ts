/** How long a vendor asks us to wait. */
import { MAX_WAIT_MS, usedUpResetOf, waitOf } from './rate-limit.ts';

/**
 * Milliseconds to wait, at most a day, or undefined when the vendor does not say. Sources, most exact first:
 * `retry-after-ms` (https://github.com/openai/openai-node), `retry-after` (seconds or a date, RFC 9110), the reset of
 * whichever rate limit is used up, and the body. What makes no sense counts as not said.
 */
export function retryAfterOf(headers: Headers, body: unknown, now: number): number | undefined {
  return (
    milliseconds(headers.get('retry-after-ms')) ??
    waitOf(headers.get('retry-after') ?? '', now) ??
    usedUpResetOf(headers, now) ??
    inBody(body, now)
  );
}

function milliseconds(value: string | null): number | undefined {
  if (value === null || value.length > MAX_LENGTH || !/^\s*\d+(\.\d+)?\s*$/.test(value)) return undefined;
  return Math.min(MAX_WAIT_MS, Math.ceil(Number(value)));
}

/** Of a header or a number in a text. Longer ones are nonsense. */
const MAX_LENGTH = 100;

interface LooseError {
  details?: unknown;
  retry_after?: unknown;
  metadata?: { headers?: Record<string, unknown>; retry_after_seconds?: unknown } | null;
}

/**
 * `RetryInfo` (https://cloud.google.com/apis/design/errors#retry_info: `{"@type": "…RetryInfo", "retryDelay":
 * "12s"}`), `retry_after` in seconds, and the vendor's headers that OpenRouter passes on in `metadata`.
 */
function inBody(body: unknown, now: number): number | undefined {
  const outer = (Array.isArray(body) ? body[0] : body) as
    | ({ error?: LooseError | null } & LooseError)
    | null
    | undefined;
  if (typeof outer !== 'object' || outer === null) return undefined;
  const error = typeof outer.error === 'object' && outer.error !== null ? outer.error : outer;
  if (Array.isArray(error.details)) {
    for (const detail of error.details.slice(0, 20) as { retryDelay?: unknown }[]) {
      if (typeof detail?.retryDelay === 'string') return waitOf(detail.retryDelay, now);
    }
  }
  const seconds = error.retry_after ?? outer.retry_after ?? error.metadata?.retry_after_seconds;
  if (typeof seconds === 'number' && seconds >= 0) return Math.min(MAX_WAIT_MS, Math.ceil(seconds * 1000));
  if (typeof seconds === 'string') return waitOf(seconds, now);
  const passedOn = error.metadata?.headers;
  return typeof passedOn === 'object' && passedOn !== null
    ? usedUpResetOf(toHeaders(passedOn), now)
    : undefined;
}

function toHeaders(values: Record<string, unknown>): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(values).slice(0, 50)) {
    try {
      headers.set(name, String(value));
    } catch {
      // No header's name or value: it is none.
    }
  }
  return headers;
}

const MS_PER: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * A wait that is only said to people: "Please try again in 7m12.5s" (OpenAI, Groq), "Please retry in 12.3s"
 * (Gemini), "retry after 30 seconds" (Azure), "wait 5 minutes". Milliseconds, at most a day.
 */
export function waitInText(text: string): number | undefined {
  const said = /\b(?:(?:try again|retry|available) (?:in|after)|wait(?: for)?) /i.exec(text);
  if (!said) return undefined;
  const start = said.index + said[0].length;
  const rest = text.slice(start, start + MAX_LENGTH);
  const amounts =
    /^(?:\d{1,12}(?:\.\d{1,9})? ?(?:ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hours?|d|days?)\b ?|\d{1,12}(?:\.\d{1,9})?(?:ms|s|m|h|d)(?=\d))+/i.exec(
      rest,
    );
  if (!amounts) return undefined;
  let total = 0;
  for (const [, number, unit] of amounts[0].matchAll(/(\d+(?:\.\d+)?) ?([a-z]+) ?/giy))
    total += Number(number) * msOf(unit!);
  return Math.min(MAX_WAIT_MS, Math.ceil(total));
}

function msOf(unit: string): number {
  const name = unit.toLowerCase();
  return MS_PER[name.startsWith('ms') || name.startsWith('milli') ? 'ms' : name[0]!]!;
}
