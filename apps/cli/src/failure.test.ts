import { ApiError, ConnectionError } from '@nightshift/contracts/client';
import { CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { CliError, describeFailure } from './failure.ts';

const refusal = (status: number, code: string) =>
  new ApiError(status, { code, detail: 'No.', requestId: 'r' }, 7);

describe('describeFailure', () => {
  it.each([
    [new CliError('not_found', 'x'), 1],
    [new CliError('usage', 'x'), 2],
    [new CliError('interrupted', 'x'), 130],
    [new CommanderError(1, 'commander.unknownOption', "error: unknown option '--x'"), 2],
    [new ConnectionError('ECONNREFUSED', 'x'), 3],
    [refusal(401, 'unauthorized'), 4],
    [refusal(403, 'forbidden'), 4],
    [refusal(404, 'not_found'), 1],
    [refusal(500, 'internal_error'), 1],
  ])('gives %s the exit code %i', (error, exitCode) => {
    expect(describeFailure(error)?.exitCode).toBe(exitCode);
  });

  it('keeps what a program wants to know of a refusal', () => {
    expect(describeFailure(refusal(429, 'rate_limited'))?.error).toEqual({
      code: 'rate_limited',
      message: 'No.',
      hint: undefined,
      status: 429,
      errors: [],
      requestId: 'r',
      retryAfterSeconds: 7,
    });
  });

  it('says what to do about a server that is away and a key that is refused', () => {
    expect(describeFailure(new ConnectionError('ECONNREFUSED', 'x'))?.error.hint).toContain('npm start');
    expect(describeFailure(refusal(401, 'unauthorized'))?.error.hint).toContain('NIGHTSHIFT_API_KEY');
  });

  it('leaves a defect alone, to be seen with its stack', () => {
    expect(describeFailure(new TypeError('x'))).toBeUndefined();
  });
});
