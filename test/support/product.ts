/** The product as people install it: `npm start` as a process of its own, with its own database and data directory. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './faults/free-port.ts';
import { until } from './faults/until.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const compileCache = join(root, 'node_modules/.cache/nightshift-e2e');

export interface RunningProduct {
  readonly pid: number;
  readonly url: string;
  readonly port: number;
  /** The owner key of the first boot. */
  readonly adminKey: string;
  readonly dataDirectory: string;
  /** What it has written to stdout and stderr so far. */
  readonly output: string;
  /** Stops it as Ctrl-C does, and removes its data. */
  stop(): Promise<void>;
}

/**
 * The environment of a process that a test starts: nothing of the caller's own configuration, such as a database or a
 * model key, comes along.
 */
export function bareEnvironment(env: Readonly<Record<string, string>> = {}): Record<string, string> {
  const { PATH = '', HOME = '' } = process.env;
  return { PATH, HOME, NODE_COMPILE_CACHE: compileCache, NIGHTSHIFT_ENV_FILE: '/dev/null', ...env };
}

/** Starts it on a free port. @throws Error with its output, when it is not ready in time */
export async function startProduct({
  env = {},
  args = [],
  unset = [],
}: {
  env?: Readonly<Record<string, string>>;
  /** Of `npm start`. */
  args?: readonly string[];
  /** Variables that it is not given. */
  unset?: readonly string[];
} = {}): Promise<RunningProduct> {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'nightshift-e2e-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(process.execPath, [join(root, 'scripts/start.mjs'), ...args], {
    env: Object.fromEntries(
      Object.entries(bareEnvironment({ NIGHTSHIFT_DATA: dataDirectory, PORT: String(port), ...env })).filter(
        ([name]) => !unset.includes(name),
      ),
    ),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  let running = true;
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => {
      running = false;
      resolve();
    });
  });
  const stop = async () => {
    child.kill('SIGINT');
    await exited;
    rmSync(dataDirectory, { recursive: true, force: true });
  };
  try {
    await until(
      'the product is ready',
      // Said when the api and the workers are; a product that has ended never will be.
      () => output.includes('Nightshift is ready') || !running,
      60_000,
    );
    if (!running) throw new Error('The product ended before it was ready.');
    const adminKey = readFileSync(join(dataDirectory, 'admin-key'), 'utf8').trim();
    return {
      pid: child.pid!,
      url,
      port,
      adminKey,
      dataDirectory,
      get output() {
        return output;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw new Error(`${(error as Error).message}\n${output}`, { cause: error });
  }
}
