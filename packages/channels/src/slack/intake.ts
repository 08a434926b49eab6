/** What came over sockets, stored in its order and only then acknowledged. */
import type { InboundEvent, InboundSink } from '../channel.ts';

export interface Envelope {
  /** What it says, which may have to be asked for. */
  readonly events: Promise<readonly InboundEvent[]>;
  /** Tells Slack that they arrived. */
  ack(): Promise<void>;
}

export interface Intake {
  add(envelope: Envelope): void;
  /** Whatever was added is stored, or could not be. */
  idle(): Promise<void>;
  /** Rejects with what `commit` threw. */
  readonly failed: Promise<never>;
}

export function createIntake(sink: InboundSink): Intake {
  const { promise: failed, reject: fail } = Promise.withResolvers<never>();
  failed.catch(() => {});
  let waiting: Envelope[] = [];
  let isStoring = false;
  let storing = Promise.resolve();

  /** What comes meanwhile is stored together. */
  async function store(): Promise<void> {
    try {
      while (waiting.length > 0) {
        const batch = waiting;
        waiting = [];
        const read = await Promise.all(batch.map(({ events }) => events));
        await sink.commit(read.flat());
        // Where the socket is gone Slack delivers them again, and they are known then.
        await Promise.allSettled(batch.map(({ ack }) => ack()));
      }
    } catch (error) {
      fail(error);
    } finally {
      isStoring = false;
    }
  }

  return {
    failed,
    idle: () => storing,
    add(envelope) {
      waiting.push(envelope);
      if (isStoring) return;
      isStoring = true;
      storing = store();
    },
  };
}
