import { createInterface } from 'node:readline';
import { CliError } from '../failure.ts';
import { readSecret } from './read-secret.ts';
import type { Terminal } from './terminal.ts';

/** What somebody typed, as it is used; or what is wrong with it. */
export type Checked<T> = { value: T } | { problem: string };

/** Asks on the terminal and reads one line that is shown. @throws {CliError} interrupted: Ctrl-C or Ctrl-D */
function readLine(question: string, terminal: Terminal): Promise<string> {
  const reader = createInterface({ input: process.stdin, output: process.stderr, terminal: true });
  return new Promise((resolve, reject) => {
    reader.once('close', () => {
      reject(new CliError('interrupted', 'Nothing was stored.'));
    });
    reader.once('SIGINT', () => {
      terminal.write('\n');
      reader.close();
    });
    reader.question(question, (line) => {
      resolve(line);
      reader.close();
    });
  });
}

/**
 * Asks until what was typed will do, and says each time why not.
 * @throws {CliError} interrupted
 */
export async function ask<T>(
  question: string,
  { terminal, secret, check }: { terminal: Terminal; secret: boolean; check: (line: string) => Checked<T> },
): Promise<T> {
  for (;;) {
    const line = await (secret ? readSecret : readLine)(question, terminal);
    const checked = check(line.trim());
    if ('value' in checked) return checked.value;
    terminal.write(`  ${terminal.style.red(checked.problem)}\n`);
  }
}
