/**
 * What can go wrong in the domain, by a stable code. The api turns each code into one HTTP status; nothing
 * else does.
 */
export type ErrorCode =
  | 'invalid_request'
  | 'unauthorized'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  /** A name or a short id means several records. */
  | 'ambiguous'
  | 'idempotency_conflict'
  | 'idempotency_in_progress'
  | 'run_not_final'
  | 'run_final'
  | 'request_timeout'
  | 'body_too_large'
  | 'rate_limited'
  | 'unavailable';

/** Field problems: `path` is dotted, as in the request's body. */
export type FieldError = { path: string; message: string };

/** A record, as people tell it from others. */
export type Named = { id: string; name: string };

/** An expected failure. Its message is for the caller and holds no secret. */
export class DomainError extends Error {
  override readonly name = 'DomainError';
  readonly code: ErrorCode;
  readonly fields: readonly FieldError[] | undefined;
  /** The record that is there already, where a name is taken. */
  readonly existing: Named | undefined;
  /** What a reference may mean, where it does not name exactly one record. */
  readonly candidates: readonly Named[] | undefined;
  /** When to try again, in seconds. */
  readonly retryAfter: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: {
      fields?: FieldError[];
      existing?: Named | undefined;
      candidates?: readonly Named[] | undefined;
      retryAfter?: number;
      cause?: unknown;
    } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.fields = options.fields;
    this.existing = options.existing;
    this.candidates = options.candidates;
    this.retryAfter = options.retryAfter;
  }
}

/** Also the answer to an id of another team, so that ids tell nothing. */
export function notFound(what: string): DomainError {
  return new DomainError('not_found', `There is no such ${what}.`);
}

/** @param existing what has the name; undefined: it is gone again */
export function nameTaken(what: string, name: string, existing: Named | undefined): DomainError {
  const id = existing ? `: ${existing.id}` : '';
  return new DomainError('conflict', `There is already ${article(what)} ${what} named "${name}"${id}.`, {
    fields: [{ path: 'name', message: 'is taken' }],
    existing,
  });
}

const article = (noun: string) => (/^[aeiou]/i.test(noun) ? 'an' : 'a');

/** @param seconds until the next try has a chance; it goes out as `Retry-After` */
export function rateLimited(seconds: number, message = 'Too many requests.'): DomainError {
  return new DomainError('rate_limited', `${message} Try again in ${seconds} s.`, { retryAfter: seconds });
}

export function invalidField(path: string, message: string): DomainError {
  return invalidFields([{ path, message }]);
}

export function invalidFields(fields: FieldError[]): DomainError {
  const detail = fields.map(({ path, message }) => `${path || 'body'}: ${message}`).join('. ');
  return new DomainError('invalid_request', detail, { fields });
}
