/** What adapters need of HTTP. */
import { timingSafeEqual } from 'node:crypto';
import { FetchFailure } from '@nightshift/contracts';
import { ChannelError, type RawRequest } from './channel.ts';

const kindOf = { refused: 'rejected', unreachable: 'retry', interrupted: 'ambiguous' } as const;

/** What a request that came to nothing means for the part in it. Anything but a `FetchFailure` is thrown on. */
export function toChannelError(error: unknown): ChannelError {
  if (error instanceof ChannelError) return error;
  if (!(error instanceof FetchFailure)) throw error;
  return new ChannelError(kindOf[error.reason], error.message, { cause: error });
}

/** A request's body, of which there is one at most, and its content type. */
export async function encodeBody(json: object | undefined, form: FormData | undefined) {
  if (json) return { type: 'application/json', body: new TextEncoder().encode(JSON.stringify(json)) };
  if (!form) return { type: null, body: null };
  // The platform knows how to write a form, and which boundary does not occur in it.
  const encoded = new Response(form);
  return { type: encoded.headers.get('content-type'), body: new Uint8Array(await encoded.arrayBuffer()) };
}

/** The body of a verified request. @throws {ChannelError} rejected: it is no JSON in UTF-8 */
export function readJson({ body }: RawRequest): unknown {
  try {
    return parseJson(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (cause) {
    throw new ChannelError('rejected', 'The request is no JSON.', { cause });
  }
}

/** A platform's answer, as far as it is one: undefined for a proxy's page, or a body that was cut off. */
export function parseAnswer(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

/** Levels of arrays and objects, more than any platform sends. */
const maxJsonDepth = 100;

/**
 * `JSON.parse`, unless it is nested too deeply: of 3 MB of brackets it takes seconds, and whoever walks through what comes
 * of it runs out of stack.
 */
function parseJson(text: string): unknown {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '"') at = endOfString(text, at);
    else if (character === '[' || character === '{') depth += 1;
    else if (character === ']' || character === '}') depth -= 1;
    if (depth > maxJsonDepth) throw new SyntaxError('It is nested too deeply.');
  }
  return JSON.parse(text);
}

/** The quote that ends the string which begins at a place. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}

/** In constant time, as far as the lengths agree. */
export function isSameSecret(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/**
 * `Retry-After` in milliseconds: seconds or a date (RFC 9110, 10.2.3). Undefined when there is none, or none that says
 * anything. `now`: milliseconds of the epoch.
 */
export function retryAfterMs(headers: Headers, now: number): number | undefined {
  const value = headers.get('retry-after')?.trim();
  if (!value) return undefined;
  if (/^\d+(\.\d+)?$/.test(value)) return Math.ceil(Number(value) * 1000);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** The beginning of a body as text, at most `maxBytes` of it; the rest is not waited for. */
export async function readExcerpt(response: Response, maxBytes: number): Promise<string> {
  const reader = response.body?.getReader();
  if (!reader) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  while (size < maxBytes) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    size += value.length;
  }
  await reader.cancel();
  return Buffer.concat(chunks).subarray(0, maxBytes).toString('utf8');
}

/**
 * A body as a whole, unless it is longer than `maxBytes`.
 * @throws {ChannelError} rejected: it is longer
 */
export async function readWhole(response: Response, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maxBytes) throw new ChannelError('rejected', `It is larger than ${maxBytes} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
