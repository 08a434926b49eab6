/** Secrets that are given to a command: from a file or stdin, never among its arguments. */
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { type Command, Option } from 'commander';
import { CliError } from './failure.ts';

/** A secret of its own: all of a file, or of stdin where the path is `-`. @throws {CliError} usage */
export async function readSecretFrom(path: string): Promise<string> {
  if (path === '-') return trimmed(await text(process.stdin));
  try {
    return trimmed(readFileSync(path, 'utf8'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CliError('usage', `The file ${path} cannot be read (${code}).`);
  }
}

/** Editors and `echo` end a file with a line break, which belongs to no secret. */
const trimmed = (secret: string) => secret.replace(/^\uFEFF/, '').trimEnd();

/**
 * What somebody is likely to type, and must not: other users of the machine see arguments (`ps`), and the shell keeps
 * them. The option is not in the help, and refuses whatever it is given.
 *
 * @param flags e.g. `--api-key <key>`
 * @param instead what to do, as a sentence
 */
export function refuseSecretOption(command: Command, flags: string, instead: string): Command {
  const flag = flags.split(' ', 1)[0];
  const refuse = () => {
    throw new CliError(
      'usage',
      `${flag} is not taken: others on this machine can read arguments, and shells keep them. ${instead}`,
      'If that secret was real, replace it: it is in the history of your shell now.',
    );
  };
  return command.addOption(new Option(flags).hideHelp().argParser(refuse));
}
