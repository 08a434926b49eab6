/** One process asks for the metrics of all: what each of the others says within a second is passed on to it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { SupervisedProcess } from './supervised-process.ts';

const answerMs = 1_000;

interface Message {
  type: string;
  id?: unknown;
  metrics?: unknown;
}

export interface MetricsRelay {
  /** A message from one of the processes. Those about other things are passed over. */
  take(from: string, message: Message): void;
}

/** `processes`: all of them, as they are when one asks. */
export function createMetricsRelay(processes: () => readonly SupervisedProcess[]): MetricsRelay {
  const open = new Map<string, (metrics: unknown) => void>();
  let asked = 0;

  async function ask(process: SupervisedProcess): Promise<unknown> {
    asked += 1;
    const id = `${process.name}:${asked}`;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    open.set(id, resolve);
    process.send({ type: 'metrics.read', id });
    const metrics = await Promise.race([promise, sleep(answerMs, null, { ref: false })]);
    open.delete(id);
    return metrics;
  }

  async function askAll(from: string, id: unknown): Promise<void> {
    const others = processes().filter(({ name }) => name !== from);
    const answers = await Promise.all(
      others.map(async (other) => ({ name: other.name, metrics: await ask(other) })),
    );
    processes()
      .find(({ name }) => name === from)
      ?.send({ type: 'metrics.all', id, processes: answers });
  }

  return {
    take(from, { type, id, metrics }) {
      if (type === 'metrics.all') void askAll(from, id);
      if (type === 'metrics' && typeof id === 'string') open.get(id)?.(metrics);
    },
  };
}
