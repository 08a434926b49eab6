/** What went wrong, whatever the vendor, the SDK or the network called it. */
import { shortenText } from '@nightshift/contracts';
import { type Endpoint, ModelError, type ModelErrorKind } from './provider.ts';
import { retryAfterOf } from './retry-after.ts';
import { findHttpFailure, type HttpFailure } from './transport.ts';

/** Longest vendor text that is passed on, in characters. */
const MAX_DETAIL = 500;

/** Any failure of a call as a `ModelError`. `streaming`: the answer had begun. */
export function toModelError(error: unknown, endpoint: Endpoint, streaming: boolean): ModelError {
  if (error instanceof ModelError) return error;
  const http = findHttpFailure(error);
  if (http) return httpError(http, endpoint);
  return brokenError(error, endpoint, streaming);
}

/** An answer that is not a stream: an error status, a redirect, a web page, or JSON where events were due. */
export function httpError(failure: HttpFailure, endpoint: Endpoint, now = Date.now()): ModelError {
  const { status, headers } = failure;
  const options = { status, ...requestIdOf(headers) };
  if (status >= 300 && status < 400) {
    const to = originOf(headers.get('location'), endpoint.baseUrl);
    return new ModelError(
      'request',
      `The endpoint redirects${to ? ` to ${to}` : ''}: is the base URL right?`,
      options,
    );
  }
  if (isHtml(failure)) {
    const kind = status < 400 ? 'server' : kindOfStatus(status);
    const prefix = status < 400 ? '' : `HTTP ${status}. `;
    return new ModelError(
      kind,
      `${prefix}The endpoint answered HTML, not JSON: is the base URL right?`,
      options,
    );
  }
  const body = parseJson(failure.body);
  const said = read(body ?? failure.body);
  if (status < 400) {
    if (said.isError) return streamError(body, endpoint);
    return new ModelError(
      'server',
      'The endpoint answered with something that is not a stream of events.',
      options,
    );
  }
  const retryAfterMs = retryAfterOf(headers, body, now);
  const kind = kindOf({ ...said, status, hasRetryAfter: retryAfterMs !== undefined });
  const detail = clean(said.message || failure.body, endpoint.apiKey);
  const message =
    detail === '' ? `${summaries[kind]} (HTTP ${status}).` : `${summaries[kind]} (HTTP ${status}): ${detail}`;
  return new ModelError(kind, message, {
    ...options,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** An error object that came inside a 200. */
export function streamError(body: unknown, endpoint: Endpoint, now = Date.now()): ModelError {
  const said = read(body);
  const retryAfterMs = retryAfterOf(new Headers(), body, now);
  const kind = kindOf({ ...said, hasRetryAfter: retryAfterMs !== undefined });
  const detail = clean(said.message, endpoint.apiKey);
  return new ModelError(kind, detail === '' ? `${summaries[kind]}.` : `${summaries[kind]}: ${detail}`, {
    ...(said.status === undefined ? {} : { status: said.status }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** The stream ended without its finish marker. */
export function truncatedError(): ModelError {
  return new ModelError('truncated', 'The answer broke off before it was complete.');
}

export function abortedError(): ModelError {
  return new ModelError('aborted', 'The call was stopped.');
}

/** Nothing a vendor said: a socket, a name, bytes that make no sense. */
function brokenError(error: unknown, endpoint: Endpoint, streaming: boolean): ModelError {
  if (error instanceof SyntaxError) {
    return new ModelError('server', 'The endpoint sent an event that is not valid JSON.');
  }
  // Reading stumbled over an event: a broken connection is a TypeError too, but one with a cause.
  if (streaming && error instanceof TypeError && error.cause === undefined) {
    return new ModelError('server', 'The endpoint sent an event that makes no sense.', { cause: error });
  }
  const root = rootCause(error);
  const code = (root as { code?: unknown }).code;
  if (
    code === 'UND_ERR_HEADERS_TIMEOUT' ||
    code === 'UND_ERR_CONNECT_TIMEOUT' ||
    code === 'UND_ERR_BODY_TIMEOUT'
  ) {
    return new ModelError('timeout', `No answer from ${hostOf(endpoint)} in time (${code}).`, {
      cause: root,
    });
  }
  if (streaming) {
    return new ModelError('truncated', 'The connection broke off before the answer was complete.', {
      cause: root,
    });
  }
  const why = typeof code === 'string' ? code : clean(root.message, endpoint.apiKey);
  return new ModelError('network', `No connection to ${hostOf(endpoint)} (${why}).`, { cause: root });
}

const summaries: Record<ModelErrorKind, string> = {
  auth: 'The key was refused',
  billing: 'The account must be paid or topped up',
  quota: "The plan's limit is used up",
  rate: 'Too many requests for this key',
  overload: 'The vendor is overloaded',
  server: 'The vendor failed',
  network: 'No connection',
  timeout: 'The vendor was too slow',
  context: 'The conversation is too long for this model',
  content: 'The vendor refused the content',
  model: 'No such model here',
  request: 'The vendor calls the request invalid',
  truncated: 'The answer broke off',
  aborted: 'The call was stopped',
};

interface Said {
  status?: number;
  /** The vendor's `code` and `type`, lower case, in one string: which of them holds the name differs by vendor. */
  names: string;
  message: string;
  isError: boolean;
}

/**
 * Reads an error object. Shapes: `{error: {message, type, code}}` (OpenAI, Anthropic, most), `[{error}]` (Gemini),
 * `{message}` (Mistral, Cohere), `{detail}` (FastAPI servers), `{error: "text"}` (Ollama, TGI).
 */
function read(body: unknown): Said {
  const outer = (Array.isArray(body) ? body[0] : body) as Record<string, unknown> | string | null | undefined;
  if (typeof outer !== 'object' || outer === null) {
    return { names: '', message: typeof outer === 'string' ? outer : '', isError: false };
  }
  const inner = (outer.error ?? outer.detail ?? outer) as Record<string, unknown> | string;
  if (typeof inner === 'string') return { names: '', message: inner, isError: true };
  const { message, type, code, status } = inner;
  const number = typeof code === 'number' && code >= 400 && code < 600 ? code : undefined;
  return {
    ...(number === undefined ? {} : { status: number }),
    names: [type, code, status, outer.type, outer.code]
      .filter((name) => typeof name === 'string')
      .join(' ')
      .toLowerCase(),
    message: typeof message === 'string' ? message : JSON.stringify(inner),
    isError: outer.error !== undefined || outer.object === 'error' || outer.type === 'error',
  };
}

interface Rule {
  kind: ModelErrorKind;
  names?: RegExp;
  words?: RegExp;
  /** The words count only under these statuses. */
  statuses?: readonly number[];
}

/**
 * Troubles that vendors put under several statuses, so that their names and words win over it; the first match counts.
 * https://platform.openai.com/docs/guides/error-codes · https://docs.anthropic.com/en/api/errors ·
 * https://openrouter.ai/docs/api-reference/errors · https://api-docs.deepseek.com/quick_start/error_codes
 */
const specificRules: readonly Rule[] = [
  { kind: 'context', names: /context_length_exceeded|request_too_large|model_context_window/ },
  {
    kind: 'context',
    words:
      /context (length|window|size)|maximum context|(prompt|input) is too long|too many (input )?tokens|exceed.{0,30}context|exceeds? the (maximum (number of )?|available )tokens|reduce the length/i,
    statuses: [400, 413, 422],
  },
  { kind: 'content', names: /content_filter|_policy|moderation|safety|responsible_?ai/ },
  {
    kind: 'content',
    words: /moderation|flagged|content (filter|policy|management)|safety (system|polic)/i,
    statuses: [400, 403, 422],
  },
  { kind: 'billing', names: /billing|payment_required|insufficient_balance|credit/ },
  {
    kind: 'billing',
    words: /credit balance|insufficient (balance|credit|funds)|out of credits|payment required/i,
  },
  { kind: 'quota', names: /insufficient_quota|quota/ },
  {
    kind: 'quota',
    words:
      /exceeded your current quota|insufficient quota|(daily|weekly|monthly|plan|usage) (token |request |spend )?(limit|quota)/i,
    statuses: [403, 429],
  },
];

/** What is read from names only where no status says it: inside a 200, or under a 400 that means anything. */
const generalRules: readonly Rule[] = [
  { kind: 'auth', names: /authentication|invalid_api_key|permission|unauthorized|unauthenticated/ },
  {
    kind: 'auth',
    words: /api[ _-]?key (is )?(not valid|invalid|expired)|invalid api[ _-]?key/i,
    statuses: [400],
  },
  { kind: 'overload', names: /overloaded|unavailable|capacity/ },
  { kind: 'rate', names: /rate_?limit|too_many_requests|resource_exhausted/ },
  { kind: 'model', names: /not_found|invalid_model|unknown_model/ },
  { kind: 'timeout', names: /timeout/ },
  { kind: 'request', names: /invalid_(request|prompt|image|base64)|image_(too|file|parse)/ },
];

function kindOf(said: Omit<Said, 'isError'> & { hasRetryAfter: boolean }): ModelErrorKind {
  const { status } = said;
  if (status !== undefined && status >= 500) {
    return /overloaded/.test(said.names) ? 'overload' : kindOfStatus(status);
  }
  const specific = specificRules.find((rule) => matches(rule, said));
  // Gemini says "you exceeded your current quota" for a per-minute limit too, and then names a delay.
  if (specific?.kind === 'quota' && said.hasRetryAfter && !said.names.includes('insufficient_quota'))
    return 'rate';
  if (specific) return specific.kind;
  if (status === undefined || status === 400) {
    const general = generalRules.find((rule) => matches(rule, said));
    if (general) return general.kind;
  }
  return status === undefined ? 'server' : kindOfStatus(status);
}

function matches(rule: Rule, said: Omit<Said, 'isError'>): boolean {
  if (rule.statuses && said.status !== undefined && !rule.statuses.includes(said.status)) return false;
  return rule.names?.test(said.names) === true || rule.words?.test(said.message) === true;
}

function kindOfStatus(status: number): ModelErrorKind {
  switch (status) {
    case 401:
    case 403:
      return 'auth';
    case 402:
      return 'billing';
    case 404:
      return 'model';
    case 408:
      return 'timeout';
    // A lock that another request holds; the SDKs try again, too.
    case 409:
      return 'server';
    case 413:
      return 'context';
    case 429:
      return 'rate';
    case 503:
    case 529:
      return 'overload';
    default:
      return status >= 500 ? 'server' : 'request';
  }
}

/** The vendor's text for people: one line, capped, without the key even when the vendor echoes it. */
export function clean(text: string, apiKey: string | null): string {
  let safe = text;
  if (apiKey && apiKey.length >= 4) {
    safe = safe.replaceAll(apiKey, '[key]').replaceAll(encodeURIComponent(apiKey), '[key]');
  }
  safe = safe.replace(/\b(sk|pk|rk|gsk|xai|hf|key|AIza)[-_]?[A-Za-z0-9_-]{16,}/g, '[key]');
  safe = safe.replace(/\s+/g, ' ').trim();
  return shortenText(safe, MAX_DETAIL);
}

function isHtml(failure: HttpFailure): boolean {
  return (
    (failure.headers.get('content-type') ?? '').startsWith('text/html') ||
    /^\s*<(!doctype|html)/i.test(failure.body)
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function rootCause(error: unknown): Error {
  let root = error instanceof Error ? error : new Error(String(error));
  for (let depth = 0; depth < 5 && root.cause instanceof Error; depth++) root = root.cause;
  return root;
}

function requestIdOf(headers: Headers): { requestId?: string } {
  const requestId = headers.get('x-request-id') ?? headers.get('request-id');
  return requestId ? { requestId: requestId.slice(0, 100) } : {};
}

function hostOf(endpoint: Endpoint): string {
  return URL.canParse(endpoint.baseUrl) ? new URL(endpoint.baseUrl).host : endpoint.provider;
}

function originOf(location: string | null, base: string): string | null {
  return location && URL.canParse(location, base) ? new URL(location, base).origin : null;
}
