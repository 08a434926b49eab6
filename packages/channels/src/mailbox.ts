/** What has come over a socket and is not stored yet, in order. While it is full, nothing more is read from the socket. */
import { ChannelError } from './channel.ts';

export interface Mailbox<Item> {
  put(item: Item): void;
  /** Nothing more comes. Takes an error for what is left to be told: `take` throws it once the box is empty. */
  end(error?: Error): void;
  /** Waits for something. Null: nothing more comes. */
  take(most: number): Promise<Item[] | null>;
}

export interface Source {
  pause(): void;
  resume(): void;
}

/** So many fill it. What the socket has read already still comes. */
export const mailboxSize = 200;

/** So many are too many, before anything is taken: rooms are still being joined then, which needs the socket. */
const mostAtFirst = 10_000;

export function createMailbox<Item>(source: Source): Mailbox<Item> {
  let items: Item[] = [];
  let isPaused = false;
  let isTakenFrom = false;
  let ended: { error: Error | undefined } | undefined;
  let arrived = Promise.withResolvers<void>();
  return {
    put(item) {
      if (ended) return;
      items.push(item);
      arrived.resolve();
      if (isTakenFrom && !isPaused && items.length >= mailboxSize) {
        isPaused = true;
        source.pause();
      } else if (!isTakenFrom && items.length >= mostAtFirst) {
        ended = { error: new ChannelError('retry', 'The server sends more than can be stored.') };
      }
    },
    end(error) {
      ended ??= { error };
      arrived.resolve();
    },
    async take(most) {
      isTakenFrom = true;
      await arrived.promise;
      const taken = items.slice(0, most);
      items = items.slice(most);
      if (isPaused && items.length < mailboxSize) {
        isPaused = false;
        source.resume();
      }
      if (taken.length > 0) {
        if (items.length === 0 && !ended) arrived = Promise.withResolvers();
        return taken;
      }
      if (ended?.error) throw ended.error;
      return null;
    },
  };
}
