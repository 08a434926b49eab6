import { type ChildProcess, spawn } from 'node:child_process';
import { type Launcher, POSTGRES_ENVIRONMENT } from './postgres-binaries.ts';
import { PostgresError } from './postgres-error.ts';

/** Runs a program of PostgreSQL to its end. @throws {PostgresError} init_failed */
export async function run(launcher: Launcher, program: string, args: string[], input = ''): Promise<void> {
  const [command, ...rest] = [...launcher, program, ...args];
  const child = spawn(command!, rest, {
    env: POSTGRES_ENVIRONMENT,
    stdio: ['pipe', 'ignore', 'pipe'],
    detached: true,
  });
  let errors = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  // A program that ends early closes its end of the pipe; what matters is its exit code.
  child.stdin!.on('error', () => {});
  child.stdin!.end(input);
  const { code, signal } = await exitOf(child);
  // In single-user mode a refused statement is only printed.
  if (code === 0 && !errors.includes('ERROR:')) return;
  const reason = errors.trim().split('\n').slice(-3).join(' ') || `it ended with ${signal ?? `code ${code}`}`;
  throw new PostgresError('init_failed', `The database could not be set up: ${reason}`);
}

export function exitOf(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((fulfil) => {
    child.once('error', () => fulfil({ code: 127, signal: null }));
    child.once('exit', (code, signal) => fulfil({ code, signal }));
  });
}
