/** The one place that turns errors into answers: RFC 9457 problem documents, and OpenAI's errors under `/openai/`. */
import { randomUUIDv7 } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Problem } from '@nightshift/contracts';
import { isConflict, isDatabaseUnavailable } from '@nightshift/core/database';
import { DomainError, type ErrorCode, type FieldError, type Named } from '@nightshift/core/errors';
import type { FastifyError, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { isOpenaiPath, OpenaiError, toOpenaiError, unroutedOpenai } from '../openai-errors.ts';
import { fieldErrors } from './issues.ts';

const statuses: Record<ErrorCode, number> = {
  invalid_request: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  ambiguous: 409,
  idempotency_conflict: 409,
  idempotency_in_progress: 409,
  run_not_final: 409,
  run_final: 409,
  request_timeout: 408,
  body_too_large: 413,
  rate_limited: 429,
  unavailable: 503,
};

const titles: Record<number, string> = {
  400: 'Bad request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not found',
  405: 'Method not allowed',
  408: 'Request timeout',
  409: 'Conflict',
  413: 'Content too large',
  415: 'Unsupported media type',
  429: 'Too many requests',
  431: 'Headers too large',
  500: 'Internal error',
  503: 'Unavailable',
};

/** An error as an answer: what every door makes its own document of. It is bounded, whatever the request was. */
export interface ErrorAnswer {
  status: number;
  code: string;
  detail: string;
  fields?: readonly FieldError[] | undefined;
  /** What has the name already, or what the reference may mean: see `DomainError`. */
  existing?: Named | undefined;
  candidates?: readonly Named[] | undefined;
  /** In seconds. */
  retryAfter?: number | undefined;
  /** Of OpenAI's errors, where the status alone does not say it. */
  type?: string | undefined;
  headers?: Readonly<Record<string, string>> | undefined;
  /** A defect of ours or a fault around us, to be logged. */
  cause?: unknown;
}

function fromValidation(error: FastifyError): ErrorAnswer | undefined {
  if (!hasZodFastifySchemaValidationErrors(error)) return undefined;
  // An id that cannot exist is an id of nothing.
  if (error.validationContext === 'params')
    return { status: 404, code: 'not_found', detail: 'There is no such resource.' };
  const all = fieldErrors(
    error.validation.map(({ keyword, instancePath, message = 'is invalid', params }) => ({
      ...(params as object),
      code: keyword as never,
      path: instancePath.split('/').slice(1).filter(Boolean),
      message,
    })),
  );
  const fields = all.slice(0, maxErrors);
  const where = error.validationContext === 'querystring' ? 'query' : error.validationContext;
  const more = all.length - fields.length;
  const detail = fields
    .map(({ path, message }) => `${cut(path, maxPathLength) || where}: ${cut(message, maxMessageLength)}`)
    .concat(more > 0 ? `And ${more} more` : [])
    .join('. ');
  return { status: 400, code: 'invalid_request', detail, fields };
}

/** What an answer to a bad request names at most. */
export const maxErrors = 20;
/** In UTF-16 units. All errors together stay below 8 KiB, and a whole answer below 16 KiB. */
const maxPathLength = 100;
const maxMessageLength = 300;
const maxDetailLength = 1_500;
const maxErrorsBytes = 8 * 1024;

/** Control characters but tab and line feed, halves of surrogate pairs, and what turns the direction of text around. */
const unsafe = /[\0-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]|\p{Cs}/gu;

/** The beginning of a text that a caller may have chosen, without what would steer a terminal or a browser. */
function cut(text: string, length: number): string {
  const isCut = text.length > length;
  const plain = text.slice(0, length).replaceAll(unsafe, '\ufffd');
  return isCut ? `${plain}…` : plain;
}

function bound({ detail, fields, ...answer }: ErrorAnswer): ErrorAnswer {
  let bytes = 0;
  const kept: FieldError[] = [];
  for (const field of fields?.slice(0, maxErrors) ?? []) {
    const each = { path: cut(field.path, maxPathLength), message: cut(field.message, maxMessageLength) };
    bytes += Buffer.byteLength(JSON.stringify(each));
    if (bytes > maxErrorsBytes) break;
    kept.push(each);
  }
  return { ...answer, detail: cut(detail, maxDetailLength), fields: fields && kept };
}

/** Fastify's own refusals that have a code of ours. */
const fastifyCodes: Record<string, { status?: number; code: string; detail: string }> = {
  FST_ERR_BAD_URL: { code: 'invalid_request', detail: 'The path is not valid percent-encoded UTF-8.' },
  // As any id that cannot exist.
  FST_ERR_MAX_PARAM_LENGTH: { status: 404, code: 'not_found', detail: 'There is no such resource.' },
  FST_ERR_CTP_BODY_TOO_LARGE: {
    code: 'body_too_large',
    detail: 'The body is larger than the limit.',
  },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: 'unsupported_media_type',
    detail: 'Send JSON, with the header Content-Type: application/json.',
  },
};

