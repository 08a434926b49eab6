/** The `.env` file of a checkout. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';

/** The file cannot be used. The message names it and the line, and never repeats what stands there: it may be a secret. */
export class EnvFileError extends Error {
  override readonly name = 'EnvFileError';
  readonly code = 'invalid_environment';
  readonly retryable = false;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * An environment with what `.env` adds to it. Variables that are set already win, also when they are set to nothing.
 * The file is that of `directory`, or the one that NIGHTSHIFT_ENV_FILE names, which then has to exist.
 * It is read by Node's own parser: https://nodejs.org/api/environment_variables.html#dotenv
 *
 * @throws {EnvFileError} it cannot be read, or a line is no `NAME=value`
 */
export function withEnvFile(directory: string, environment: Environment): NodeJS.ProcessEnv {
  const { NIGHTSHIFT_ENV_FILE: named } = environment;
  const path = resolve(directory, named || '.env');
  const text = read(path, { required: Boolean(named) });
  if (text === undefined) return { ...environment };
  const wrong = findWrongLine(text);
  if (wrong) throw new EnvFileError(`${path}, line ${wrong.line}: ${wrong.reason}`);
  return { ...parseEnv(text), ...environment };
}

function read(path: string, { required }: { required: boolean }): string | undefined {
  try {
    // A byte order mark would become part of the first name.
    return readFileSync(path, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && !required) return undefined;
    throw new EnvFileError(`${path} cannot be read (${code}).`, { cause: error });
  }
}

/** Node's parser skips what it does not understand; a mistyped line would go unnoticed. */
function findWrongLine(text: string): { line: number; reason: string } | undefined {
  const lines = text.split(/\r?\n|\r/);
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!.trim();
    if (line === '' || line.startsWith('#')) continue;
    const [name] = /^(?:export\s+)?[A-Za-z_]\w*\s*=/.exec(line) ?? [];
    if (name === undefined)
      return { line: at + 1, reason: 'it has to be NAME=value, or a comment that begins with "#".' };
    const value = line.slice(name.length).trimStart();
    const quote = value.charAt(0);
    if (!/["'`]/.test(quote) || value.includes(quote, 1)) continue;
    // A quoted value may go on over several lines.
    const end = lines.findIndex((other, index) => index > at && other.includes(quote));
    if (end === -1) return { line: at + 1, reason: `the quote ${quote} is not closed.` };
    at = end;
  }
  return undefined;
}
