/** One api or worker as an operating system process of its own, so that real signals can be sent to it. */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { nodeFlags } from '@nightshift/standalone/node-flags';

const checkout = fileURLToPath(new URL('../../..', import.meta.url));

const programs = {
  api: 'apps/api/src/main.ts',
  worker: 'apps/worker/src/main.ts',
  /** The worker, with tools whose effect can be counted. */
  'worker-with-tools': 'test/support/faults/worker-with-tools.ts',
  /** The worker, with a platform that is polled. */
  'worker-with-channels': 'test/support/faults/worker-with-channels.ts',
  /** The worker, which a mail can kill. */
  'worker-with-deadly-mail': 'test/support/faults/worker-with-deadly-mail.ts',
} as const;

export type Program = keyof typeof programs;

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface ServerProcess {
  readonly pid: number;
  /** Fulfilled when it serves; rejected, with what it said, when it ends before. */
  readonly ready: Promise<void>;
  readonly exited: Promise<Exit>;
  readonly running: boolean;
  /** The last lines it wrote. */
  readonly output: readonly string[];
  signal(name: NodeJS.Signals): void;
  /** Sends the signal and waits for the end of the process. */
  end(signal?: NodeJS.Signals): Promise<Exit>;
}

const keptLines = 200;

export interface Launch {
  /** A command that is to run it, e.g. `['faketime', '+5m']`. */
  launcher?: readonly string[];
  /** Directory with the source of the version to run. Default: this checkout. */
  root?: string;
}

/** Starts a program. It ends by itself when this process does, over the IPC channel that a supervisor would hold. */
export function startProcess(
  program: Program,
  env: Readonly<Record<string, string>>,
  { launcher = [], root = checkout }: Launch = {},
): ServerProcess {
  // Starts cost half the processor time when what was compiled is kept.
  const compileCache = join(root, 'node_modules/.cache/nightshift-faults');
  mkdirSync(compileCache, { recursive: true });
  const [command, ...args] = [...launcher, process.execPath, ...nodeFlags, join(root, programs[program])];
  const child = spawn(command!, args, {
    // Nothing of the caller's own configuration: no database, no queue, no model key.
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NODE_COMPILE_CACHE: compileCache, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const output: string[] = [];
  for (const stream of [child.stdout!, child.stderr!]) {
    createInterface({ input: stream }).on('line', (line) => {
      output.push(line.slice(0, 1_000));
      if (output.length > keptLines) output.shift();
    });
  }
  let running = true;
  const exited = new Promise<Exit>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      running = false;
      resolve({ code, signal });
    });
  });
  const ready = new Promise<void>((resolve, reject) => {
    child.on('message', (message: { type?: string }) => message.type === 'ready' && resolve());
    exited.then(({ code, signal }) => {
      reject(new Error(`${program} ended (${signal ?? code}) before it was ready:\n${output.join('\n')}`));
    }, reject);
  });
  // Whoever kills it while it starts does not wait for it.
  ready.catch(() => {});
  return {
    pid: child.pid!,
    ready,
    exited,
    output,
    get running() {
      return running;
    },
    signal: (name) => void child.kill(name),
    end(signal = 'SIGKILL') {
      child.kill(signal);
      return exited;
    },
  };
}
