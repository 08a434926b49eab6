/** Kills a random worker again and again, and watches how its lanes go on. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from './cluster.ts';
import type { ServerProcess } from './server-process.ts';

export interface Kill {
  /** How many conversations the worker was at. */
  lanes: number;
  /** From the kill until each of them was claimed again, in milliseconds; 0 when there was none. */
  recoveryMs: number;
}

export interface Killer {
  /** Stops killing. Resolves when every lane that was cut off has been claimed again, with all kills. */
  stop(): Promise<Kill[]>;
}

/** For each worker killed another one is started at once, as a supervisor does. `spared` ones are left alone. */
export function killWorkers(
  cluster: Cluster,
  { everyMs, spared = [] }: { everyMs: number; spared?: readonly ServerProcess[] },
): Killer {
  const targets = new Set(cluster.workers.filter((worker) => !spared.includes(worker)));
  const kills: Promise<Kill>[] = [];
  const stopping = new AbortController();

  async function replace(): Promise<void> {
    targets.add(await cluster.startWorker());
  }

  async function loop(): Promise<void> {
    const replacements: Promise<void>[] = [];
    while (!stopping.signal.aborted) {
      await sleep(everyMs, undefined, { signal: stopping.signal }).catch(() => {});
      const worker = [...targets][Math.floor(Math.random() * targets.size)];
      // None is up: the machine takes longer to start one than we to kill it.
      if (stopping.signal.aborted || !worker) continue;
      targets.delete(worker);
      kills.push(killOne(cluster, worker));
      replacements.push(replace());
    }
    await Promise.all(replacements);
  }

  const looping = loop();
  // Seen by whoever stops it.
  looping.catch(() => {});
  return {
    async stop() {
      stopping.abort();
      await looping;
      return Promise.all(kills);
    },
  };
}

async function killOne({ sql }: Cluster, worker: ServerProcess): Promise<Kill> {
  await worker.end('SIGKILL');
  const killedAt = performance.now();
  const held = await sql(`SELECT id, epoch FROM conversation WHERE split_part(lease_owner, '/', 2) = $1`, [
    String(worker.pid),
  ]);
  if (held.length === 0) return { lanes: 0, recoveryMs: 0 };
  const isHeld = `SELECT FROM conversation c JOIN unnest($1::uuid[], $2::int[]) AS held (id, epoch) USING (id, epoch)`;
  const values = [held.map(({ id }) => id), held.map(({ epoch }) => epoch)];
  while ((await sql(isHeld, values)).length > 0) await sleep(100);
  return { lanes: held.length, recoveryMs: performance.now() - killedAt };
}
