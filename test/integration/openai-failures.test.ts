/** What runs that fail are to clients of the OpenAI-compatible API, and what becomes of requests that are repeated. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildApp } from '@nightshift/api/app';
import { pruneOpenaiRequests } from '@nightshift/core/openai-requests';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type Answer,
  connectModel,
  createAgent,
  createClient,
  type Product,
  runEnd,
  startProduct,
  stepsOf,
  type Team,
} from '../support/api/index.ts';
import { type ModelServer, type Step, startModelServer } from '../support/model-server/index.ts';

const path = '/openai/v1/chat/completions';
/** Long enough for a request that comes back on a busy machine. */
const graceMs = 1_500;

let product: Product;
let server: ModelServer;

beforeAll(async () => {
  [product, server] = await Promise.all([
    startProduct({ openaiTimes: { graceMs, budgetWaitMs: 2_000, holdMs: 6_000 } }),
    startModelServer(),
  ]);
  await product.startWorker();
});

beforeEach(() => server.reset());

afterAll(() => Promise.all([product.close(), server.close()]));

interface Setting extends Team {
  agentId: string;
  model: string;
}

/** A team with an agent "owl" whose model is tried once by each run. */
async function setUp(agent: object = {}): Promise<Setting> {
  const team = await product.addTeam('team');
  const model = await connectModel(team.owner, server);
  const policy = { targets: [{ model }], maxAttempts: 1 };
  return { ...team, model, agentId: await createAgent(team.owner, { name: 'owl', model: policy, ...agent }) };
}

let asked = 0;
const body = (text = `Request ${++asked}`, more: object = {}) => ({
  model: 'owl',
  messages: [{ role: 'user', content: text }],
  ...more,
});
const countRuns = async ({ id }: Team) =>
  Number((await product.sql('SELECT count(*) FROM run WHERE team_id = $1', [id]))[0].count);
const countSchedules = async ({ id }: Team) =>
  Number((await product.sql('SELECT count(*) FROM schedule WHERE team_id = $1', [id]))[0].count);
const latestRun = async ({ owner }: Team) => (await owner.get('/v1/runs?limit=1')).body.data[0];

const acts: Step = {
  toolCalls: [
    {
      name: 'schedules.create',
      arguments: { name: 'reports', prompt: 'Report.', everySeconds: 86_400, timezone: 'UTC' },
    },
  ],
};
const looks: Step = { toolCalls: [{ name: 'time.now' }] };
const overloaded: Step = { status: 503, message: 'Overloaded' };

/** As OpenAI's clients, the AI SDK and LangChain decide it, in this order. */
const repeatedBy = ({ status, headers }: Answer) => [
  headers.get('x-should-retry') !== 'false' && ([408, 409, 429].includes(status) || status >= 500),
  [408, 409, 429].includes(status) || status >= 500,
  ![400, 401, 402, 403, 404, 405, 406, 407, 409, 413].includes(status),
];
const never = [false, false, false];
const always = [true, true, true];

