/**
 * Which channel an address belongs to, without asking the database for each request, or for each guess of a stranger.
 */
import { connectionOf, type OpenConnection } from '@nightshift/agent';
import type { AdapterSource } from '@nightshift/channels';
import { ChannelChangedError, listHookKeys, openChannelByHook } from '@nightshift/core/channels';
import type { Database } from '@nightshift/core/database';
import { DomainError, notFound, rateLimited } from '@nightshift/core/errors';
import type { KeyEncryptionKey } from '@nightshift/core/secrets';
import { createRateLimit } from '../rate-limit.ts';

export interface HookDirectory {
  /**
   * Undefined: there is no such channel. `client` (`clientNetwork`) is who asks, null the server itself: a client that
   * has named too many keys that there are not is not looked up for any more; keys that are known still lead to their
   * channel.
   *
   * @throws {ChannelError} when it cannot be opened
   * @throws {DomainError} rate_limited
   */
  find(hookKey: string, client: string | null): Promise<OpenConnection | undefined>;
  /** Forgets what is kept of all channels, or of one. */
  forget(hookKey?: string): void;
}

/** How often a request is decided again while its channel is changed under it. */
const maxAttempts = 5;

/** A key of ours, in addresses of hooks and of web chats. */
const keyForm = /^[\w-]{20,64}$/;

/** Keys that are none, from one client, in a minute. */
const maxGuesses = 60;

/** How long an opened channel is used before it is read again, should a signal of its change be lost, in milliseconds. */
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
  const guesses = createRateLimit({ max: maxGuesses, windowMs: 60_000 });
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
    async find(hookKey, client) {
      if (!(await keys?.catch(() => undefined))?.has(hookKey)) {
        // Counted before anything is asked, so that guesses that come at once are counted as well.
        const wait = client === null ? undefined : guesses.take(client);
        if (wait !== undefined) throw rateLimited(wait, 'Too many addresses that lead nowhere.');
        if (!keyForm.test(hookKey) || !(await lookUp()).has(hookKey)) return undefined;
        if (client !== null) guesses.giveBack(client);
      }
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
    forget(hookKey) {
      if (hookKey !== undefined) {
        opened.delete(hookKey);
        return;
      }
      opened.clear();
      // Read at once: who has guessed too often is not looked up for, and may know a new one all the same.
      lookedAt = Number.NEGATIVE_INFINITY;
      lookUp().catch(() => undefined);
    },
  };
}

/**
 * Decides by a channel as it is kept, and again by the channel as it is now, when it was changed meanwhile: whatever was
 * believed of the copy is not believed any more.
 *
 * @param decide throws a `ChannelChangedError` when what it was given is not the channel's current version
 * @throws {DomainError} not_found: the channel was deleted · unavailable: it is changed all the time
 */
export async function withCurrentChannel<T>(
  hooks: HookDirectory,
  opened: OpenConnection,
  decide: (current: OpenConnection) => Promise<T>,
): Promise<T> {
  const { hookKey } = opened.channel;
  let current: OpenConnection | undefined = opened;
  for (let attempts = 0; attempts < maxAttempts; attempts += 1) {
    if (!current) throw notFound('channel at this address');
    try {
      return await decide(current);
    } catch (error) {
      if (!(error instanceof ChannelChangedError)) throw error;
    }
    hooks.forget(hookKey);
    current = await hooks.find(hookKey, null);
  }
  throw new DomainError('unavailable', 'The channel is being changed. Try again soon.');
}
