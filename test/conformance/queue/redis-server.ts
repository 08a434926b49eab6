/** A Redis of one's own: the real program, on a free port, with nothing kept on disk. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { findProgram } from '../../support/programs.ts';

export interface RedisServer {
  /** Without a database number. */
  url: string;
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>;
}

async function freePort(): Promise<number> {
  const socket = createServer().listen(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address() as { port: number };
  socket.close();
  await once(socket, 'close');
  return port;
}

/** @param port that of a server that was killed, to start it again. Default: a free one. */
export async function startRedisServer(port?: number): Promise<RedisServer & { port: number }> {
  const chosen = port ?? (await freePort());
  const settings = ['--bind', '127.0.0.1', '--databases', '64', '--save', '', '--appendonly', 'no'];
  const server = spawn(findProgram('redis-server')!, ['--port', String(chosen), ...settings], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let output = '';
  await new Promise<void>((resolve, reject) => {
    server.stdout.on('data', (chunk) => {
      output += chunk;
      if (output.includes('Ready to accept connections')) resolve();
    });
    server.once('exit', () => reject(new Error(`redis-server ended: ${output}`)));
  });
  return {
    port: chosen,
    url: `redis://127.0.0.1:${chosen}`,
    async kill() {
      if (server.exitCode !== null || server.signalCode !== null) return;
      server.kill('SIGKILL');
      await once(server, 'exit');
    },
  };
}
