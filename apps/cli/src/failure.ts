/** What can go wrong in a command, what is said about it, and the exit code. */
import { ApiError, ConnectionError } from '@nightshift/contracts/client';
import { CommanderError } from 'commander';

export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  unauthorized: 4,
  interrupted: 130,
} as const;

/** A failure of the command itself. The message is for the person who typed it. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly code: 'usage' | 'failed' | 'not_found' | 'ambiguous' | 'interrupted';
  readonly hint: string | undefined;

  constructor(code: CliError['code'], message: string, hint?: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

/** A failure as it is shown; with `--json` this is the document on stderr. */
export interface Failure {
  exitCode: number;
  error: {
    code: string;
    message: string;
    hint?: string | undefined;
    status?: number;
    errors?: ApiError['errors'];
    requestId?: string | undefined;
    retryAfterSeconds?: number | undefined;
  };
}

const hints: Record<string, string> = {
  unauthorized:
    'Set NIGHTSHIFT_API_KEY to a key of this server; "nightshift doctor" shows which one is used.',
  forbidden: 'Set NIGHTSHIFT_API_KEY to a key with a stronger role.',
  unexpected_answer: 'Give the address of the server with --url or NIGHTSHIFT_URL.',
};

/**
 * Without the values that were too many or of an option that there is not: somebody may have typed a secret, and what is
 * shown ends up in logs.
 */
function withoutValues({ code, message }: CommanderError): string {
  if (code === 'commander.excessArguments') return message.replace(/(but got \d+): .*$/s, '$1.');
  if (code === 'commander.unknownOption')
    return message.replace(/^(error: unknown option '[^'=]*)=.*'/s, "$1'");
  return message;
}

/** Undefined: a defect of ours, which is to be seen with its stack. */
export function describeFailure(error: unknown): Failure | undefined {
  if (error instanceof CliError) {
    const { code, message, hint } = error;
    const exitCode =
      code === 'usage' ? exitCodes.usage : code === 'interrupted' ? exitCodes.interrupted : exitCodes.failed;
    return { exitCode, error: { code, message, hint } };
  }
  if (error instanceof CommanderError) {
    const message = withoutValues(error).replace(/^error: /, '');
    return {
      exitCode: exitCodes.usage,
      error: { code: 'usage', message, hint: 'Add --help to see how it is used.' },
    };
  }
  if (error instanceof ConnectionError) {
    const hint =
      'Start the server with "npm start", or give its address with --url. "nightshift doctor" looks closer.';
    return { exitCode: exitCodes.unreachable, error: { code: 'unreachable', message: error.message, hint } };
  }
  if (error instanceof ApiError) {
    const { code, message, status, errors, requestId, retryAfterSeconds } = error;
    const refused = status === 401 || status === 403;
    return {
      exitCode: refused ? exitCodes.unauthorized : exitCodes.failed,
      error: { code, message, hint: hints[code], status, errors, requestId, retryAfterSeconds },
    };
  }
  return undefined;
}
