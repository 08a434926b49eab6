/** What every call of the client shares: one HTTP exchange, its errors, and when to make it again. */

import { EventSourceParserStream } from 'eventsource-parser/stream';
import type { Problem } from './primitives.ts';
import { trimEndOf } from './text.ts';

export interface ClientOptions {
  /** Where the server is, such as `http://127.0.0.1:3000`; a path is kept. */
  baseUrl: string;
  /** Without one only `health` answers. */
  apiKey?: string | undefined;
  fetch?: typeof fetch;
  /** How often a call that can safely be made again is, after a connection failure, a 429 or a 503. Default 2. */
  retries?: number;
  /** How often in a row `runs.events` connects anew without an event, before it gives up. Default 8: some 30 s. */
  streamRetries?: number;
  /** How long the server may take to begin its answer, in milliseconds. Default 30,000. */
  timeoutMs?: number;
}

/** The server refused or failed: its problem document as an error. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  /** Stable, for programs. `unexpected_answer`: what answered does not speak as Nightshift does. */
  readonly code: string;
  readonly detail: string;
  readonly errors: NonNullable<Problem['errors']>;
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    status: number,
    problem: Pick<Problem, 'code' | 'detail'> & Partial<Problem>,
    retryAfterSeconds?: number,
  ) {
    super(problem.detail);
    this.status = status;
    this.code = problem.code;
    this.detail = problem.detail;
    this.errors = problem.errors ?? [];
    this.requestId = problem.requestId;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  get retryable(): boolean {
    return [429, 502, 503, 504].includes(this.status) || this.code === 'idempotency_in_progress';
  }
}

/** There was no answer. `code` is the system's (`ECONNREFUSED`, …), `timeout`, `closed`, or `unreachable`. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  readonly retryable = true;
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export interface Call {
  path: string;
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  query?: object | undefined;
  body?: unknown;
  headers?: Record<string, string>;
  /** Makes a call that creates something safe to repeat. */
  idempotencyKey?: string;
  /** What the answer is, if not JSON. */
  as?: 'text/csv';
  /** Statuses that are answers like 200. */
  alsoFine?: readonly number[];
  timeoutMs?: number;
  signal?: AbortSignal | undefined;
}

/** A server that asks for a longer pause is not waited for: the caller decides. In milliseconds. */
const longestPauseMs = 5_000;
const firstPauseMs = 250;

/** Counts the failures of one undertaking. */
export function createRetry(limit: number, signal?: AbortSignal) {
  let failures = 0;
  return {
    /** Pauses before another attempt. @throws the error, when another one is useless or was made often enough */
    async after(error: unknown): Promise<void> {
      const retryable = (error instanceof ApiError || error instanceof ConnectionError) && error.retryable;
      const asked = error instanceof ApiError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
      if (!retryable || failures >= limit || asked > longestPauseMs || signal?.aborted) throw error;
      const pause = Math.max(asked, Math.min(firstPauseMs * 2 ** failures, longestPauseMs));
      failures += 1;
      await new Promise<void>((resolve) => {
        setTimeout(resolve, pause);
        signal?.addEventListener('abort', () => resolve(), { once: true });
      });
    },
    reset() {
      failures = 0;
    },
  };
}

