import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  ask,
  connectModel,
  createAgent,
  openEvents,
  type Product,
  readEvents,
  runEnd,
  type SseEvent,
  say,
  startProduct,
} from '../support/api/index.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';

let product: Product;
let server: ModelServer;
let agentId: string;

beforeAll(async () => {
  [product, server] = await Promise.all([startProduct(), startModelServer()]);
  await product.startWorker();
  agentId = await createAgent(product.owner, {
    model: await connectModel(product.owner, server),
    queueMode: 'followup',
  });
});

beforeEach(() => server.reset());

afterAll(() => Promise.all([product.close(), server.close()]));

const words = ['one ', 'two ', 'three ', 'four ', 'five'];
const textOf = (events: SseEvent[]) =>
  events
    .filter(({ event }) => event === 'text.delta')
    .map(({ data }) => data.text)
    .join('');
const typesOf = (events: SseEvent[]) => events.map(({ event }) => event);

/** A run that calls a tool and then speaks slowly. */
async function speakSlowly() {
  server.script([{ toolCalls: [{ name: 'time.now' }] }, { text: words, chunkMs: 120 }]);
  return say(product.owner, agentId, 'count');
}

it('shows a run live: steps, tools, and text as it is spoken', async () => {
  const { runId } = await speakSlowly();
  const stream = await openEvents(product.owner, runId);
  expect(stream.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  const events: SseEvent[] = [];
  let statusAtFirstText: string | undefined;
  for await (const event of stream) {
    events.push(event);
    if (event.event === 'text.delta') {
      statusAtFirstText ??= (await product.owner.get(`/v1/runs/${runId}`)).body.status;
    }
  }
  expect(statusAtFirstText).toBe('running');
  const deltas = events.filter(({ event }) => event === 'text.delta');
  expect(deltas.length).toBeGreaterThan(1);
  expect(textOf(events)).toBe(words.join(''));
  expect(typesOf(events).filter((type) => type !== 'text.delta')).toEqual([
    'run.started',
    'step.started',
    'step.finished',
    'step.started',
    'step.finished',
    'step.started',
    'step.finished',
    'run.finished',
  ]);
  expect(events.map(({ id }) => Number(id))).toEqual(events.map((_, index) => index + 1));
  expect(events.map(({ data }) => data.type)).toEqual(typesOf(events));
  expect(
    events.find(({ data }) => data.kind === 'tool' && data.type === 'step.finished')?.data,
  ).toMatchObject({
    name: 'time.now',
    status: 'succeeded',
    output: expect.stringContaining('UTC'),
  });
  expect(events.at(-1)?.data).toEqual({ type: 'run.finished', runId, status: 'succeeded' });
});

it('goes on exactly where a connection broke', async () => {
  const { runId } = await speakSlowly();
  const first = await openEvents(product.owner, runId);
  const seen: SseEvent[] = [];
  for await (const event of first) {
    seen.push(event);
    if (textOf(seen).length > 4) break;
  }
  first.leave();
  const rest = await readEvents(product.owner, runId, { 'last-event-id': seen.at(-1)!.id! });
  expect([...seen, ...rest].map(({ id }) => Number(id))).toEqual(
    [...seen, ...rest].map((_, index) => index + 1),
  );
  expect(textOf([...seen, ...rest])).toBe(words.join(''));
  expect(await readEvents(product.owner, runId)).toEqual([...seen, ...rest]);
});

it('replays a finished run, and only its rest', async () => {
  const { runId } = await ask(product.owner, agentId, 'hello');
  const all = await readEvents(product.owner, runId);
  expect(textOf(all)).toBe('hello');
  expect(await readEvents(product.owner, runId, { 'last-event-id': '3' })).toEqual(all.slice(3));
});

it('ends at once for a watcher who has seen the end', async () => {
  const { runId } = await ask(product.owner, agentId, 'hello');
  const all = await readEvents(product.owner, runId);
  const rest = await readEvents(product.owner, runId, { 'last-event-id': all.at(-1)!.id! });
  expect(typesOf(rest)).toEqual(['run.finished']);
});

it('tells a run whose events are gone from its journal', async () => {
  server.script([{ text: 'Let me look.', toolCalls: [{ name: 'time.now' }] }, { text: 'Noon.' }]);
  const { runId } = await ask(product.owner, agentId, 'What time is it?');
  await product.sql('DELETE FROM run_event');
  const events = await readEvents(product.owner, runId);
  expect(typesOf(events)).toEqual([
    'step.started',
    'text.delta',
    'step.finished',
    'step.started',
    'step.finished',
    'step.started',
    'text.delta',
    'step.finished',
    'run.finished',
  ]);
  expect(textOf(events)).toBe('Let me look.Noon.');
  expect(events.at(-1)?.data).toEqual({ type: 'run.finished', runId, status: 'succeeded' });
});

it('shows each attempt of a retried run, and ends with the last', async () => {
  server.script([{ status: 400, message: 'no' }, { text: 'yes' }]);
  const { runId } = await ask(product.owner, agentId, 'hello');
  await product.owner.post(`/v1/runs/${runId}/retry`);
  await runEnd(product.owner, runId);
  const events = await readEvents(product.owner, runId);
  const ends = events.filter(({ event }) => event === 'run.finished');
  expect(ends.map(({ data }) => data.status)).toEqual(['failed', 'succeeded']);
  expect(events.filter(({ event }) => event === 'run.started').map(({ data }) => data.attempt)).toEqual([
    1, 2,
  ]);
});

it('tells a watcher of a run that is cancelled before it starts', async () => {
  server.script([{ text: 'busy', delayMs: 600 }]);
  const running = await say(product.owner, agentId, 'one');
  await expect.poll(() => server.requests.length).toBe(1);
  const waiting = await say(product.owner, agentId, 'two', running.conversationId);
  const events = readEvents(product.owner, waiting.runId);
  await delay(100);
  await product.owner.post(`/v1/runs/${waiting.runId}/cancel`);
  expect((await events).at(-1)?.data).toMatchObject({ type: 'run.finished', status: 'cancelled' });
  await runEnd(product.owner, running.runId);
});

it('leaves the run alone when its watcher goes away', async () => {
  const { runId } = await speakSlowly();
  const stream = await openEvents(product.owner, runId);
  for await (const event of stream) if (event.event === 'text.delta') break;
  stream.leave();
  expect(await runEnd(product.owner, runId)).toMatchObject({ status: 'succeeded' });
  expect(server.requests.at(-1)!.closedEarly).toBe(false);
});

it('serves many watchers of one run the same', async () => {
  const { runId } = await speakSlowly();
  const all = await Promise.all(Array.from({ length: 10 }, () => readEvents(product.owner, runId)));
  for (const events of all) expect(events).toEqual(all[0]);
});

it.each(['nonsense', '-1', '1.5', '1e99'])('refuses the Last-Event-ID %s', async (id) => {
  const { runId } = await ask(product.owner, agentId, 'hello');
  const answer = await product.owner.get(`/v1/runs/${runId}/events`, { 'last-event-id': id });
  expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
});

it('says that there is no such run before any stream begins', async () => {
  const answer = await product.owner.get('/v1/runs/00000000-0000-7000-8000-000000000000/events');
  expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } });
});
