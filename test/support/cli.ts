/** `nightshift` as people and programs run it: a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { bareEnvironment } from './product.ts';

export const launcher = fileURLToPath(new URL('../../scripts/nightshift.mjs', import.meta.url));

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Input {
  stdin?: string;
  env?: Record<string, string | undefined>;
}

/** Runs the command to its end. `env` is all that it has in its environment. */
export async function runCli(
  args: readonly string[],
  { stdin = '', env = {} }: Input = {},
): Promise<Outcome> {
  const child = spawn(process.execPath, [launcher, ...args], { env });
  child.stdin.end(stdin);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { code, stdout, stderr };
}

/** The environment of somebody who has a key for a server elsewhere. */
export const envFor = (url: string, key: string) =>
  bareEnvironment({ NIGHTSHIFT_URL: url, NIGHTSHIFT_API_KEY: key });