describe('a run that fails', () => {
  const context: Step = { status: 400, code: 'context_length_exceeded', message: 'maximum context length' };
  const filter: Step = { finish: 'content_filter' };
  it.each<[string, Step, number, string, boolean[]]>([
    ['a model that there is not', { status: 404, code: 'model_not_found' }, 400, 'model_model', never],
    ['a key that is refused', { status: 401, code: 'invalid_api_key' }, 400, 'model_auth', never],
    ['a request that is refused', { status: 400, message: 'Invalid value' }, 400, 'model_request', never],
    ['too long a context', context, 400, 'context_length_exceeded', never],
    ['a content filter', filter, 400, 'content_filter', never],
    ['an overloaded vendor', overloaded, 503, 'model_overload', always],
    ['a vendor that fails', { status: 500, message: 'Oops' }, 502, 'model_server', always],
    ['a rate limit', { status: 429, message: 'Slow down' }, 429, 'rate_limit_exceeded', always],
  ])('of %s', async (_what, step, status, code, repeated) => {
    server.script(() => step);
    for (const stream of [false, true]) {
      const team = await setUp();
      const answer = await team.owner.post(path, body(undefined, { stream }));
      expect(answer).toMatchObject({ status, body: { error: { code, param: null } } });
      expect(answer.body.error.message).toEqual(expect.any(String));
      expect(repeatedBy(answer)).toEqual(repeated);
    }
  });

  it('of a vendor account that is used up', async () => {
    const team = await setUp();
    server.script(() => ({ status: 429, code: 'insufficient_quota', message: 'You exceeded your quota' }));
    const answer = await team.owner.post(path, body());
    expect(answer).toMatchObject({
      status: 429,
      body: { error: { type: 'insufficient_quota', code: 'insufficient_quota' } },
    });
    expect(answer.headers.get('x-should-retry')).toBe('false');
  });

  it('of no key for the model, and of a provider that is not there any more', async () => {
    const team = await setUp();
    await createAgent(team.owner, { name: 'crow', model: 'openai/gpt-5.4' });
    const { data } = await team.owner.expect(200, team.owner.get('/v1/provider-credentials'));
    await team.owner.expect(204, team.owner.delete(`/v1/provider-credentials/${data[0].id}`));
    for (const [model, code] of [
      ['crow', 'no_credential'],
      ['owl', 'unknown_provider'],
    ]) {
      const answer = await team.owner.post(path, body(undefined, { model }));
      expect(answer).toMatchObject({ status: 400, body: { error: { code } } });
      expect(repeatedBy(answer)).toEqual(never);
    }
  });

  it('of its limit of steps', async () => {
    const team = await setUp({ limits: { maxSteps: 2 } });
    server.script(() => looks);
    const answer = await team.owner.post(path, body());
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'limit_steps' } } });
    expect(repeatedBy(answer)).toEqual(never);
  });

  it('of a person who cancels it', async () => {
    const team = await setUp();
    server.script([{ fault: 'hang' }]);
    const asking = team.owner.post(path, body());
    await expect.poll(() => server.requests.length).toBe(1);
    const { id } = await latestRun(team);
    await team.owner.expect(202, team.owner.post(`/v1/runs/${id}/cancel`));
    const answer = await asking;
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'cancelled' } } });
    expect(answer.headers.get('nightshift-run-id')).toBe(id);
    expect(repeatedBy(answer)).toEqual(never);
  });

  it('in a stream that has begun ends it with the error', async () => {
    const team = await setUp();
    server.script([{ ...looks, text: 'Let me look.' }, overloaded]);
    const { status, text } = await team.owner.post(path, body(undefined, { stream: true }));
    expect(status).toBe(200);
    const events = text
      .split('\n\n')
      .filter((event) => event.startsWith('data: '))
      .map((event) => event.slice(6));
    expect(events.at(-1)).toBe('[DONE]');
    expect(JSON.parse(events.at(-2)!)).toMatchObject({
      error: { code: 'model_overload', type: 'server_error' },
    });
    expect(events.slice(0, -2).map((event) => JSON.parse(event).choices[0].finish_reason)).not.toContain(
      'stop',
    );
  });

  it('of a content filter after something was said says so as OpenAI does', async () => {
    const team = await setUp();
    server.script(() => ({ text: ['I would ', 'say'], finish: 'content_filter', chunkMs: 50 }));
    const { text } = await team.owner.post(path, body(undefined, { stream: true }));
    expect(text).toContain('"content":"I would ');
    expect(text).toContain('"finish_reason":"content_filter"');
    expect(text).not.toContain('"error"');
    expect(text.trimEnd().endsWith('data: [DONE]')).toBe(true);
  });
});

