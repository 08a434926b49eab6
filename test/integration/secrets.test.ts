/** Keys go in and never come out: not in an answer, not in a log, not in a row. With the real processes, at their most talkative. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { ask, type Client, createAgent, createClient, runEnd, stepsOf } from '../support/api/index.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres/index.ts';

const adminKey = 'ns_admin-key-of-the-test-0123456789abcdef';
const goodKey = 'sk-good-ZmFudGFzdGljLWtleQ-0123456789';
const deadKey = 'sk-dead-dW5mb3J0dW5hdGUta2V5-0123456789';
const environmentKey = 'sk-env-ZW52aXJvbm1lbnQta2V5-0123456789';

let database: TestDatabase;
let server: ModelServer;
let directory: string;
let owner: Client;
const processes: { child: ChildProcess; output: string }[] = [];
/** Everything that the api answered. */
const answers: string[] = [];

async function freePort(): Promise<number> {
  const socket = createServer().listen(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address() as { port: number };
  socket.close();
  return port;
}

function start(app: 'api' | 'worker', port: number) {
  const main = fileURLToPath(new URL(`../../apps/${app}/src/main.ts`, import.meta.url));
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: database.url,
      NIGHTSHIFT_DATA: directory,
      NIGHTSHIFT_ADMIN_KEY: adminKey,
      ANTHROPIC_API_KEY: environmentKey,
      LOG_LEVEL: 'trace',
      PORT: String(port),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const running = { child, output: '' };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      running.output += chunk;
    });
  }
  processes.push(running);
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'nightshift-secrets-'));
  [database, server] = await Promise.all([createTestDatabase(), startModelServer({ keys: [goodKey] })]);
  const port = await freePort();
  start('api', port);
  start('worker', port);
  const client = createClient(`http://127.0.0.1:${port}`, adminKey);
  owner = {
    ...client,
    async send(...parameters) {
      const answer = await client.send(...parameters);
      answers.push(answer.text);
      return answer;
    },
    get: (path, headers) => owner.send('GET', path, undefined, headers),
    post: (path, body, headers) => owner.send('POST', path, body, headers),
  };
  const isReady = async () => expect((await client.get('/readyz')).status).toBe(200);
  await vi.waitFor(isReady, { timeout: 60_000, interval: 100 });
});

afterAll(async () => {
  for (const { child } of processes) child.kill('SIGKILL');
  await server.close();
  await database.drop();
  rmSync(directory, { recursive: true });
});

/** Every way in which a key could be written down. */
function expectNoSecret(text: string, where: string): void {
  for (const key of [goodKey, deadKey, environmentKey, adminKey]) {
    const ways = [
      key,
      key.slice(4, -6),
      Buffer.from(key).toString('base64').slice(0, 24),
      Buffer.from(key).toString('hex'),
    ];
    for (const way of ways) expect(text.includes(way), `${where} has ${key}`).toBe(false);
  }
}

it('writes no key anywhere, whatever happens to it', async () => {
  const store = (body: object) =>
    owner.post('/v1/provider-credentials', { provider: 'openai', baseUrl: server.openaiUrl, ...body });
  // The model server repeats a refused key in its answer, as vendors do.
  const { id } = await owner.expect(201, store({ label: 'dead', apiKey: deadKey }));
  await store({ label: 'dead', apiKey: deadKey });
  await store({ label: 'x', apiKey: deadKey, provider: 'nobody' });
  await store({ label: 'x', apiKey: `${deadKey} with blanks` });
  await owner.post('/v1/provider-credentials', `{"apiKey": "${deadKey}", broken`);
  const agentId = await createAgent(owner, { model: 'openai/gpt-5.4' });
  const refused = await ask(owner, agentId, 'hello');
  expect(refused).toMatchObject({ status: 'failed', error: { code: 'model_auth' } });
  await owner.expect(201, store({ label: 'good', apiKey: goodKey }));
  await owner.post(`/v1/runs/${refused.runId}/retry`);
  expect((await runEnd(owner, refused.runId)).status).toBe('succeeded');
  await stepsOf(owner, refused.runId);
  await owner.send('PATCH', `/v1/provider-credentials/${id}`, { apiKey: `${deadKey}-2` });
  const automatic = await createAgent(owner, { model: 'auto' });
  await ask(owner, automatic, 'hello');
  for (const path of [
    '/v1/provider-credentials',
    '/v1/catalog/providers',
    '/v1/runs',
    '/v1/api-keys',
    '/metrics',
    '/',
    '/readyz',
  ]) {
    await owner.get(path);
  }
  await owner.get('/v1/agents', { 'x-api-key': goodKey, cookie: goodKey });

  for (const { child } of processes) {
    child.kill('SIGTERM');
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
  }

  expect(answers.length).toBeGreaterThan(20);
  for (const answer of answers) expectNoSecret(answer, 'an answer');
  for (const { output } of processes) {
    expect(output).toContain('"level":');
    expectNoSecret(output, 'a log');
  }
  const rows = await dump();
  expect(rows.length).toBeGreaterThan(10);
  for (const row of rows) expectNoSecret(row, 'a row');
});

it('keeps the secret key where only its owner reads it', () => {
  expect(statSync(join(directory, 'secret-key')).mode & 0o777).toBe(0o600);
});

/** Every row of every table, as text. */
async function dump(): Promise<string[]> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    const tables = await client.query(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
       WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    const rows: string[] = [];
    for (const { name } of tables.rows) {
      const found = await client.query(`SELECT row_to_json(t)::text AS row FROM ${name} t`);
      rows.push(...found.rows.map(({ row }) => `${name} ${row}`));
    }
    return rows;
  } finally {
    await client.end();
  }
}