export function createTransport(options: ClientOptions) {
  const { retries = 2, timeoutMs: defaultTimeoutMs = 30_000 } = options;
  const baseUrl = trimEndOf(options.baseUrl, '/');
  const send = options.fetch ?? fetch;

  /**
   * One request and the head of its answer.
   *
   * @throws {ApiError} the server refused or failed
   * @throws {ConnectionError} there was no answer
   */
  async function exchange(call: Call): Promise<Response> {
    const { path, method = 'GET', body, signal, timeoutMs = defaultTimeoutMs } = call;
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), timeoutMs);
    let response: Response;
    try {
      response = await send(`${baseUrl}${path}${search(call.query)}`, {
        method,
        headers: {
          ...(options.apiKey && { authorization: `Bearer ${options.apiKey}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...(call.idempotencyKey && { 'idempotency-key': call.idempotencyKey }),
          ...call.headers,
        },
        signal: signal ? AbortSignal.any([signal, controller.signal]) : controller.signal,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
    } catch (cause) {
      if (signal?.aborted) throw cause;
      if (!controller.signal.aborted) throw connectionError(cause, baseUrl);
      const seconds = Math.round(timeoutMs / 1000);
      throw new ConnectionError('timeout', `${baseUrl} did not answer within ${seconds} s.`, { cause });
    } finally {
      clearTimeout(timer);
    }
    if (response.ok || call.alsoFine?.includes(response.status)) return response;
    throw await toApiError(response, baseUrl);
  }

  /** A call and its whole answer, JSON if it does not say otherwise; made again where that is safe. @throws {ApiError | ConnectionError} */
  async function request<T>(call: Call): Promise<T> {
    const repeatable = (call.method ?? 'GET') === 'GET' || call.idempotencyKey !== undefined;
    const retry = createRetry(repeatable ? retries : 0, call.signal);
    for (;;) {
      try {
        const response = await exchange(call);
        const text = await response.text().catch((cause) => {
          throw connectionError(cause, baseUrl);
        });
        if (call.as && response.headers.get('content-type')?.startsWith(call.as)) return text as T;
        return (response.status === 204 ? undefined : parse(text, response, baseUrl)) as T;
      } catch (error) {
        await retry.after(error);
      }
    }
  }

  /**
   * The events of one connection, until either side closes it.
   * https://html.spec.whatwg.org/multipage/server-sent-events.html
   *
   * @throws {ApiError | ConnectionError}
   */
  async function* stream(call: Call) {
    const response = await exchange({ ...call, headers: { accept: 'text/event-stream', ...call.headers } });
    if (!response.body) throw unexpectedAnswer(response, baseUrl);
    // By hand rather than with `for await`, which Safari's streams do not have.
    const reader = response.body
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream())
      .getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read().catch((error) => {
          throw call.signal?.aborted ? error : connectionError(error, baseUrl);
        });
        if (done) return;
        yield value;
      }
    } finally {
      // Whoever stops reading closes the connection; one that broke has nothing left to close.
      await reader.cancel().catch(() => {});
    }
  }

  return { baseUrl, request, stream };
}

function search(query: object | undefined): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  return parameters.size === 0 ? '' : `?${parameters}`;
}

function parse(text: string, response: Response, baseUrl: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw unexpectedAnswer(response, baseUrl);
  }
}

async function toApiError(response: Response, baseUrl: string): Promise<ApiError> {
  const text = await response.text().catch((cause) => {
    throw connectionError(cause, baseUrl);
  });
  const { code, detail, ...problem } = (parse(text, response, baseUrl) ?? {}) as Partial<Problem>;
  if (typeof code !== 'string' || typeof detail !== 'string') return unexpectedAnswer(response, baseUrl);
  const retryAfter = response.headers.get('retry-after');
  return new ApiError(
    response.status,
    { ...problem, code, detail },
    retryAfter && /^\d+$/.test(retryAfter) ? Number(retryAfter) : undefined,
  );
}

function unexpectedAnswer({ status }: Response, baseUrl: string): ApiError {
  const detail = `What answers at ${baseUrl} (status ${status}) is not Nightshift, or a proxy stands before it.`;
  return new ApiError(status, { code: 'unexpected_answer', detail });
}

const reasons: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there. Is the server running?',
  ENOTFOUND: 'there is no such host.',
  EAI_AGAIN: 'its name cannot be looked up now.',
  EHOSTUNREACH: 'there is no way to that host.',
  ENETUNREACH: 'there is no way to that network.',
  ECONNRESET: 'the connection broke off.',
  UND_ERR_SOCKET: 'the connection broke off.',
};

/** What fetch throws, as a sentence. Node tells the reason in `cause`; browsers keep it to themselves. */
function connectionError(error: unknown, baseUrl: string): ConnectionError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : undefined;
  const code = cause && 'code' in cause ? String(cause.code) : 'unreachable';
  const reason = reasons[code] ?? `${cause?.message || String(error)}.`;
  return new ConnectionError(code, `Cannot reach ${baseUrl}: ${reason}`, { cause: error });
}