describe('a budget', () => {
  const limit = (team: Team, more: object = {}) =>
    team.owner.expect(
      201,
      team.owner.post('/v1/budgets', {
        name: 'all',
        scope: 'team',
        window: 'day',
        unit: 'tokens',
        max: '0',
        action: 'stop',
        ...more,
      }),
    );

  it.each([false, true])('that is used up is a 429 with its reset (stream: %s)', async (stream) => {
    const team = await setUp();
    await limit(team);
    const answer = await team.owner.post(path, body(undefined, { stream }));
    expect(answer).toMatchObject({
      status: 429,
      body: {
        error: {
          message: expect.stringMatching(/budget "all" is used up/),
          type: 'insufficient_quota',
          code: 'insufficient_quota',
          param: null,
        },
      },
    });
    const wait = Number(answer.headers.get('retry-after'));
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(86_400);
    expect(answer.headers.get('x-should-retry')).toBe('false');
    expect(answer.headers.get('x-ratelimit-reset-requests')).toBe(`${wait}s`);
    expect(server.requests).toEqual([]);
  });

  it.each([false, true])('that queues ends the request, and its run (stream: %s)', async (stream) => {
    const team = await setUp();
    await limit(team, { action: 'queue' });
    const answer = await team.owner.post(path, body(undefined, { stream }));
    expect(answer).toMatchObject({ status: 429, body: { error: { code: 'insufficient_quota' } } });
    expect(answer.body.error.message).toMatch(/used up[\s\S]*go on at 20\d\d-[\s\S]*cancelled/);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(answer.headers.get('x-should-retry')).toBe('false');
    expect(await runEnd(team.owner, (await latestRun(team)).id)).toMatchObject({ status: 'cancelled' });
    // Nothing acts when the budget lets it.
    const { data } = await team.owner.expect(200, team.owner.get('/v1/budgets'));
    await team.owner.expect(200, team.owner.patch(`/v1/budgets/${data[0].id}`, { max: '1000000' }));
    server.script([{ text: 'Now.' }]);
    expect((await team.owner.post(path, body())).body.choices[0].message.content).toBe('Now.');
    expect(server.requests).toHaveLength(1);
  });

  it.each([false, true])('that others have reserved is waited for a while (stream: %s)', async (stream) => {
    const team = await setUp();
    const { id } = await limit(team, { max: '1000' });
    await product.sql(
      `INSERT INTO budget_reservation (run_id, step_index, budget_id, account_id, amount, expires_at)
       VALUES (uuidv7(), 0, $1, $1, 1000, now() + interval '10 minutes')`,
      [id],
    );
    const answer = await team.owner.post(path, body(undefined, { stream }));
    // On a busy machine the stream has begun by then.
    expect(answer.text).toContain('"code":"budget_busy"');
    if (!stream) expect(answer.status).toBe(429);
    expect(await runEnd(team.owner, (await latestRun(team)).id)).toMatchObject({ status: 'cancelled' });
    expect(server.requests).toEqual([]);
  });

  it('that ends a run in the middle does not let it act again', async () => {
    const team = await setUp();
    await limit(team, { max: '100' });
    server.script([{ ...acts, usage: { input: 90, output: 20 } }]);
    const request = body();
    for (let turn = 0; turn < 3; turn += 1) {
      const answer = await team.owner.post(path, request);
      expect(answer).toMatchObject({ status: 429, body: { error: { code: 'insufficient_quota' } } });
      expect(answer.headers.get('x-should-retry')).toBe('false');
    }
    expect(await countRuns(team)).toBe(1);
    expect(await countSchedules(team)).toBe(1);
  });
});

