import { execFile } from 'node:child_process';
import { delimiter } from 'node:path';
import { promisify } from 'node:util';

const timeoutMs = 15 * 60_000;

/** Runs npm in a directory. @throws when it fails, e.g. because the registry cannot be reached */
export async function npm(args: readonly string[], cwd: string): Promise<void> {
  await promisify(execFile)('npm', [...args, '--no-audit', '--no-fund'], {
    cwd,
    // The system's npm: the Node in our own node_modules comes without one.
    env: { ...process.env, PATH: systemPath() },
    timeout: timeoutMs,
  });
}

function systemPath(): string {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter((directory) => !directory.endsWith('node_modules/.bin'))
    .join(delimiter);
}
