/**
 * Which API keys there are, in memory. It lets nobody in: it only tells a caller from a guesser where an address has
 * guessed too often to be looked up for, so that nobody is locked out by others behind the same address.
 */
import { listApiKeyHashes } from '@nightshift/core/api-keys';
import type { Database } from '@nightshift/core/database';
import { anyId, type EventBus } from '@nightshift/core/events';
import type { Log } from '@nightshift/core/log';

export interface KnownKeys {
  has(hash: Buffer): boolean;
  /** One that was found, or was not, before the bus tells of it. */
  add(hash: Buffer): void;
  remove(hash: Buffer): void;
  /** Reads them, and again whenever the bus signals a change. */
  open(): Promise<void>;
  close(): void;
}

/** Of so many keys at most; those that were used last. */
const maxKeys = 100_000;

/** Changes within this time are read together, in milliseconds. */
const gatherMs = 250;

export function createKnownKeys({ db, bus, log }: { db: Database; bus: EventBus; log: Log }): KnownKeys {
  let hashes = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let unsubscribe: (() => void) | undefined;

  async function read(): Promise<void> {
    hashes = await listApiKeyHashes(db, maxKeys);
  }
  function readSoon(): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      read().catch((error: Error) => {
        log.warn({ err: error }, 'API keys not read; trying again');
        readSoon();
      });
    }, gatherMs).unref();
  }

  return {
    has: (hash) => hashes.has(hash.toString('base64')),
    add: (hash) => void hashes.add(hash.toString('base64')),
    remove: (hash) => void hashes.delete(hash.toString('base64')),
    async open() {
      unsubscribe = bus.subscribe('api_key', anyId, readSoon);
      await read();
    },
    close() {
      unsubscribe?.();
      clearTimeout(timer);
    },
  };
}
