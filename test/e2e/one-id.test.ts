/** `npm start` as operators see it: one id through the log and the headers, a log of JSON lines, metrics of all processes. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectModel, createAgent, createClient } from '../support/api/index.ts';
import { freePort } from '../support/faults/free-port.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

let product: RunningProduct;
let server: ModelServer;
let owner: ReturnType<typeof createClient>;
let agentId: string;
let workerPort: number;

const receiver = createServer();
const received: IncomingMessage[] = [];

beforeAll(async () => {
  receiver.on('request', (request, response) => {
    received.push(request);
    request.resume().once('end', () => response.end());
  });
  await once(receiver.listen(0, '127.0.0.1'), 'listening');
  workerPort = await freeNeighbours();
  [product, server] = await Promise.all([
    startProduct({
      env: { OUTBOUND_ALLOW: '127.0.0.1', WORKER_PORT: String(workerPort) },
      args: ['--workers', '2'],
    }),
    startModelServer(),
  ]);
  owner = createClient(product.url, product.adminKey);
  agentId = await createAgent(owner, { model: await connectModel(owner, server) });
});

afterAll(async () => {
  await Promise.all([product?.stop(), server?.close()]);
  receiver.close();
});

/** A port whose neighbour above is free too. */
async function freeNeighbours(): Promise<number> {
  for (;;) {
    const port = await freePort();
    const probe = createServer().listen(port + 1, '127.0.0.1');
    const isFree = await once(probe, 'listening').then(
      () => true,
      () => false,
    );
    probe.close();
    if (isFree) return port;
  }
}

type Line = { process: string; msg: string; traceId?: string; [field: string]: unknown };

const lines = () =>
  product.output
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);

const said = (traceId: string) => lines().filter((line) => line.traceId === traceId);

it('follows a message by one id through api, worker, delivery and headers', async () => {
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
  await owner.expect(201, owner.post('/v1/webhooks', { url, events: ['run.finished'] }));
  server.script([{ text: 'Hello.' }]);
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  const answer = await fetch(`${product.url}/v1/agents/${agentId}/messages?wait=60`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${product.adminKey}`,
      'content-type': 'application/json',
      traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
      'x-request-id': 'order/4711',
    },
    body: JSON.stringify({ text: 'hi' }),
  });
  const { runId, conversationId, status } = (await answer.json()) as Record<string, string>;
  expect({
    status,
    request: answer.headers.get('x-request-id'),
    trace: answer.headers.get('x-trace-id'),
  }).toEqual({ status: 'succeeded', request: 'order/4711', trace: traceId });
  await expect
    .poll(() => received.map(({ headers }) => headers.traceparent?.slice(3, 35)))
    .toEqual([traceId]);
  await expect
    .poll(() => said(traceId))
    .toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          ...{
            process: 'api',
            level: 30,
            msg: 'request',
            requestId: 'order/4711',
            status: 200,
            method: 'POST',
          },
          ...{ runId, conversationId },
        }),
        expect.objectContaining({ process: 'worker', msg: 'run ended', runId }),
        expect.objectContaining({ process: 'worker', msg: 'delivered', runId }),
      ]),
    );
});

it('takes a request id that is a UUID for the trace, and keeps no other than short printable ones', async () => {
  const of = async (id: string) => {
    const { headers } = await fetch(`${product.url}/healthz`, { headers: { 'x-request-id': id } });
    return [headers.get('x-request-id'), headers.get('x-trace-id')];
  };
  const uuid = '0198f0c2-1111-7abc-8def-0123456789ab';
  expect(await of(uuid)).toEqual([uuid, uuid.replaceAll('-', '')]);
  expect(await of('x'.repeat(128))).toEqual(['x'.repeat(128), expect.stringMatching(/^[0-9a-f]{32}$/)]);
  for (const refused of ['x'.repeat(129), 'two words', 'é']) {
    const [id, trace] = await of(refused);
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(trace).toBe(id!.replaceAll('-', ''));
  }
});

it('names the run of a schedule that somebody starts by the request', async () => {
  server.script([{ text: 'Good morning.' }]);
  const body = { agentId, name: 'morning', prompt: 'Say it.', cron: '0 0 1 1 *', timezone: 'UTC' };
  const { id } = await owner.expect(201, owner.post('/v1/schedules', body));
  const started = await owner.post(`/v1/schedules/${id}/run`);
  const { runId } = started.body;
  const ended = () => lines().find((line) => line.msg === 'run ended' && line.runId === runId);
  await expect.poll(ended).toMatchObject({ traceId: started.headers.get('x-trace-id') });
});

it('shows the metrics of all processes in one place', async () => {
  // A worker that is busy may not answer in time, which the page says of it.
  const isUp = (process: string) => `nightshift_process_up{process="${process}"} 1\n`;
  let text = '';
  await expect
    .poll(async () => {
      ({ text } = await owner.get('/metrics'));
      return [isUp('worker-1'), isUp('worker-2')].filter((line) => !text.includes(line));
    })
    .toEqual([]);
  for (const process of ['api', 'worker-1', 'worker-2'])
    expect(text).toMatch(new RegExp(`^process_cpu_seconds_total\\{process="${process}"\\} [0-9.e-]+$`, 'm'));
  expect(text).toMatch(/^nightshift_run_seconds_count\{status="succeeded",process="worker-[12]"\} [12]$/m);
  // What the rows say is said once.
  expect(text.match(/^nightshift_oldest_due_run_seconds\{.*$/gm)).toHaveLength(1);
  const families = text.match(/^# TYPE \S+/gm)!;
  expect(new Set(families).size).toBe(families.length);
});

it('gives each worker a port of its own', async () => {
  for (const port of [workerPort, workerPort + 1]) {
    const answer = await fetch(`http://127.0.0.1:${port}/healthz`);
    expect([port, answer.status]).toEqual([port, 200]);
  }
});
