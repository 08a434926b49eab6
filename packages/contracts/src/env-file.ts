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
  const { lines, wrong } = check(text);
  if (wrong) throw new EnvFileError(`${path}, line ${wrong.line}: ${wrong.reason}`);
  return { ...parseEnv(lines.join('\n')), ...environment };
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

interface Checked {
  /** What Node's parser is given. */
  lines: string[];
  wrong?: { line: number; reason: string };
}

const assignment = /^(?:export\s+)?[A-Za-z_]\w*\s*=/;
const isComment = (text: string) => text === '' || text.startsWith('#');

/**
 * Node's parser skips what it does not understand, cuts a value at its first `#`, drops what follows a closing quote, and
 * takes the next line for the value where nothing but a space follows the `=`: a variable would silently have another value
 * than its author sees. So what it would read otherwise is refused, and white space around a line is taken away.
 */
function check(text: string): Checked {
  const lines = text.split(/\r?\n|\r/);
  const kept: string[] = [];
  const stop = (at: number, reason: string) => ({ lines: kept, wrong: { line: at + 1, reason } });
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!.trim();
    if (isComment(line)) continue;
    const [name] = assignment.exec(line) ?? [];
    if (name === undefined) return stop(at, 'it has to be NAME=value, or a comment that begins with "#".');
    const whole = line.slice(name.length).trimStart();
    const quote = /^["'`]/.exec(whole)?.[0];
    if (!quote) {
      const value = whole.replace(/(^|\s)#.*$/, '$1');
      if (value.includes('#')) return stop(at, 'a value that holds a "#" has to be in quotes.');
      kept.push(line);
      continue;
    }
    const rest = whole.slice(1);
    // A quoted value may go on over several lines.
    const end = rest.includes(quote)
      ? at
      : lines.findIndex((other, index) => index > at && other.includes(quote));
    if (end === -1) return stop(at, `the quote ${quote} is not closed.`);
    const last = end === at ? rest : lines[end]!;
    if (!isComment(last.slice(last.indexOf(quote) + 1).trim()))
      return stop(
        end,
        `nothing but a comment may follow the closing ${quote}; a value that holds one takes another quote.`,
      );
    kept.push(...lines.slice(at, end + 1));
    at = end;
  }
  return { lines: kept };
}
