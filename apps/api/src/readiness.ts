import type { ApiDeps } from './deps.ts';

/** `problem` is null when it is well. It is shown to anybody, so it names no host and no secret. */
export interface Check {
  name: string;
  problem: string | null;
}

const timeoutMs = 2_000;

async function check(name: string, work: () => Promise<unknown>, problem: string): Promise<Check> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('timeout')), timeoutMs);
  });
  try {
    await Promise.race([work(), late]);
    return { name, problem: null };
  } catch {
    return { name, problem };
  } finally {
    clearTimeout(timer);
  }
}

/** Whether this process can do its work now. */
export function checkReadiness({ db, bus, conversations, isDraining }: ApiDeps): Promise<Check[]> {
  return Promise.all([
    check('process', async () => isDraining() && Promise.reject(), 'stopping'),
    check('database', () => db.pool.query('SELECT 1'), 'does not answer'),
    check('events', async () => bus.connected || Promise.reject(), 'not connected'),
    check('queue', () => conversations.queue.getWaitingCount(), 'does not answer'),
  ]);
}
