/** A process that reads documents, as the one that started it sees it. */
import { spawn } from 'node:child_process';
import { realpathSync, writeFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { DocumentError, type DocumentErrorCode } from '@nightshift/contracts/documents';
import { type Frame, FrameTooLargeError, readFrames, writeFrame } from './frames.ts';
import type { DocumentLimits } from './limits.ts';
import type { Answer, Request } from './process/messages.ts';

export interface ReadingProcess {
  /** One at a time. @throws {DocumentError} @throws the signal's reason */
  run(request: Request, document: Uint8Array, signal: AbortSignal): Promise<object>;
  /** It still runs, and has given back most of the memory that it took. */
  readonly isReusable: boolean;
  /** Ends it at once. */
  kill(): void;
  readonly ended: Promise<unknown>;
}

const mebibyte = 1024 * 1024;

const main = fileURLToPath(new URL('./process/main.ts', import.meta.url));

/** Where its modules are: all that it may read. https://nodejs.org/docs/latest-v24.x/api/permissions.html */
const modules = ['../../', '../../../node_modules/'].map((path) =>
  realpathSync(fileURLToPath(new URL(path, import.meta.url))),
);

/**
 * The flags of its Node. Those of this process may belong to a debugger or a test runner. What a document does to its
 * parser must not reach files, nor start programs; only the watchdog needs a thread.
 */
export const nodeFlags = ({ memoryBytes }: Pick<DocumentLimits, 'memoryBytes'>): string[] => [
  `--max-old-space-size=${Math.max(32, Math.floor(memoryBytes / mebibyte / 2))}`,
  '--permission',
  '--allow-worker',
  ...modules.map((path) => `--allow-fs-read=${path}/`),
  '--disallow-code-generation-from-strings',
  '--no-warnings',
];

/** Of what it writes to stderr, in characters. */
const maxStderr = 4_000;

/** The share of its memory limit that a process may keep between two documents: the next one needs the rest. */
const idleShare = 1 / 3;

const sentences = ({ cpuMs, memoryBytes }: DocumentLimits): Readonly<Record<DocumentErrorCode, string>> => ({
  too_slow: `Reading it took more than ${cpuMs / 1000} s.`,
  too_large: `Reading it took more than ${Math.round(memoryBytes / mebibyte)} MiB of memory.`,
  crashed: 'The process that reads it ended unexpectedly.',
  unreadable: 'It cannot be read.',
});

export function startReadingProcess(limits: DocumentLimits): ReadingProcess {
  const { cpuMs, wallMs, memoryBytes, answerBytes } = limits;
  const child = spawn(
    process.execPath,
    [...nodeFlags(limits), main, String(process.pid), JSON.stringify({ cpuMs, memoryBytes })],
    // No variable of ours is its business: they hold keys.
    { env: {}, cwd: '/', stdio: ['pipe', 'ignore', 'pipe', 'pipe'], windowsHide: true },
  );
  const [stdin, , stderr, output] = child.stdio as unknown as [Writable, null, Readable, Readable];
  yieldMemory(child.pid);
  let said = '';
  stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-maxStderr);
  });
  // A broken pipe shows as the end of the process.
  for (const stream of [stdin, stderr, output]) stream.on('error', () => undefined);
  const ended = new Promise<DocumentErrorCode>((resolve) => {
    child.on('error', () => resolve('crashed'));
    child.on('close', () => resolve(causeOf(said)));
  });
  const answers = readFrames(output, answerBytes);
  const words = sentences(limits);
  let alive = true;
  let rss = 0;
  ended.then(() => {
    alive = false;
  });
  const kill = () => {
    alive = false;
    child.kill('SIGKILL');
  };

  async function ask(request: Request, document: Uint8Array, signal: AbortSignal): Promise<Frame> {
    signal.throwIfAborted();
    const stopped = Promise.withResolvers<never>();
    const stop = () => stopped.reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    const deadline = setTimeout(
      () => stopped.reject(new DocumentError('too_slow', `Reading it took more than ${wallMs / 1000} s.`)),
      wallMs,
    );
    try {
      writeFrame(stdin, { json: request, data: document });
      const answer = await Promise.race([nextAnswer(answers), stopped.promise]);
      if (answer) return answer;
      const code = await Promise.race([ended, stopped.promise]);
      throw new DocumentError(code, words[code]);
    } catch (error) {
      // Whatever it is at, nothing waits for it any more.
      kill();
      throw error;
    } finally {
      clearTimeout(deadline);
      signal.removeEventListener('abort', stop);
    }
  }

  return {
    async run(request, document, signal) {
      const { json, data } = await ask(request, document, signal);
      const answer = json as Answer;
      rss = answer.rss;
      if ('error' in answer) throw new DocumentError(answer.error.code, answer.error.message);
      return data.length > 0 ? { ...answer.result, data } : answer.result;
    },
    get isReusable() {
      return alive && rss < memoryBytes * idleShare;
    },
    kill,
    ended,
  };
}

/** Where the machine runs out of memory, the kernel takes this process before those that serve people. */
function yieldMemory(pid: number | undefined): void {
  try {
    if (pid !== undefined && process.platform === 'linux')
      writeFileSync(`/proc/${pid}/oom_score_adj`, '1000');
  } catch {
    // It has ended already, or there is no /proc here.
  }
}

/** Undefined: it has ended. @throws {DocumentError} too_large: the answer is */
async function nextAnswer(answers: AsyncGenerator<Frame>): Promise<Frame | undefined> {
  try {
    const { value, done } = await answers.next();
    return done ? undefined : value;
  } catch (cause) {
    if (cause instanceof FrameTooLargeError)
      throw new DocumentError('too_large', 'What is in it is too large.', { cause });
    return undefined;
  }
}

/** What a process that ended by itself, or by its watchdog, said last. */
function causeOf(said: string): DocumentErrorCode {
  if (said.endsWith('too_slow')) return 'too_slow';
  if (said.endsWith('too_large') || said.includes('heap out of memory')) return 'too_large';
  return 'crashed';
}
