/** Portkey's gateway, the peer that is a proxy in Node, installed from npm for the measurement. */
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from './bench.ts';
import { endChild } from './child.ts';
import { npm } from './npm.ts';
import { temporaryDirectory } from './temporary.ts';

const version = '1.15.2';
const startTimeoutMs = 30_000;

/**
 * As it comes from npm it fails every stream (`TypeError: immutable`): it adds headers to the answer of `fetch`, which
 * has none that can be changed. With a copy that has, which costs microseconds, it works.
 */
const mend =
  'data:text/javascript,const{fetch:f,Response:R}=globalThis;globalThis.fetch=async(...a)=>{const r=await f(...a);return new R(r.body,r)}';

export interface Portkey {
  /** Of its OpenAI door. */
  baseUrl: string;
  /** That send a call on to the model at `upstream`. */
  headersFor(upstream: string): Record<string, string>;
}

/** Null: it could not be installed. */
export async function startPortkey({ resources, log }: Context): Promise<Portkey | null> {
  const directory = temporaryDirectory(resources);
  log(`installing @portkey-ai/gateway ${version} …`);
  try {
    await npm(['install', `@portkey-ai/gateway@${version}`, '--ignore-scripts'], directory);
  } catch (error) {
    log(`Portkey is left out: it cannot be installed (${(error as Error).message.split('\n', 1)[0]}).`);
    return null;
  }
  const port = await freePort();
  const program = join(directory, 'node_modules/@portkey-ai/gateway/build/start-server.js');
  const child = spawn(process.execPath, ['--import', mend, program, `--port=${port}`, '--headless'], {
    stdio: 'ignore',
  });
  resources.defer(() => endChild(child));
  const url = `http://127.0.0.1:${port}`;
  for (const deadline = Date.now() + startTimeoutMs; ; await sleep(100)) {
    if (await answers(url)) break;
    if (child.exitCode !== null || Date.now() > deadline) throw new Error('Portkey does not start.');
  }
  return {
    baseUrl: `${url}/v1`,
    headersFor: (upstream) => ({ 'x-portkey-provider': 'openai', 'x-portkey-custom-host': upstream }),
  };
}

const answers = (url: string): Promise<boolean> =>
  fetch(url).then(
    () => true,
    () => false,
  );

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
