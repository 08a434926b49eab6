import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Client, createClient } from '@nightshift/contracts/client';
import type { Command } from 'commander';
import { type CliEnv, parseUrl, readEnv } from './env.ts';
import { createTerminal, type Terminal } from './terminal/terminal.ts';
import { visibleJson } from './terminal/text.ts';

/** What a command works with. */
export interface Cli {
  readonly env: CliEnv;
  readonly url: string;
  readonly key: { value: string; source: string } | undefined;
  readonly json: boolean;
  readonly stdout: Terminal;
  readonly stderr: Terminal;
  readonly client: Client;
  /** The command's one result on stdout: as a JSON document, or as `render` puts it for people. */
  print(value: unknown, render: () => string): void;
  /** One line of a stream of results: JSON only. */
  printLine(value: unknown): void;
}

export interface GlobalOptions {
  url?: string;
  json?: boolean;
}

export const isLoopback = (url: string) => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(url).hostname);

/** The admin key of a server on this machine. */
function readAdminKey(dataDirectory: string): Cli['key'] {
  const source = join(dataDirectory, 'admin-key');
  try {
    const value = readFileSync(source, 'utf8').trim();
    return value ? { value, source } : undefined;
  } catch {
    // No key is no failure yet: the server says so when it wants one, and the doctor says why.
    return undefined;
  }
}

export function createCli(options: GlobalOptions, env = readEnv()): Cli {
  const url = options.url ? parseUrl(options.url, '--url') : env.url;
  // The file's key opens the server beside it, and is sent to no other machine.
  const isBeside = isLoopback(url) || url === env.running;
  const key = env.key ?? (isBeside ? readAdminKey(env.dataDirectory) : undefined);
  const stdout = createTerminal(process.stdout, env);
  const json = options.json ?? false;
  return {
    env,
    url,
    key,
    json,
    stdout,
    stderr: createTerminal(process.stderr, env),
    client: createClient({ baseUrl: url, apiKey: key?.value }),
    print: (value, render) => stdout.write(json ? `${visibleJson(value, 2)}\n` : render()),
    printLine: (value) => stdout.write(`${visibleJson(value)}\n`),
  };
}

/**
 * A command's body as commander calls it. `work` gets the command's arguments, then its options, and returns the exit
 * code where that is not 0.
 */
export function withCli<Arguments extends unknown[]>(
  work: (cli: Cli, ...args: Arguments) => Promise<number | undefined> | Promise<void>,
) {
  return async (...args: unknown[]): Promise<void> => {
    const command = args.at(-1) as Command;
    const cli = createCli(command.optsWithGlobals<GlobalOptions>());
    process.exitCode = (await work(cli, ...(args.slice(0, -1) as Arguments))) ?? 0;
  };
}