/** Asks, and goes away when the model was asked so often. */
async function leave({ owner }: Team, request: object, calls: number): Promise<void> {
  const controller = new AbortController();
  const asking = fetch(product.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${owner.key}`, 'content-type': 'application/json' },
    body: JSON.stringify(request),
    signal: controller.signal,
  });
  await expect.poll(() => server.requests.length).toBe(calls);
  controller.abort();
  await expect(asking).rejects.toThrow();
}

describe('the same request again', () => {
  it('after a run that failed when it had acted gets its outcome, also as a retry', async () => {
    const team = await setUp();
    server.script((_request, count) => (count === 0 ? acts : overloaded));
    const request = body();
    const first = await team.owner.post(path, request);
    expect(first).toMatchObject({ status: 400, body: { error: { code: 'model_overload' } } });
    expect(repeatedBy(first)).toEqual(never);
    const again = await team.owner.post(path, request, { 'x-stainless-retry-count': '1' });
    expect(again).toMatchObject({ status: 400, body: first.body });
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(again.headers.get('nightshift-run-id')).toBe(first.headers.get('nightshift-run-id'));
    expect(await countRuns(team)).toBe(1);
    expect(await countSchedules(team)).toBe(1);
    // Another person's request is another one, and so is one in other words.
    const other = await team.caller('member');
    server.script([{ text: 'Fine.' }]);
    expect((await other.post(path, request)).status).toBe(200);
    expect((await team.owner.post(path, body())).status).toBe(200);
  });

  it('after ten minutes is another one', async () => {
    const team = await setUp();
    server.script((_request, count) => (count === 0 ? acts : overloaded));
    const request = body();
    expect((await team.owner.post(path, request)).status).toBe(400);
    await product.sql(`UPDATE run SET ended_at = now() - interval '11 minutes' WHERE team_id = $1`, [
      team.id,
    ]);
    server.script([{ text: 'Fine.' }]);
    expect((await team.owner.post(path, request)).body.choices[0].message.content).toBe('Fine.');
  });

  it('after a run that failed before it had acted is another one', async () => {
    const team = await setUp();
    server.script([looks, overloaded, { text: 'Fine.' }]);
    const request = body();
    expect((await team.owner.post(path, request)).status).toBe(503);
    expect((await team.owner.post(path, request)).status).toBe(200);
    expect(await countRuns(team)).toBe(2);
  });

  it('after a success is another one, unless the client says that it is a repetition', async () => {
    const team = await setUp();
    const request = body();
    server.script([{ text: 'One.' }, { text: 'Two.' }]);
    const contentOf = async (headers?: Record<string, string>) =>
      (await team.owner.post(path, request, headers)).body.choices[0].message.content;
    expect(await contentOf()).toBe('One.');
    expect(await contentOf({ 'x-stainless-retry-count': '0' })).toBe('Two.');
    expect(await contentOf({ 'x-stainless-retry-count': '1' })).toBe('Two.');
    expect(await countRuns(team)).toBe(2);
  });

  it('while the run is under way joins it, however many come at once', async () => {
    const team = await setUp();
    const { promise, resolve } = Promise.withResolvers<void>();
    server.script((_request, count) => (count === 0 ? acts : { text: 'Done.', after: promise }));
    const request = body();
    const asking = Array.from({ length: 8 }, () => team.owner.post(path, request));
    await expect.poll(() => server.requests.length).toBe(2);
    asking.push(team.owner.post(path, request));
    const waiters = async () =>
      (await product.sql('SELECT waiters FROM openai_request WHERE team_id = $1', [team.id]))[0].waiters;
    await expect.poll(waiters).toBe(9);
    resolve();
    const answers = await Promise.all(asking);
    expect(new Set(answers.map(({ headers }) => headers.get('nightshift-run-id'))).size).toBe(1);
    for (const answer of answers)
      expect(answer).toMatchObject({ status: 200, body: { choices: [{ message: { content: 'Done.' } }] } });
    expect(await countRuns(team)).toBe(1);
    expect(await countSchedules(team)).toBe(1);
  });

  it('after the client gave up in the middle joins the run, which goes on', async () => {
    const team = await setUp();
    const { promise, resolve } = Promise.withResolvers<void>();
    const steps: Step[] = [acts, { text: 'Done.', after: promise }];
    server.script((_request, count) => steps[count] ?? { fault: 'hang' });
    const request = body();
    await leave(team, request, 2);
    const waiters = async () =>
      (await product.sql('SELECT waiters FROM openai_request WHERE team_id = $1', [team.id]))[0].waiters;
    await expect.poll(waiters).toBe(0);
    const again = team.owner.post(path, request);
    await expect.poll(waiters).toBe(1);
    // A run whose client left later, and did not come back, is cancelled first: the time of this one is over.
    const other = await setUp();
    await leave(other, body(), 3);
    expect(await runEnd(other.owner, (await latestRun(other)).id)).toMatchObject({ status: 'cancelled' });
    resolve();
    expect((await again).body.choices[0].message.content).toBe('Done.');
    expect(await countRuns(team)).toBe(1);
    expect(await countSchedules(team)).toBe(1);
  });

  it('after the run was cancelled since its client left does not act again', async () => {
    const team = await setUp();
    server.script((_request, count) => (count === 0 ? acts : { fault: 'hang' }));
    const request = body();
    await leave(team, request, 2);
    expect(await runEnd(team.owner, (await latestRun(team)).id)).toMatchObject({ status: 'cancelled' });
    const answer = await team.owner.post(path, request);
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'cancelled' } } });
    expect(answer.body.error.message).toMatch(/acted already/);
    expect(await countRuns(team)).toBe(1);
  });

  it('joins a run that another api process has begun, and that died since', async () => {
    const team = await setUp();
    const { promise, resolve } = Promise.withResolvers<void>();
    server.script((_request, count) => (count === 0 ? acts : { text: 'Done.', after: promise }));
    const request = body();
    // It knows nothing but the database, and ends without a word to it.
    const first = await buildApp({ ...product.deps, openaiTimes: { graceMs: 60_000 } });
    await first.listen({ host: '127.0.0.1', port: 0 });
    const url = `http://127.0.0.1:${(first.server.address() as AddressInfo).port}`;
    const lost = createClient(url, team.owner.key).post(path, request);
    await expect.poll(() => server.requests.length).toBe(2);
    (first.server as Server).closeAllConnections();
    await expect(lost).rejects.toThrow();
    const waiters = async () =>
      (await product.sql('SELECT waiters FROM openai_request WHERE team_id = $1', [team.id]))[0].waiters;
    await expect.poll(waiters).toBe(0);
    await first.close();
    const again = team.owner.post(path, request);
    await expect.poll(waiters).toBe(1);
    resolve();
    expect((await again).body.choices[0].message.content).toBe('Done.');
    expect(await countRuns(team)).toBe(1);
    expect(await countSchedules(team)).toBe(1);
  });

  it('does not wait for ever for a request that died before its run was accepted', async () => {
    const team = await setUp();
    const lost = body();
    server.script([{ text: 'Found.' }]);
    await team.owner.post(path, lost);
    await product.sql(
      `UPDATE openai_request SET run_id = uuidv7(), created_at = now() - interval '3 minutes' WHERE team_id = $1`,
      [team.id],
    );
    server.script([{ text: 'Found again.' }]);
    expect((await team.owner.post(path, lost)).body.choices[0].message.content).toBe('Found again.');
  });

  it('is forgotten when nothing can join it any more', async () => {
    const team = await setUp();
    server.script(() => ({ text: 'Fine.' }));
    for (const headers of [{}, { 'idempotency-key': 'kept' }]) await team.owner.post(path, body(), headers);
    server.script((_request, count) => (count === 0 ? acts : overloaded));
    await team.owner.post(path, body());
    const left = async (): Promise<string[]> => {
      await pruneOpenaiRequests(product.db);
      const rows = await product.sql('SELECT name FROM openai_request WHERE team_id = $1', [team.id]);
      return rows.map(({ name }) => name.slice(0, 8)).sort();
    };
    const age = (table: string, column: string, time: string) =>
      product.sql(`UPDATE ${table} SET ${column} = now() - $2::interval WHERE team_id = $1`, [team.id, time]);
    expect(await left()).toHaveLength(3);
    await age('openai_request', 'created_at', '2 hours');
    expect(await left()).toHaveLength(3);
    await age('run', 'ended_at', '11 minutes');
    expect(await left()).toEqual(['key:kept']);
    await age('openai_request', 'created_at', '25 hours');
    expect(await left()).toEqual([]);
  });

  it('with an Idempotency-Key gets the first answer, and a key of another request is refused', async () => {
    const team = await setUp();
    server.script([{ text: 'One.' }, { text: 'Two.' }]);
    const request = body();
    const headers = { 'idempotency-key': 'once' };
    const first = await team.owner.post(path, request, headers);
    const again = await team.owner.post(path, request, headers);
    expect(again.body.choices).toEqual(first.body.choices);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    const streamed = await team.owner.post(path, body(), headers);
    expect(streamed).toMatchObject({ status: 409, body: { error: { code: 'idempotency_conflict' } } });
    expect(streamed.headers.get('x-should-retry')).toBe('false');
    const other = await team.owner.post(path, request, { 'idempotency-key': 'twice' });
    expect(other.body.choices[0].message.content).toBe('Two.');
    expect(await countRuns(team)).toBe(2);
    const wrong = await team.owner.post(path, request, { 'idempotency-key': 'x'.repeat(300) });
    expect(wrong).toMatchObject({ status: 400, body: { error: { type: 'invalid_request_error' } } });
  });

  it('is told in a stream from its beginning', async () => {
    const team = await setUp();
    const { promise, resolve } = Promise.withResolvers<void>();
    server.script([{ text: ['Hoo ', 'hoo.'], after: promise }]);
    const request = body(undefined, { stream: true });
    const asking = [team.owner.post(path, request), team.owner.post(path, request)];
    await expect.poll(() => server.requests.length).toBe(1);
    const waiters = async () =>
      (await product.sql('SELECT waiters FROM openai_request WHERE team_id = $1', [team.id]))[0].waiters;
    await expect.poll(waiters).toBe(2);
    resolve();
    const said = (await Promise.all(asking)).map(({ text }) =>
      [...text.matchAll(/"content":"([^"]*)"/g)].map(([, content]) => content).join(''),
    );
    expect(said).toEqual(['Hoo hoo.', 'Hoo hoo.']);
    expect(await countRuns(team)).toBe(1);
  });
});

