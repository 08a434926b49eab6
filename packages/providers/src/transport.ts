/**
 * The `fetch` under both SDKs. Every answer that is not a stream becomes an `HttpFailure`, so that whatever a
 * vendor, a gateway or a wrong base URL answers is judged in one place (`errors.ts`) and no body is read
 * without bound.
 */

import { ModelError } from './provider.ts';

/** Enough for any vendor's error object, and for a whole answer of a server that ignores `stream: true`. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;
const MAX_ERROR_BYTES = 64 * 1024;

export class HttpFailure extends Error {
  override readonly name = 'HttpFailure';
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;

  constructor(status: number, headers: Headers, body: string) {
    // The SDKs take an error for a timeout when its text says "timed out": keep the vendor's words out of it.
    super('the endpoint answered with something other than a stream');
    this.status = status;
    this.headers = headers;
    this.body = body;
  }
}

/**
 * A `fetch` that sends exactly these headers, whatever the SDK above it adds: that includes what an SDK finds in this
 * process's environment (`OPENAI_CUSTOM_HEADERS`, `ANTHROPIC_CUSTOM_HEADERS`), which is not meant for somebody else's
 * server. Redirects are not followed: an API has no reason for one, and a redirect to another host would carry the key
 * in `x-api-key` along.
 */
export function createFetch(headers: Record<string, string>) {
  return async function fetchStream(url: string | URL | Request, init?: RequestInit): Promise<Response> {
    const response = await fetch(url, {
      ...init,
      headers: { accept: 'application/json', 'content-type': 'application/json', ...headers },
      redirect: 'manual',
    });
    if (!response.ok) {
      throw new HttpFailure(response.status, response.headers, await readCapped(response, MAX_ERROR_BYTES));
    }
    const type = response.headers.get('content-type') ?? '';
    if (/^(application\/([\w.-]{1,50}\+)?json|text\/(json|html)|application\/xhtml)/i.test(type)) {
      throw new HttpFailure(response.status, response.headers, await readCapped(response, MAX_BODY_BYTES));
    }
    return response;
  };
}

/**
 * The endpoint's key as a header can carry it.
 * @throws {ModelError} auth, when none can
 */
export function bearerOf(apiKey: string): string {
  const key = apiKey.trim();
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  throw new ModelError(
    'auth',
    'The key has a line break, a space or another character that no key has: copy it again.',
  );
}

/** The `HttpFailure` inside whatever an SDK wrapped around it. */
export function findHttpFailure(error: unknown): HttpFailure | null {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++) {
    if (cause instanceof HttpFailure) return cause;
  }
  return null;
}

/** The body's first `limit` bytes as text. */
export async function readCapped(response: Response, limit: number): Promise<string> {
  if (!response.body) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= limit) break;
    }
  } catch (error) {
    // A status whose body breaks off still tells what is wrong; an abort does not.
    if (error instanceof Error && error.name === 'AbortError') throw error;
  }
  return Buffer.concat(chunks).subarray(0, limit).toString('utf8');
}
