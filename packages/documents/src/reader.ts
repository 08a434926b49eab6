/** Reads documents in a few processes, which are started when they are needed and ended when they are not. */
import { DocumentError, type DocumentReader, type DocumentTask } from '@nightshift/contracts/documents';
import { type DocumentLimits, defaultLimits } from './limits.ts';
import { type ReadingProcess, startReadingProcess } from './reading-process.ts';

export interface DocumentReaderOptions {
  limits?: Partial<DocumentLimits>;
  /** How many documents are read at once, each in a process of its own. */
  processes?: number;
  /** After so long without a document a process ends, in milliseconds. */
  idleMs?: number;
  /** Told of each document, once it was read or could not be. */
  observe?: (reading: Reading) => void;
}

export interface Reading {
  readonly task: DocumentTask;
  readonly outcome: 'read' | 'stopped' | DocumentError['code'];
  /** In milliseconds, without the wait for a process. */
  readonly ms: number;
  readonly bytes: number;
}

export interface DocumentReaderPool extends DocumentReader {
  /** Ends the processes, and with them what they are at. */
  close(): void;
}

/** After so many documents a process ends, whatever they have left behind in it. */
const documentsPerProcess = 500;

interface Slot {
  readonly process: ReadingProcess;
  documents: number;
  idle?: NodeJS.Timeout;
}

export function createDocumentReader({
  limits,
  processes = 2,
  idleMs = 30_000,
  observe = () => undefined,
}: DocumentReaderOptions = {}): DocumentReaderPool {
  const all = { ...defaultLimits, ...limits };
  const idle: Slot[] = [];
  const slots = new Set<Slot>();
  const turns = createTurns(processes);
  const closing = new AbortController();

  function take(): Slot {
    const kept = idle.pop();
    if (kept) clearTimeout(kept.idle);
    if (kept?.process.isReusable) return kept;
    if (kept) discard(kept);
    const slot: Slot = { process: startReadingProcess(all), documents: 0 };
    slots.add(slot);
    return slot;
  }

  function discard(slot: Slot): void {
    slot.process.kill();
    slots.delete(slot);
  }

  function giveBack(slot: Slot): void {
    slot.documents += 1;
    if (closing.signal.aborted || !slot.process.isReusable || slot.documents >= documentsPerProcess) {
      discard(slot);
      return;
    }
    idle.push(slot);
    slot.idle = setTimeout(() => {
      idle.splice(idle.indexOf(slot), 1);
      discard(slot);
    }, idleMs);
  }

  async function readOnce(
    request: { task: DocumentTask; options: object },
    document: Uint8Array,
    signal: AbortSignal,
  ): Promise<object> {
    const slot = take();
    try {
      return await slot.process.run(request, document, signal);
    } finally {
      giveBack(slot);
    }
  }

  return {
    async read(task, document, options, signal) {
      const either = signal ? AbortSignal.any([signal, closing.signal]) : closing.signal;
      using _turn = await turns.take(either);
      const begun = performance.now();
      const done = (outcome: Reading['outcome']) =>
        observe({ task, outcome, ms: performance.now() - begun, bytes: document.length });
      const attempt = () => readOnce({ task, options }, document, either);
      try {
        // A process may also have been ended by others: the operator, or the kernel for want of memory.
        const result = await attempt().catch((error) => {
          if (error instanceof DocumentError && error.code === 'crashed') return attempt();
          throw error;
        });
        done('read');
        return result as never;
      } catch (error) {
        done(error instanceof DocumentError ? error.code : 'stopped');
        throw error;
      }
    },
    close() {
      closing.abort(new Error('The reader is closed.'));
      for (const slot of slots) {
        clearTimeout(slot.idle);
        discard(slot);
      }
    },
  };
}

/** So many at once, in the order in which they come. */
function createTurns(count: number) {
  let free = count;
  const waiting = new Set<() => void>();
  return {
    /** @throws the signal's reason, when it aborts first */
    async take(signal: AbortSignal): Promise<Disposable> {
      signal.throwIfAborted();
      if (free > 0) free -= 1;
      else {
        const { promise, resolve, reject } = Promise.withResolvers<void>();
        const leave = () => {
          waiting.delete(resolve);
          reject(signal.reason);
        };
        waiting.add(resolve);
        signal.addEventListener('abort', leave, { once: true });
        await promise.finally(() => signal.removeEventListener('abort', leave));
      }
      return {
        [Symbol.dispose]() {
          const [next] = waiting;
          if (next) {
            waiting.delete(next);
            next();
          } else free += 1;
        },
      };
    },
  };
}
