import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { PreparationError, runtime } from './prepare.mjs';

/**
 * Runs a script's body; what the user can do something about is printed as a sentence, and the exit code is 1.
 * @param {() => Promise<number | void>} body resolves with the exit code
 */
export async function main(body) {
  try {
    process.exitCode = (await body()) ?? 0;
  } catch (error) {
    if (!(error instanceof PreparationError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}

/**
 * Makes this process become the command, which then gets every signal itself. Where Node cannot do that (before
 * 22.15, that is, on the very first start on an older system), the command runs as a child.
 *
 * @param {string} file to be run by the pinned Node
 * @param {string[]} args
 */
export async function become(file, args) {
  const node = runtime();
  if (process.execve && process.platform !== 'win32')
    process.execve(node, [node, file, ...args], process.env);
  return await runChild(node, [file, ...args]);
}

/**
 * Runs a command on our own input and output, and gives it our signals.
 *
 * Ctrl-C reaches a terminal's whole process group, so the child gets that one without us; passing it on would make
 * it the second one, which kills at once. A SIGINT sent to this process alone (no terminal) is passed on.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').SpawnOptions} [options]
 * @returns {Promise<number>} the child's exit code; 128 + n when signal n ended it
 */
export function runChild(command, args, options = {}) {
  const child = spawn(command, args, { stdio: 'inherit', ...options });
  const hasTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  /** @param {NodeJS.Signals} signal */
  const pass = (signal) => {
    if (signal === 'SIGINT' && hasTerminal) return;
    child.kill(signal);
  };
  const signals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);
  for (const signal of signals) process.on(signal, pass);
  return new Promise((fulfil, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      for (const name of signals) process.removeListener(name, pass);
      fulfil(code ?? 128 + (signal ? constants.signals[signal] : 0));
    });
  });
}
