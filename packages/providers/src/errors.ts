/** What went wrong, whatever the vendor, the SDK or the network called it. */
import { createRedactor, shortenText } from '@nightshift/contracts';
import { trimEndOf } from '@nightshift/contracts/text';
import { type ErrorBody, isErrorEvent, readErrorBody } from './error-body.ts';
import { kindOfError, kindOfStatus } from './error-kinds.ts';
import { type Endpoint, ModelError, type ModelErrorKind, type ModelErrorOptions } from './provider.ts';
import { retryAfterOf, waitInText } from './retry-after.ts';
import { findHttpFailure, type HttpFailure } from './transport.ts';

export { isErrorEvent } from './error-body.ts';

/** Longest vendor text that is passed on, in characters. */
const MAX_DETAIL = 500;
/** So much of a vendor's text is looked at. */
const MAX_READ = 8_000;

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
  if (status >= 300 && status < 400) {
    const to = originOf(headers.get('location'), endpoint.baseUrl);
    const message = `The endpoint redirects${to ? ` to ${to}` : ''}: is the base URL right?`;
    return new ModelError('request', message, { status, ...requestIdOf(headers) });
  }
  const body = parseJson(failure.body);
  const said = readErrorBody(body ?? failure.body, headers);
  const retryAfterMs = retryAfterOf(headers, body, now) ?? waitInText(said.message);
  const options = {
    status,
    ...requestIdOf(headers),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
  if (body === undefined && isHtml(failure)) return pageError(failure, endpoint, options);
  if (status < 400) {
    if (said.isError || isErrorEvent(body)) return streamError(body, endpoint, now);
    const detail = said.message === '' ? '' : `: ${cleanFor(endpoint, said.message)}`;
    const message = `The endpoint answered with something that is not a stream of events${detail || '.'}`;
    return new ModelError('server', message, options);
  }
  const kind = isForeign(failure, body, said.message)
    ? 'network'
    : kindOfError({ ...said, status, hasRetryAfter: retryAfterMs !== undefined });
  const detail = cleanFor(endpoint, said.message || failure.body);
  const summary = kind === 'network' ? 'The endpoint cannot be reached from here' : summaries[kind];
  const message = detail === '' ? `${summary} (HTTP ${status}).` : `${summary} (HTTP ${status}): ${detail}`;
  return new ModelError(kind, message, { ...options, ...repairOf(kind, said) });
}

/**
 * A web page in place of an answer. It says nothing of the key: a 401 or 403 comes from a proxy or firewall
 * on the way (Cloudflare's block and challenge pages).
 */
function pageError(failure: HttpFailure, endpoint: Endpoint, options: ModelErrorOptions): ModelError {
  const { status } = failure;
  const title = cleanFor(endpoint, titleOf(failure.body)).slice(0, 100);
  const page = title === '' ? 'an HTML page' : `an HTML page ("${title}")`;
  if (status < 400)
    return new ModelError(
      'server',
      `The endpoint answered ${page}, not JSON: is the base URL right?`,
      options,
    );
  const isBlocked = [401, 403, 407, 451].includes(status);
  const hint = isBlocked
    ? 'A proxy or firewall may stand before it.'
    : status === 404
      ? 'Is the base URL right?'
      : '';
  const message = `HTTP ${status}. The endpoint answered ${page}, not JSON. ${hint}`.trim();
  return new ModelError(isBlocked ? 'network' : kindOfStatus(status), message, options);
}

/**
 * A refusal in plain text that is not about the key: an egress proxy's, a firewall's ("error code: 1020",
 * "RBAC: access denied").
 */
function isForeign({ status, headers, body }: HttpFailure, json: unknown, message: string): boolean {
  if (status === 407 || (status === 403 && headers.has('cf-mitigated'))) return true;
  const isText =
    status === 403 && json === undefined && body.trim() !== '' && !body.trimStart().startsWith('<');
  return (
    isText &&
    !/\bapi|\bkey|token|auth|credential|permission|subscription|account/i.test(message.slice(0, MAX_READ))
  );
}

/** An error object that came inside a 200. */
export function streamError(body: unknown, endpoint: Endpoint, now = Date.now()): ModelError {
  const said = readErrorBody(body);
  const retryAfterMs = retryAfterOf(new Headers(), body, now) ?? waitInText(said.message);
  const kind = kindOfError({ ...said, hasRetryAfter: retryAfterMs !== undefined });
  const detail = cleanFor(endpoint, said.message);
  return new ModelError(kind, detail === '' ? `${summaries[kind]}.` : `${summaries[kind]}: ${detail}`, {
    ...(said.status === undefined ? {} : { status: said.status }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...repairOf(kind, said),
  });
}

function repairOf(kind: ModelErrorKind, { failedGeneration }: ErrorBody): { failedGeneration?: string } {
  return kind === 'malformed' && failedGeneration !== undefined ? { failedGeneration } : {};
}

/** The stream ended without its finish marker. */
export function truncatedError(): ModelError {
  return new ModelError('truncated', 'The answer broke off before it was complete.');
}

/**
 * The answer is complete, and there is nothing in it that could be used. `isCut`: the output cap was reached.
 */
export function emptyError(isCut: boolean, hasThought: boolean): ModelError {
  const thought = hasThought ? ' It has only thought.' : '';
  return new ModelError(
    'empty',
    isCut
      ? `The model reached its output limit before it said anything.${thought}`
      : `The model answered nothing.${thought}`,
  );
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
  const why = typeof code === 'string' ? code : cleanFor(endpoint, root.message);
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
  empty: 'The model answered nothing',
  malformed: 'The model made a tool call that its vendor cannot read',
  truncated: 'The answer broke off',
  aborted: 'The call was stopped',
};

/** The vendor's text for people: one line, capped, without the key even when the vendor echoes it. */
export function clean(text: string, apiKey: string | null): string {
  const redactor = createRedactor(apiKey ? [apiKey] : [], { mark: '[key]', leastLength: 4 });
  let read = text.slice(0, MAX_READ);
  // Half of a key at the cut would not be recognised.
  if (text.length > MAX_READ && apiKey) read = read.slice(0, Math.max(0, MAX_READ - apiKey.length * 3));
  return shortenText(redactor.redact(read).replace(/\s+/g, ' ').trim(), MAX_DETAIL);
}

/** Paths this short (`/v1`) are everybody's. */
const MIN_PATH = 9;

/**
 * As `clean`, and without the path of the endpoint's address, which many servers echo (`Cannot POST /…`): it may hold a
 * token, and is shown only to those who manage credentials.
 */
export function cleanFor({ apiKey, baseUrl }: Pick<Endpoint, 'apiKey' | 'baseUrl'>, text: string): string {
  const path = URL.canParse(baseUrl) ? trimEndOf(new URL(baseUrl).pathname, '/') : '';
  const paths = path.length < MIN_PATH ? [] : [path, decoded(path)];
  return clean(
    paths.reduce((rest, each) => rest.replaceAll(each, '/…'), text.slice(0, 2 * MAX_READ)),
    apiKey,
  );
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function isHtml(failure: HttpFailure): boolean {
  return (
    /^(text\/html|application\/xhtml)/i.test(failure.headers.get('content-type') ?? '') ||
    /^\s{0,100}<(!doctype html|html|head|body)\b/i.test(failure.body)
  );
}

function titleOf(html: string): string {
  const lower = html.toLowerCase();
  const start = lower.indexOf('<title');
  const open = start === -1 ? -1 : lower.indexOf('>', start);
  const end = open === -1 ? -1 : lower.indexOf('</title', open);
  return end === -1 ? '' : html.slice(open + 1, end);
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
