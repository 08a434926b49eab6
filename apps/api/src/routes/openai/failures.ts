/**
 * What a run that did not succeed is to an OpenAI client. Clients repeat requests by themselves: OpenAI's own on 408, 409, 429
 * and 5xx unless `x-should-retry` says otherwise, Vercel's AI SDK on the same statuses whatever the header says, LangChain on
 * everything but 400 to 407, 409 and 413. So what a repetition cannot mend, or must not, is a 400.
 */
import type { Failure, Waiting } from '@nightshift/contracts';
import type { RunResult } from '@nightshift/core/openai-requests';
import { OpenaiError } from '../../openai-errors.ts';

interface Kind {
  status: number;
  type?: string;
  /** OpenAI's own, where it has one for this. */
  code?: string;
}

/** May go away by itself. Everything that is not named here is permanent. */
const transient: Record<string, Kind> = {
  model_rate: { status: 429, code: 'rate_limit_exceeded' },
  model_overload: { status: 503 },
  model_server: { status: 502 },
  model_network: { status: 502 },
  model_timeout: { status: 504 },
  model_truncated: { status: 502 },
  model_empty: { status: 502 },
  model_malformed: { status: 502 },
  internal_error: { status: 500 },
};

const permanent: Record<string, Kind> = {
  budget_exceeded: { status: 429, type: 'insufficient_quota', code: 'insufficient_quota' },
  // Of the vendor's account.
  model_quota: { status: 429, type: 'insufficient_quota', code: 'insufficient_quota' },
  model_billing: { status: 429, type: 'insufficient_quota', code: 'insufficient_quota' },
  model_context: { status: 400, code: 'context_length_exceeded' },
  model_content: { status: 400, code: 'content_filter' },
  agent_deleted: { status: 404 },
};

const noRetry = { 'x-should-retry': 'false' };

/** The error of a run that failed or was cancelled. */
export function runError({ status, error, acted, runId }: RunResult): OpenaiError {
  const failure: Failure = error ?? {
    code: status,
    message: 'The run was cancelled.',
    hint: 'Nothing more happens in it. Send the request again in other words, or later, to ask again.',
  };
  const kind = permanent[failure.code] ?? (acted ? undefined : transient[failure.code]);
  const retryable = kind !== undefined && kind === transient[failure.code];
  const words = [
    failure.message,
    failure.hint,
    acted &&
      `Tools of this run have acted already. The same request joins it; to go on with it: POST /v1/runs/${runId}/retry.`,
  ];
  const retryAfter = secondsUntil(failure.details?.resetsAt);
  return new OpenaiError({
    status: kind?.status ?? 400,
    type: kind?.type,
    code: kind?.code ?? failure.code,
    detail: words.filter(Boolean).join(' '),
    retryAfter,
    headers: { ...(retryable ? {} : noRetry), ...resetHeaders(retryAfter) },
  });
}

/** A run that would have waited for a budget: it was cancelled, so that it does not act when nobody expects it. */
export function waitingError({ code, message, until }: Waiting): OpenaiError {
  const retryAfter = secondsUntil(until);
  const detail =
    `${message} A request of this API does not wait for that: its run would go on at ${until}, after the client has ` +
    'given up. It was cancelled.';
  return new OpenaiError({
    status: 429,
    type: 'insufficient_quota',
    code: code === 'budget_exceeded' ? 'insufficient_quota' : code,
    detail,
    retryAfter,
    headers: { ...noRetry, ...resetHeaders(retryAfter) },
  });
}

function secondsUntil(time: unknown): number | undefined {
  if (typeof time !== 'string') return undefined;
  const ms = Date.parse(time) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(1, Math.ceil(ms / 1000));
}

/** As OpenAI says it. https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers */
const resetHeaders = (seconds: number | undefined): Record<string, string> =>
  seconds === undefined ? {} : { 'x-ratelimit-reset-requests': `${seconds}s` };

/** Why the answer ended, in the words of chat completions. */
export const finishReasonOf = ({ stop }: RunResult): 'stop' | 'length' =>
  stop === 'length' ? 'length' : 'stop';
