/** What has come over a socket and is not stored yet, in order. */

export interface Mailbox<Item> {
  put(item: Item): void;
  /** Nothing more comes. Takes an error for what is left to be told: `take` throws it once the box is empty. */
  end(error?: Error): void;
  /** Waits for something. Null: nothing more comes. */
  take(most: number): Promise<Item[] | null>;
}

export function createMailbox<Item>(): Mailbox<Item> {
  let items: Item[] = [];
  let ended: { error: Error | undefined } | undefined;
  let arrived = Promise.withResolvers<void>();
  return {
    put(item) {
      if (ended) return;
      items.push(item);
      arrived.resolve();
    },
    end(error) {
      ended ??= { error };
      arrived.resolve();
    },
    async take(most) {
      await arrived.promise;
      const taken = items.slice(0, most);
      items = items.slice(most);
      if (taken.length > 0) {
        if (items.length === 0 && !ended) arrived = Promise.withResolvers();
        return taken;
      }
      if (ended?.error) throw ended.error;
      return null;
    },
  };
}
