/**
 * Reads JSON bodies, and refuses what would hurt further in: invalid UTF-8, nesting that exhausts a stack,
 * `__proto__`, and text that Postgres cannot store (NUL bytes, lone surrogates).
 */
import { cutText, isStorable } from '@nightshift/contracts';
import { DomainError, type FieldError } from '@nightshift/core/errors';
import fastifyPlugin from 'fastify-plugin';
import secureJson from 'secure-json-parse';

export const maxDepth = 64;

const invalid = (message: string, fields?: FieldError[]) =>
  new DomainError('invalid_request', message, fields ? { fields } : {});

/** Counts brackets outside of strings, so that nothing recursive meets a hostile depth. */
function assertDepth(text: string): void {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (inString) {
      if (code === 0x5c) index += 1;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x7b || code === 0x5b) {
      depth += 1;
      if (depth > maxDepth) throw invalid(`The body is nested more than ${maxDepth} levels deep.`);
    } else if (code === 0x7d || code === 0x5d) depth -= 1;
  }
}

function assertStorable(value: unknown, path: string): void {
  if (typeof value === 'string') {
    if (isStorable(value)) return;
    throw invalid(`${path || 'body'}: holds a NUL byte or half of a surrogate pair, which is no text.`, [
      { path, message: 'holds a NUL byte or half of a surrogate pair' },
    ]);
  }
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) assertStorable(item, `${path}${path && '.'}${index}`);
  } else if (value !== null && typeof value === 'object') {
    for (const [key, item] of Object.entries(value)) {
      if (!isStorable(key)) throw invalid(`${path || 'body'}: has a key that is no text.`);
      assertStorable(item, `${path}${path && '.'}${key}`);
    }
  }
}

/** @throws {DomainError} invalid_request */
export function parseJsonBody(bytes: Buffer): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw invalid('The body is not UTF-8.');
  }
  assertDepth(text);
  let value: unknown;
  try {
    value = secureJson.parse(text, { protoAction: 'error', constructorAction: 'error' });
  } catch (error) {
    const reason = (error as Error).message;
    throw invalid(
      /forbidden prototype/.test(reason)
        ? 'The body has a key that is not allowed: __proto__ or constructor.prototype.'
        : `The body is no valid JSON: ${cutText(reason, 200)}`,
    );
  }
  assertStorable(value, '');
  return value;
}

export const jsonBody = fastifyPlugin(async (app) => {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body: Buffer, done) => {
    // Clients that always send the header send it with DELETE and empty POSTs too.
    if (body.length === 0) return done(null, undefined);
    try {
      done(null, parseJsonBody(body));
    } catch (error) {
      done(error as Error);
    }
  });
});