export const toErrorAnswer = (error: FastifyError | Error): ErrorAnswer => bound(toAnswer(error));

function toAnswer(error: FastifyError | Error): ErrorAnswer {
  if (error instanceof OpenaiError) return error.answer;
  if (error instanceof DomainError) {
    const { code, message: detail, fields, existing, candidates, retryAfter } = error;
    return { status: statuses[code], code, detail, fields, existing, candidates, retryAfter };
  }
  const invalid = fromValidation(error as FastifyError);
  if (invalid) return invalid;
  const { code, statusCode } = error as FastifyError;
  if (isDatabaseUnavailable(error)) {
    return {
      status: 503,
      code: 'unavailable',
      detail: 'The database cannot be reached. Try again soon.',
      cause: error,
    };
  }
  if (isConflict(error)) {
    return {
      status: 503,
      code: 'unavailable',
      detail: 'Others changed the same at this moment. Nothing was done: try again.',
      cause: error,
    };
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return {
      status: statusCode,
      ...(fastifyCodes[code] ?? { code: 'invalid_request', detail: error.message }),
    };
  }
  return {
    status: 500,
    code: 'internal_error',
    detail: 'The server failed. Its log has the details.',
    cause: error,
  };
}

export function toProblem(answer: ErrorAnswer, requestId: string): Problem {
  const { status, code, detail, fields, existing, candidates } = answer;
  return {
    type: 'about:blank',
    title: titles[status] ?? 'Error',
    status,
    code,
    detail,
    requestId,
    ...(fields ? { errors: [...fields] } : {}),
    ...(existing && { existing }),
    ...(candidates && { candidates: [...candidates] }),
  };
}

/**
 * What every door does with an error: logs what is ours to mend (a caller's mistake is only counted), and sets status
 * and headers of the answer. The body is the door's own.
 */
export function beginErrorAnswer(
  request: FastifyRequest,
  reply: FastifyReply,
  { status, retryAfter, headers, cause }: ErrorAnswer,
): FastifyReply {
  if (cause)
    request.log[status >= 500 && status !== 503 ? 'error' : 'warn']({ err: cause }, 'request failed');
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter);
  if (headers) reply.headers(headers);
  return reply.status(status);
}

/** Requests that Fastify refuses before any route or hook is reached. */
export function answerUnrouted(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const answer = toErrorAnswer(error);
  const { type, body } = documentOf(answer, request.url, request.id);
  reply.status(answer.status).header('x-request-id', request.id).type(type);
  reply.send(JSON.stringify(body));
}

/** Each API has its own shape of errors. */
function documentOf(answer: ErrorAnswer, url: string, requestId: string) {
  return isOpenaiPath(url)
    ? { type: 'application/json', body: toOpenaiError(answer) }
    : { type: 'application/problem+json', body: toProblem(answer, requestId) };
}

const clientErrors: Record<string, ErrorAnswer> = {
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    code: 'request_timeout',
    detail: 'The request took too long to arrive.',
  },
  HPE_HEADER_OVERFLOW: { status: 431, code: 'headers_too_large', detail: 'The headers are too large.' },
};

/** What never became a request: too slow, or no HTTP. Only the socket is there to answer on. */
export function answerClientError(
  { code, rawPacket }: { code?: string; rawPacket?: unknown },
  socket: Socket,
): void {
  if (code === 'ECONNRESET' || !socket.writable) return;
  const answer = clientErrors[code ?? ''] ?? {
    status: 400,
    code: 'invalid_request',
    detail: 'This is no valid HTTP request.',
  };
  // The packet that could not be read is often the first, and begins with the request line.
  const packet = Buffer.isBuffer(rawPacket) ? rawPacket.toString('latin1', 0, 64) : '';
  const url = /^[A-Z]{1,20} (\S{1,20})/.exec(packet)?.[1] ?? '';
  const document = documentOf(answer, url, randomUUIDv7());
  const body = JSON.stringify(document.body);
  const head = [
    `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status]}`,
    `Content-Type: ${document.type}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

function unrouted({ method, url }: FastifyRequest): Error {
  const path = cut(url.split('?', 1)[0]!, 200);
  if (isOpenaiPath(url)) return unroutedOpenai(method, path);
  return new DomainError('not_found', `There is nothing at ${method} ${path}. /docs lists what there is.`);
}

/** An onRequest hook: nobody needs the body of a request that leads nowhere. */
export const refuseUnrouted: onRequestHookHandler = (request, _reply, done) =>
  done(request.is404 ? unrouted(request) : undefined);

export const problems = fastifyPlugin(async (app) => {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const answer = toErrorAnswer(error);
    const { type, body } = documentOf(answer, request.url, request.id);
    return beginErrorAnswer(request, reply, answer).type(type).serializer(JSON.stringify).send(body);
  });
  // A route may say so as well.
  app.setNotFoundHandler((request) => {
    throw unrouted(request);
  });
});
