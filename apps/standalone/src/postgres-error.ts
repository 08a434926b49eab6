export type PostgresErrorCode =
  /** npm has no Postgres for this operating system and processor, or it was not installed. */
  | 'unsupported_platform'
  /** Neither the current user nor one we may become can run Postgres here. */
  | 'no_postgres_user'
  /** The cluster belongs to another major version of PostgreSQL. */
  | 'foreign_data_version'
  /** The directory holds something, but no cluster. */
  | 'not_a_cluster'
  /** initdb ended with an error. */
  | 'init_failed'
  /** Postgres ended, or did not become ready, while starting. */
  | 'start_failed'
  /** A Postgres of an earlier run still works on the cluster and does not end. */
  | 'still_running';

/** Why the embedded Postgres could not be started. The message is one or two sentences for the operator. */
export class PostgresError extends Error {
  readonly code: PostgresErrorCode;
  readonly retryable = false;

  constructor(code: PostgresErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'PostgresError';
    this.code = code;
  }
}
