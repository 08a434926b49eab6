import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BackoffOptions, createBackoff } from './backoff.ts';
import { ROOT } from './env.ts';
import { createLineSplitter } from './line-splitter.ts';
import { fatalMessage, type LogStream } from './log-stream.ts';
import { nodeFlags } from './node-flags.ts';

/** sysexits.h: the configuration is wrong. A process that ends with it would end so again. */
export const EX_CONFIG = 78;

/** What a child sends once it serves; further fields depend on which child it is. */
export type ReadyMessage = { type: 'ready' } & Record<string, unknown>;

/** And once it has ended and kept all that it has to. Node may still be at its compile cache, which can take seconds. */
type ChildMessage = ReadyMessage | { type: 'stopped' } | { type: `metrics${string}` };

export interface ProcessSpec {
  /** For the log, e.g. `worker-2`. */
  name: string;
  /** The module to run, a path. */
  file: string;
  args?: string[];
  /** What it has of its own in its environment. */
  environment?: NodeJS.ProcessEnv;
}

export interface SupervisedProcess {
  readonly name: string;
  /** Fulfilled when it has become ready for the first time. */
  readonly ready: Promise<ReadyMessage>;
  /** Nothing happens where it is not running. */
  send(message: object): void;
  /** Asks it to end (SIGTERM), and after `patienceMs` ends it and what it started (SIGKILL). It is not restarted. */
  stop(patienceMs: number): Promise<void>;
  /** Ends it at once. */
  kill(): void;
}

export interface SuperviseOptions {
  environment: NodeJS.ProcessEnv;
  log: LogStream;
  backoff: BackoffOptions;
  /** What it sends besides. */
  onMessage?(message: { type: string }): void;
  /** Called when the process says its configuration is wrong, with the reason it gave. It is not restarted then. */
  onConfigError(reason: string): void;
}

/**
 * Starts a Node process and restarts it whenever it dies, each time after a longer wait.
 *
 * The process gets an IPC channel: it sends `{ type: 'ready' }` through it, and a `disconnect` tells it that this
 * process is gone (killed, even), upon which it ends by itself. It leads a process group of its own, so Ctrl-C on
 * the terminal reaches only the supervisor, which decides who stops when.
 */
export function supervise(spec: ProcessSpec, options: SuperviseOptions): SupervisedProcess {
  const { log } = options;
  const { promise: ready, resolve: becameReady } = Promise.withResolvers<ReadyMessage>();
  const nextWait = createBackoff(options.backoff);
  const stopping = new AbortController();
  let child: ChildProcess | undefined;
  let saidStopped = false;
  let ended: Promise<unknown> = Promise.resolve();

  const run = () => {
    const startedAt = Date.now();
    const current = start(spec, options.environment);
    child = current;
    // Held back until we know whether it is the reason for an exit with EX_CONFIG, which is reported otherwise.
    const fatal: string[] = [];
    const take = (isError: boolean) =>
      createLineSplitter((line) => {
        if (fatalMessage(line) === undefined) log.line(spec.name, line, isError);
        else fatal.push(line);
      });
    const output = [
      { stream: current.stdout!, splitter: take(false) },
      { stream: current.stderr!, splitter: take(true) },
    ];
    for (const { stream, splitter } of output) {
      stream.on('data', (chunk: Buffer) => splitter.write(chunk));
      stream.on('error', () => {}); // The pipe breaks with the process; its exit is what is handled.
    }
    current.on('message', (message: ChildMessage) => {
      if (message?.type === 'ready') becameReady(message as ReadyMessage);
      else if (message?.type === 'stopped') saidStopped = true;
      else if (typeof message?.type === 'string') options.onMessage?.(message);
    });
    ended = whenEnded(current).then(({ code, signal }) => {
      for (const { splitter } of output) splitter.end();
      child = undefined;
      if (code === EX_CONFIG) {
        const reason = fatal.map(fatalMessage).at(-1);
        options.onConfigError(
          reason ?? `${spec.name} ended because its configuration is wrong, and gave no reason.`,
        );
        return;
      }
      for (const line of fatal) log.line(spec.name, line);
      if (stopping.signal.aborted) return;
      const waitMs = nextWait(Date.now() - startedAt);
      log.log('error', `${spec.name} ended with ${signal ?? `code ${code}`}; restarting in ${waitMs} ms`);
      restartAfter(waitMs);
    });
  };
  const restartAfter = (waitMs: number) => {
    sleep(waitMs, undefined, { signal: stopping.signal, ref: false }).then(run, () => {});
  };

  run();
  return {
    name: spec.name,
    ready,
    send(message) {
      // It may end in this moment, and then nobody needs to hear it.
      if (child?.connected) child.send(message, () => undefined);
    },
    async stop(patienceMs) {
      stopping.abort();
      const current = child;
      if (current === undefined) return;
      current.kill('SIGTERM');
      const inTime = await Promise.race([ended.then(() => true), sleep(patienceMs, false, { ref: false })]);
      if (inTime) return;
      if (!saidStopped) log.log('warn', `${spec.name} did not stop within ${patienceMs} ms and was killed`);
      killGroup(current);
      await ended;
    },
    kill() {
      stopping.abort();
      if (child !== undefined) killGroup(child);
    },
  };
}

function start(spec: ProcessSpec, environment: NodeJS.ProcessEnv): ChildProcess {
  const { file, args = [] } = spec;
  return spawn(process.execPath, [...nodeFlags, file, ...args], {
    // It reads `.env` of its working directory, too; that of whoever started us may be a stranger's.
    cwd: ROOT,
    env: { ...environment, ...spec.environment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    detached: true,
  });
}

/** Includes what it left in its pipes, unless a grandchild that inherited them keeps them open. */
async function whenEnded(
  child: ChildProcess,
): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  const closed = new Promise((fulfil) => child.once('close', fulfil));
  const result = await new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((fulfil) => {
    child.once('error', () => fulfil({ code: 127, signal: null })); // It could not be started.
    child.once('exit', (code, signal) => fulfil({ code, signal }));
  });
  await Promise.race([closed, sleep(250, undefined, { ref: false })]);
  return result;
}

/** What it started (a sandbox, say) is in its group, unless that left it. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