it('a stream begins before its content when the run takes long', async () => {
  const team = await setUp();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.script([{ text: 'At last.', after: promise }]);
  const response = await fetch(product.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${team.owner.key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body(undefined, { stream: true })),
  });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
  resolve();
  expect(await response.text()).toContain('At last.');
});

describe('an answer', () => {
  it('says why it ended, and what it took with cached and reasoning tokens', async () => {
    const team = await setUp();
    const usage = { input: 50, output: 20, cached: 30, reasoning: 8 };
    server.script([
      { ...looks, usage },
      { text: 'It is', finish: 'length', usage },
    ]);
    const { body: answer } = await team.owner.post(path, body());
    expect(answer).toMatchObject({
      choices: [{ finish_reason: 'length', message: { content: 'It is' } }],
      usage: {
        prompt_tokens: 100,
        completion_tokens: 40,
        total_tokens: 140,
        prompt_tokens_details: { cached_tokens: 60 },
        completion_tokens_details: { reasoning_tokens: 16 },
      },
    });
  });

  it('in a stream says the same', async () => {
    const team = await setUp();
    const usage = { input: 50, output: 20, cached: 30, reasoning: 8 };
    server.script([{ text: 'It is', finish: 'length', usage }]);
    const request = body(undefined, { stream: true, stream_options: { include_usage: true } });
    const { text } = await team.owner.post(path, request);
    expect(text).toContain('"finish_reason":"length"');
    expect(text).toContain('"cached_tokens":30');
    expect(text).toContain('"reasoning_tokens":8');
  });

  it('ends before a stop sequence', async () => {
    const team = await setUp();
    server.script(() => ({ text: ['One. EN', 'D. Two.'], chunkMs: 30 }));
    const { body: whole } = await team.owner.post(path, body(undefined, { stop: 'END' }));
    expect(whole.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: 'One. ' } });
    const { text } = await team.owner.post(path, body(undefined, { stop: ['END', '###'], stream: true }));
    const said = [...text.matchAll(/"content":"([^"]*)"/g)].map(([, content]) => content).join('');
    expect(said).toBe('One. ');
  });

  it('has at most as many tokens as are asked for', async () => {
    const team = await setUp();
    await team.owner.post(path, body(undefined, { max_tokens: 77 }));
    expect(server.requests[0]!.body.max_completion_tokens ?? server.requests[0]!.body.max_tokens).toBe(77);
  });

  it.each([false, true])('is in the format that is asked for, or an error (stream: %s)', async (stream) => {
    const team = await setUp();
    const schema = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] };
    const format = { type: 'json_schema', json_schema: { name: 'number', schema } };
    const ask = (response_format: object) =>
      team.owner.post(path, body(undefined, { response_format, stream }));
    const contentOf = (answer: Answer): string =>
      stream
        ? [...answer.text.matchAll(/"content":("(?:[^"\\]|\\.)*")/g)]
            .map(([, content]) => JSON.parse(content!))
            .join('')
        : answer.body.choices[0].message.content;

    server.script([{ ...looks, text: 'I look first.' }, { text: '```json\n{"n": 1}\n```' }]);
    expect(JSON.parse(contentOf(await ask(format)))).toEqual({ n: 1 });
    expect(server.requests[0]!.body.response_format).toMatchObject({ json_schema: { name: 'number' } });

    server.reset();
    server.script([{ text: '{"n": "one"}' }, { text: '{"n": 2}' }]);
    expect(JSON.parse(contentOf(await ask(format)))).toEqual({ n: 2 });
    expect(server.requests[1]!.userText).toMatch(/not accepted[\s\S]*"integer"/);
    const steps = await stepsOf(team.owner, (await latestRun(team)).id);
    expect(steps).toHaveLength(2);

    server.reset();
    server.script(() => ({ text: 'No JSON at all' }));
    const answer = await ask(format);
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'output_invalid' } } });
    expect(repeatedBy(answer)).toEqual(never);
    expect(server.requests).toHaveLength(2);

    server.reset();
    server.script([{ text: '{"anything": [1]}' }]);
    expect(JSON.parse(contentOf(await ask({ type: 'json_object' })))).toEqual({ anything: [1] });
    expect(server.requests[0]!.body.messages[0].content).toMatch(/one JSON object/);
  });
});
