import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiError, ConnectionError, createClient, type NumberedRunEvent } from './client.ts';

interface Received {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}
type Answer = (response: ServerResponse, request: Received) => void;

let server: Server;
let baseUrl: string;
let received: Received[];
/** What each request gets, in order; the last one is repeated. */
let answers: Answer[];

beforeEach(async () => {
  received = [];
  answers = [json(200, {})];
  server = createServer(async (request, response) => {
    const { method = '', url = '', headers } = request;
    const entry = { method, url, headers, body: await text(request) };
    received.push(entry);
    (answers.length > 1 ? answers.shift()! : answers[0]!)(response, entry);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  (response) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));

const problem = (status: number, code: string, more: object = {}, headers = {}) =>
  json(
    status,
    { type: 'about:blank', title: 'x', status, code, detail: `It is ${code}.`, requestId: 'r1', ...more },
    headers,
  );

const client = (options = {}) => createClient({ baseUrl, apiKey: 'ns_test', ...options });
const failureOf = (call: Promise<unknown>) =>
  call.then(
    () => expect.fail('it did not fail'),
    (error: unknown) => error,
  );

describe('a call', () => {
  it('sends the key, the query and the body, and returns the answer', async () => {
    answers = [json(202, { runId: 'r' })];
    expect(await client().talk.send('a/b', { text: 'hi' }, { wait: 5 })).toEqual({ runId: 'r' });
    expect(received[0]).toMatchObject({
      method: 'POST',
      url: '/v1/agents/a%2Fb/messages?wait=5',
      body: '{"text":"hi"}',
    });
    expect(received[0]!.headers).toMatchObject({
      authorization: 'Bearer ns_test',
      'content-type': 'application/json',
    });
  });

  it('keeps the path of the base URL, and leaves out what is undefined', async () => {
    await createClient({ baseUrl: `${baseUrl}/nightshift/` }).catalog.models({ provider: undefined });
    expect(received[0]!.url).toBe('/nightshift/v1/catalog/models');
    expect(received[0]!.headers.authorization).toBeUndefined();
  });

  it('returns nothing for 204', async () => {
    answers = [(response) => response.writeHead(204).end()];
    expect(await client().agents.delete('a')).toBeUndefined();
  });

  it('takes a server that is not ready for an answer', async () => {
    const readiness = { ready: false, checks: { database: 'does not answer' } };
    answers = [json(503, readiness)];
    expect(await client().health.ready()).toEqual(readiness);
    expect(received).toHaveLength(1);
  });
});

describe('a list', () => {
  it('is fetched page by page, as it is read', async () => {
    answers = [json(200, { data: [1, 2], nextCursor: 'c1' }), json(200, { data: [3], nextCursor: null })];
    const pages = client().runs.list({ limit: 2, status: 'failed' });
    expect((await pages.next()).value?.data).toEqual([1, 2]);
    expect(received.map(({ url }) => url)).toEqual(['/v1/runs?limit=2&status=failed']);
    expect((await pages.next()).value?.data).toEqual([3]);
    expect(received[1]!.url).toBe('/v1/runs?limit=2&status=failed&cursor=c1');
    expect((await pages.next()).done).toBe(true);
  });
});

describe('a failure', () => {
  it('of the server is an ApiError with what the problem document says', async () => {
    const errors = [{ path: 'name', message: 'is taken' }];
    answers = [problem(409, 'conflict', { errors })];
    const error = await failureOf(client().agents.create({ name: 'x' }));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      status: 409,
      code: 'conflict',
      detail: 'It is conflict.',
      message: 'It is conflict.',
      errors,
      requestId: 'r1',
      retryAfterSeconds: undefined,
      retryable: false,
    });
    expect(received).toHaveLength(1);
  });

  it.each([
    ['a web page', 404, '<html>'],
    ['JSON of another kind', 400, '{"error":"x"}'],
    ['null', 500, 'null'],
    ['a web page that is called a success', 200, '<html>'],
  ])('of something else that answers %s says so', async (_name, status, body) => {
    answers = [(response) => response.writeHead(status).end(body)];
    const error = await failureOf(client().agents.get('a'));
    expect(error).toMatchObject({
      status,
      code: 'unexpected_answer',
      message: expect.stringContaining(baseUrl),
    });
  });

  it('to connect is a ConnectionError in a sentence', async () => {
    await new Promise((resolve) => server.close(resolve));
    const error = await failureOf(client({ retries: 0 }).me());
    server.listen(0);
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({
      code: 'ECONNREFUSED',
      message: `Cannot reach ${baseUrl}: nothing listens there. Is the server running?`,
      retryable: true,
    });
  });

  it('to answer in time is one too', async () => {
    answers = [() => {}];
    expect(await failureOf(client({ retries: 0, timeoutMs: 50 }).me())).toMatchObject({ code: 'timeout' });
  });
});

