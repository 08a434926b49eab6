/** A redis-server of the test's own, which it may kill, flush and starve. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { freePort } from './free-port.ts';

export interface TestRedis {
  url: string;
  /** Runs one command, e.g. `call('FLUSHALL')`. */
  call(command: string, ...args: string[]): Promise<unknown>;
  /** Ends it at once; what it held is gone. */
  kill(): Promise<void>;
  /** Starts it again, empty, at the same address. */
  start(): Promise<void>;
  /** Ends it and removes what it made. */
  stop(): Promise<void>;
}

/** Starts a Redis on a free port of the loopback interface. Nothing is written to disk. */
export async function startRedis(): Promise<TestRedis> {
  const directory = mkdtempSync(join(tmpdir(), 'nightshift-redis-'));
  const port = await freePort();
  let kill = async () => {};

  async function start(): Promise<void> {
    const settings = [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--maxmemory-policy',
      'noeviction',
    ];
    const child = spawn('redis-server', [...settings, '--dir', directory], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const exited = new Promise((resolve) => child.once('exit', resolve));
    kill = async () => {
      child.kill('SIGKILL');
      await exited;
    };
    await new Promise<void>((resolve, reject) => {
      const said: string[] = [];
      child.once('error', reject);
      exited.then((code) => reject(new Error(`redis-server ended with ${code}: ${said.join('\n')}`)));
      createInterface({ input: child.stdout }).on('line', (line) => {
        said.push(line);
        if (/ready to accept connections/i.test(line)) resolve();
      });
    });
  }

  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    async call(command, ...args) {
      const client = new Redis(port, '127.0.0.1', { lazyConnect: true, maxRetriesPerRequest: 0 });
      try {
        await client.connect();
        return await client.call(command, ...args);
      } finally {
        client.disconnect();
      }
    },
    kill: () => kill(),
    start,
    async stop() {
      await kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
