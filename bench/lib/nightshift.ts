/** The product, started the way a stranger starts it: `node scripts/start.mjs` on an empty data directory. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { endChild } from './child.ts';
import { type Client, createClient, expectStatus } from './client.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const startTimeoutMs = 120_000;

export const setup =
  'npm start on loopback: embedded PostgreSQL, the queue on it, one api and one worker process. The model is a local ' +
  'server that answers at once. Product, model, load and whatever else runs share this one machine.';

export interface Nightshift {
  pid: number;
  /** From the start of the process to a 200 of `/readyz`, in seconds. */
  startSeconds: number;
  /** Calls with the owner's key. */
  client: Client;
  stop(): Promise<void>;
}

/** Starts it on `data` and waits until it is ready. `resources` stop it, if nobody did before. */
export async function startNightshift(
  resources: AsyncDisposableStack,
  { data, workers = 1, env = {} }: { data: string; workers?: number; env?: Record<string, string> },
): Promise<Nightshift> {
  const port = await freePort();
  const began = performance.now();
  const child = spawn(process.execPath, [join(root, 'scripts/start.mjs'), '--workers', String(workers)], {
    // Nothing of the caller's own configuration: no database, no queue, no model key.
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      NIGHTSHIFT_DATA: data,
      PORT: String(port),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  resources.defer(() => endChild(child));
  showWarnings(child.stdout);
  let said = '';
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`Not ready in time. ${said}`)), startTimeoutMs);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`Ended with code ${code} while starting. ${said}`)));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4_000);
      if (!said.includes('Nightshift is ready')) return;
      clearTimeout(timer);
      resolve();
    });
  });
  const url = `http://127.0.0.1:${port}`;
  const probe = createClient(url);
  expectStatus(await probe.get('/readyz'), 200);
  const startSeconds = (performance.now() - began) / 1000;
  probe.close();

  const client = createClient(url, readFileSync(join(data, 'admin-key'), 'utf8').trim());
  return {
    pid: child.pid!,
    startSeconds,
    client,
    async stop() {
      client.close();
      await endChild(child);
    },
  };
}

/** Why a figure is bad, or there is none, is in the product's log: shows its first warnings and errors. */
function showWarnings(log: Readable): void {
  let left = 10;
  createInterface({ input: log }).on('line', (line) => {
    // pino's levels, from 40 on.
    if (left > 0 && /^\{"level":[4-6]0/.test(line)) {
      console.error(`  ${line.slice(0, 1_000)}`);
      left -= 1;
    }
  });
}

/** Connects the model and makes an agent that uses it. @returns the agent's id */
export async function createEchoAgent(client: Client, modelUrl: string): Promise<string> {
  const credential = { provider: 'openai-compatible', name: 'bench', baseUrl: `${modelUrl}/v1` };
  expectStatus(await client.post('/v1/provider-credentials', credential), 201);
  const agent = { name: 'bench', instructions: 'Answer briefly.', model: 'bench/test-model' };
  return expectStatus(await client.post('/v1/agents', agent), 201).id;
}

/** Says something and waits for the reply, which is to be what was said. @returns the conversation's id */
export async function talk(
  client: Client,
  agentId: string,
  text: string,
  conversationId?: string,
): Promise<string> {
  const message = { text, ...(conversationId && { conversationId }) };
  const body = expectStatus(await client.post(`/v1/agents/${agentId}/messages?wait=30`, message), 200);
  if (body.reply?.text !== text) throw new Error(`Not the reply that was due: ${JSON.stringify(body)}`);
  return body.conversationId;
}

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