describe('another attempt', () => {
  it('is made of a read, after a broken connection and after a 503', async () => {
    answers = [(response) => response.destroy(), problem(503, 'unavailable'), json(200, { id: 'a' })];
    expect(await client().agents.get('a')).toEqual({ id: 'a' });
    expect(received).toHaveLength(3);
  });

  it('is made of what creates, under the same Idempotency-Key', async () => {
    answers = [(response) => response.destroy(), json(201, { id: 'a' })];
    expect(await client().agents.create({ name: 'x' })).toEqual({ id: 'a' });
    const keys = received.map(({ headers }) => headers['idempotency-key']);
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(keys[1]).toBe(keys[0]);
    await client().agents.create({ name: 'y' });
    expect(received[2]!.headers['idempotency-key']).not.toBe(keys[0]);
  });

  it('is not made of what changes', async () => {
    answers = [(response) => response.destroy()];
    expect(await failureOf(client().runs.retry('r'))).toBeInstanceOf(ConnectionError);
    expect(received).toHaveLength(1);
  });

  it('is not made of what was refused', async () => {
    answers = [problem(401, 'unauthorized')];
    await failureOf(client().me());
    expect(received).toHaveLength(1);
  });

  it('waits as long as the server asks, unless that is long', async () => {
    answers = [problem(429, 'rate_limited', {}, { 'retry-after': '1' }), json(200, {})];
    const started = performance.now();
    await client().me();
    expect(performance.now() - started).toBeGreaterThan(990);

    answers = [problem(429, 'rate_limited', {}, { 'retry-after': '40' })];
    expect(await failureOf(client().me())).toMatchObject({
      status: 429,
      retryAfterSeconds: 40,
      retryable: true,
    });
    expect(received).toHaveLength(3);
  });

  it('is made so often, and no more', async () => {
    answers = [problem(503, 'unavailable')];
    expect(await failureOf(client({ retries: 1 }).me())).toMatchObject({ status: 503 });
    expect(received).toHaveLength(2);
  });
});

describe('the events of a run', () => {
  const delta = (index: number, said: string) => ({ type: 'text.delta', index, text: said });
  const finished = { type: 'run.finished', runId: 'r', status: 'succeeded' };
  const frame = (seq: number, event: { type: string }) =>
    `id: ${seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
  const stream =
    (bytes: string, then: (response: ServerResponse) => void): Answer =>
    (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`: watching\n\n${bytes}`, () => setTimeout(then, 20, response));
    };
  const ends = (response: ServerResponse) => void response.end();
  const breaks = (response: ServerResponse) => void response.destroy();
  const read = async (events: AsyncIterable<NumberedRunEvent>) => {
    const seen: NumberedRunEvent[] = [];
    for await (const event of events) seen.push(event);
    return seen;
  };

  it('come in order until the run has ended', async () => {
    answers = [stream(frame(1, delta(0, 'a')) + frame(2, finished), ends)];
    expect(await read(client().runs.events('r'))).toEqual([
      { seq: 1, event: delta(0, 'a') },
      { seq: 2, event: finished },
    ]);
    expect(received[0]).toMatchObject({ url: '/v1/runs/r/events' });
    expect(received[0]!.headers['last-event-id']).toBeUndefined();
  });

  it.each([
    ['breaks', breaks],
    ['is closed early', ends],
  ])('go on after the last one when the connection %s', async (_name, goes) => {
    // The half event at the end of the first connection is told whole by the second.
    answers = [
      stream(frame(1, delta(0, 'a')) + frame(2, delta(0, 'b')).slice(0, 30), goes),
      stream(frame(2, delta(0, 'b')), goes),
      stream(frame(3, finished), ends),
    ];
    const seen = await read(client().runs.events('r'));
    expect(seen.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect(received.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, '1', '2']);
  });

  it('go on past the end of an earlier attempt', async () => {
    answers = [
      stream(frame(1, finished) + frame(2, delta(0, 'a')), breaks),
      stream(frame(3, finished), ends),
    ];
    expect((await read(client().runs.events('r'))).map(({ seq }) => seq)).toEqual([1, 2, 3]);
  });

  it('begin after the one that is named', async () => {
    answers = [stream(frame(8, finished), ends)];
    await read(client().runs.events('r', { after: 7 }));
    expect(received[0]!.headers['last-event-id']).toBe('7');
  });

  it('are given up when no connection brings any', async () => {
    answers = [stream('', breaks)];
    const error = await failureOf(read(client({ streamRetries: 2 }).runs.events('r')));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(received).toHaveLength(3);
  });

  it('of no such run fail at once', async () => {
    answers = [problem(404, 'not_found')];
    expect(await failureOf(read(client().runs.events('r')))).toMatchObject({ code: 'not_found' });
    expect(received).toHaveLength(1);
  });

  it('end when the caller aborts, or stops reading', async () => {
    const open = Promise.withResolvers<void>();
    const closed: Promise<unknown>[] = [];
    answers = [
      (response, request) => {
        closed.push(new Promise((resolve) => response.once('close', resolve)));
        stream(frame(1, delta(0, 'a')), () => open.resolve())(response, request);
      },
    ];
    const controller = new AbortController();
    const reading = failureOf(read(client().runs.events('r', { signal: controller.signal })));
    await open.promise;
    controller.abort();
    expect(await reading).toMatchObject({ name: 'AbortError' });

    for await (const { seq } of client().runs.events('r')) if (seq === 1) break;
    expect(closed).toHaveLength(2);
    await Promise.all(closed);
  });
});
