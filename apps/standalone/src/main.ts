import { readFileSync } from 'node:fs';
import module from 'node:module';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { takeDataDirectory } from './data-directory.ts';
import { readEnv } from './env.ts';
import { createLogStream } from './log-stream.ts';

// Whatever is imported above is compiled anew on every start: keep it small.

const EX_USAGE = 2;
const WORKERS_MAX = 64;

process.exitCode = await main(process.argv.slice(2));

/** @returns the exit code; 1 when something is wrong that the operator can put right, and was told. */
async function main(args: string[]): Promise<number> {
  const options = readOptions(args);
  if ('error' in options) {
    process.stderr.write(`${options.error}\n\n${usage()}`);
    return EX_USAGE;
  }
  if (options.help) {
    process.stdout.write(usage());
    return 0;
  }
  try {
    const env = readEnv();
    const data = takeDataDirectory(env.data);
    try {
      module.enableCompileCache(join(data.path, 'cache'));
      const { runStandalone } = await import('./standalone.ts');
      return await runStandalone({ env, data, workers: options.workers });
    } finally {
      data.release();
    }
  } catch (error) {
    // Our errors carry a code and a sentence. Anything else is a fault in Nightshift and shows where it is.
    if (!(error instanceof Error) || !('retryable' in error)) throw error;
    tell(error.message);
    return 1;
  }
}

/** Why it does not start: a sentence for a person, and a line of the log for whoever collects it. */
function tell(reason: string): void {
  if (process.stderr.isTTY) process.stderr.write(`${reason}\n`);
  else createLogStream(process.stderr).log('fatal', reason);
}

function readOptions(args: string[]): { help: boolean; workers: number } | { error: string } {
  try {
    const { values } = parseArgs({
      args,
      options: { help: { type: 'boolean', short: 'h' }, workers: { type: 'string', default: '1' } },
    });
    const workers = Number(values.workers);
    if (!Number.isInteger(workers) || workers < 1 || workers > WORKERS_MAX) {
      return { error: `--workers takes a number from 1 to ${WORKERS_MAX}, not "${values.workers}".` };
    }
    return { help: values.help ?? false, workers };
  } catch (error) {
    // parseArgs adds a hint for developers after the first sentence.
    return { error: error instanceof Error ? `${error.message.split('. ', 1)[0]}.` : String(error) };
  }
}

function usage(): string {
  return readFileSync(new URL('../usage.txt', import.meta.url), 'utf8');
}
