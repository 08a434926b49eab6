/** Which channel an address belongs to, without asking the database for each request, or for each guess of a stranger. */
import { connectionOf, type OpenConnection } from '@nightshift/agent';
import type { AdapterSource } from '@nightshift/channels';
import { listHookKeys, openChannelByHook } from '@nightshift/core/channels';
import type { Database } from '@nightshift/core/database';
import type { KeyEncryptionKey } from '@nightshift/core/secrets';

export interface HookDirectory {
  /** Undefined: there is no such channel. @throws {ChannelError} when it cannot be opened */
  find(hookKey: string): Promise<OpenConnection | undefined>;
  /** What was changed here is seen at once; what another process changed, within `freshMs`. */
  forget(): void;
}

/** How long an opened channel is used before it is read again, in milliseconds. */
const freshMs = 3_000;

/** A key that is not known makes us look at most once in this time, however many ask, in milliseconds. */
const lookMs = 1_000;

export function createHookDirectory(deps: {
  db: Database;
  kek: KeyEncryptionKey;
  adapters: AdapterSource;
}): HookDirectory {
  const { db, kek, adapters } = deps;
  let keys: Promise<Set<string>> | undefined;
  let lookedAt = Number.NEGATIVE_INFINITY;
  const opened = new Map<string, { at: number; connection: Promise<OpenConnection | undefined> }>();

  function lookUp(): Promise<Set<string>> {
    if (!keys || performance.now() - lookedAt > lookMs) {
      lookedAt = performance.now();
      const looking = listHookKeys(db);
      // A failure is everybody's who waits for it, and is not kept.
      looking.catch(() => {
        if (keys === looking) keys = undefined;
      });
      keys = looking;
    }
    return keys;
  }

  async function open(hookKey: string): Promise<OpenConnection | undefined> {
    const channel = await openChannelByHook(db, kek, hookKey);
    return channel ? connectionOf(adapters, channel) : undefined;
  }

  return {
    async find(hookKey) {
      const known = (await keys?.catch(() => undefined))?.has(hookKey) || (await lookUp()).has(hookKey);
      if (!known) return undefined;
      let entry = opened.get(hookKey);
      if (!entry || performance.now() - entry.at > freshMs) {
        entry = { at: performance.now(), connection: open(hookKey) };
        const mine = entry;
        entry.connection.catch(() => {
          if (opened.get(hookKey) === mine) opened.delete(hookKey);
        });
        opened.set(hookKey, entry);
      }
      const connection = await entry.connection;
      if (!connection) opened.delete(hookKey);
      return connection;
    },
    forget() {
      keys = undefined;
      opened.clear();
    },
  };
}
