/** What the gateway dispatched and nobody has stored yet. */
import { ChannelError } from '../channel.ts';
import type { Dispatch } from './events.ts';
import type { Session } from './session.ts';

export interface Dispatches {
  /**
   * Until there is something to store, or it ended as it should.
   * @throws what it ended with, once nothing is left to store
   */
  wait(): Promise<void>;
  /** The oldest ones, in the order of the session, and the session behind them. Null: there is none yet. */
  take(most: number): { batch: Dispatch[]; session: Session } | null;
}

export interface DispatchQueue extends Dispatches {
  add(dispatch: Dispatch): void;
  /** It is to be stored even before anything is dispatched. */
  begin(session: Session): void;
  /** Nothing more comes; without an error, as it should be. Only the first end counts. */
  end(error?: Error): void;
}

/** It keeps so many for those who resume, and no longer than some minutes. */
const maxWaiting = 5_000;

export function createDispatchQueue(resumed: Session | null): DispatchQueue {
  let waiting: Dispatch[] = [];
  let session = resumed;
  let isNew = false;
  let ended: { error: Error | undefined } | null = null;
  let changed = Promise.withResolvers<void>();
  const change = () => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  return {
    add(dispatch) {
      if (ended) return;
      waiting.push(dispatch);
      // Discord repeats what was not stored, to whoever resumes the session.
      if (waiting.length >= maxWaiting)
        ended = { error: new ChannelError('retry', 'Discord sends more than can be stored at the moment.') };
      change();
    },
    begin(begun) {
      session = begun;
      isNew = true;
      change();
    },
    end(error) {
      ended ??= { error };
      change();
    },
    async wait() {
      while (!session || !(isNew || waiting.length > 0)) {
        if (ended?.error) throw ended.error;
        if (ended) return;
        await changed.promise;
      }
    },
    take(most) {
      if (!session) return null;
      isNew = false;
      waiting = waiting.toSorted((a, b) => a.s - b.s);
      const batch = waiting.splice(0, most);
      const { s: sequence } = batch.at(-1) ?? { s: session.sequence };
      session = { ...session, sequence };
      return { batch, session };
    },
  };
}
