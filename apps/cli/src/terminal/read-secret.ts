import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { CliError } from '../failure.ts';
import type { Terminal } from './terminal.ts';

/** Asks on the terminal and reads one line that is not shown. @throws {CliError} interrupted: Ctrl-C or Ctrl-D */
export function readSecret(question: string, terminal: Terminal): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  // Only now: from the question on somebody may type, and the terminal itself showed what comes before the reader is there.
  terminal.write(question);
  return new Promise((resolve, reject) => {
    reader.once('line', resolve);
    reader.once('SIGINT', () => reader.close());
    reader.once('close', () => {
      terminal.write('\n');
      reject(new CliError('interrupted', 'Nothing was stored.'));
    });
    reader.once('line', () => reader.close());
  });
}
