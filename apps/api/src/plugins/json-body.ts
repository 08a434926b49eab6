/**
 * Reads JSON bodies, and refuses what would hurt further in: invalid UTF-8, nesting that exhausts a stack, more values
 * than any request needs, `__proto__`, and text that Postgres cannot store (NUL bytes, lone surrogates).
 */
import { cutText, isStorable } from '@nightshift/contracts';
import { DomainError, type FieldError } from '@nightshift/core/errors';
import fastifyPlugin from 'fastify-plugin';
import secureJson from 'secure-json-parse';

export const maxDepth = 64;

/**
 * Values of a whole body: members of objects and items of lists, at every depth. The largest of ours is a history at the
 * OpenAI door, 1,000 messages of some ten values each; a channel with all its allow-lists has 4,000.
 */
export const maxValues = 20_000;

const invalid = (message: string, fields?: FieldError[]) =>
  new DomainError('invalid_request', message, fields ? { fields } : {});

/** Counts brackets and separators outside of strings, so that a hostile shape is refused before it takes any memory. */
function assertBounded(text: string): void {
  let depth = 0;
  let values = 1;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === 0x22) index = endOfString(text, index);
    else if (code === 0x2c || code === 0x7b || code === 0x5b) {
      values += 1;
      if (values > maxValues) throw invalid(`The body has more than ${maxValues} values.`);
      if (code !== 0x2c) depth += 1;
      if (depth > maxDepth) throw invalid(`The body is nested more than ${maxDepth} levels deep.`);
    } else if (code === 0x7d || code === 0x5d) depth -= 1;
  }
}

/** Where the string ends that begins at `start`: at the next quotation mark with an even number of backslashes before it. */
function endOfString(text: string, start: number): number {
  for (let from = start + 1; ; ) {
    const end = text.indexOf('"', from);
    if (end < 0) return text.length;
    let slash = end;
    while (slash > from && text.charCodeAt(slash - 1) === 0x5c) slash -= 1;
    if ((end - slash) % 2 === 0) return end;
    from = end + 1;
  }
}

/** Where a text is that cannot be stored. `key`: it is the name of a member. */
function findUnstorable(value: unknown): { path: string[]; key: boolean } | null {
  if (typeof value === 'string') return isStorable(value) ? null : { path: [], key: false };
  if (value === null || typeof value !== 'object') return null;
  for (const [name, item] of Object.entries(value)) {
    if (!isStorable(name)) return { path: [], key: true };
    const found = findUnstorable(item);
    if (found) return { ...found, path: [name, ...found.path] };
  }
  return null;
}

function assertStorable(body: unknown, text: string): void {
  // The bytes are UTF-8, and JSON has no NUL in its strings: only an escape can bring either.
  if (!text.includes('\\u')) return;
  const found = findUnstorable(body);
  if (!found) return;
  const path = found.path.join('.');
  if (found.key) throw invalid(`${path || 'body'}: has a key that is no text.`);
  const message = 'holds a NUL byte or half of a surrogate pair';
  throw invalid(`${path || 'body'}: ${message}, which is no text.`, [{ path, message }]);
}

/** @throws {DomainError} invalid_request */
export function parseJsonBody(bytes: Buffer): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw invalid('The body is not UTF-8.');
  }
  assertBounded(text);
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
  assertStorable(value, text);
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
