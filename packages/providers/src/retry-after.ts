/** How long a vendor asks us to wait. */
import { MAX_WAIT_MS, usedUpResetOf, waitOf } from './rate-limit.ts';

/**
 * Milliseconds to wait, at most a day, or undefined when the vendor does not say. Sources, most exact first:
 * `retry-after-ms` (https://github.com/openai/openai-node), `retry-after` (seconds or a date, RFC 9110), the reset of
 * whichever rate limit is used up, and `RetryInfo` in the body (Google). What makes no sense counts as not said.
 */
export function retryAfterOf(headers: Headers, body: unknown, now: number): number | undefined {
  return (
    milliseconds(headers.get('retry-after-ms')) ??
    waitOf(headers.get('retry-after') ?? '', now) ??
    usedUpResetOf(headers, now) ??
    retryInfo(body, now)
  );
}

function milliseconds(value: string | null): number | undefined {
  if (value === null || !/^\s*\d+(\.\d+)?\s*$/.test(value)) return undefined;
  return Math.min(MAX_WAIT_MS, Math.ceil(Number(value)));
}

/** https://cloud.google.com/apis/design/errors#retry_info: `{"@type": "…RetryInfo", "retryDelay": "12s"}` */
function retryInfo(body: unknown, now: number): number | undefined {
  const outer = (Array.isArray(body) ? body[0] : body) as
    | { error?: { details?: unknown } }
    | null
    | undefined;
  const details = outer?.error?.details;
  if (!Array.isArray(details)) return undefined;
  for (const detail of details as { retryDelay?: unknown }[]) {
    if (typeof detail?.retryDelay === 'string') return waitOf(detail.retryDelay, now);
  }
  return undefined;
}
