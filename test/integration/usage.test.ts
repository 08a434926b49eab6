/** What the ledger says over REST: sums, rows, CSV; and estimates before anything is in it. */
import { newId } from '@nightshift/core/database';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ask,
  connectModel,
  createAgent,
  type Product,
  startProduct,
  type Team,
} from '../support/api/index.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';

let product: Product;
let server: ModelServer;
let team: Team;
let agents: { first: string; second: string };
let memberId: string;

interface Entry {
  agentId?: string | null;
  apiKeyId?: string;
  personId?: string;
  model?: string;
  costUsd?: string | null;
  input?: number | null;
  output?: number;
  cached?: number;
  reasoning?: number;
  runs?: number;
  detail?: string;
  estimated?: boolean;
  at: string;
}

/** Writes to the ledger as a run would. */
async function spend(teamId: string, entries: Entry[]): Promise<void> {
  await product.sql(
    `INSERT INTO usage_entry (id, team_id, agent_id, api_key_id, person_id, runs, provider, model, wire, outcome, detail, input_tokens,
       output_tokens, cached_tokens, reasoning_tokens, estimated, cost_usd, duration_ms, started_at, created_at)
     SELECT e.id, $1, e."agentId", e."apiKeyId", e."personId", coalesce(e.runs, 0), 'acme', coalesce(e.model, 'large'), 'openai-chat', 'ok',
       e.detail, e.input, e.output, e.cached, e.reasoning, coalesce(e.estimated, false), e."costUsd", 1, e.at, e.at
     FROM jsonb_to_recordset($2) AS e (id uuid, "agentId" uuid, "apiKeyId" uuid, "personId" uuid, runs int, model text, input int, output int,
       cached int, reasoning int, estimated boolean, detail text, "costUsd" numeric, at timestamptz)`,
    [teamId, JSON.stringify(entries.map((entry) => ({ id: newId(), ...entry })))],
  );
}

beforeAll(async () => {
  [product, server] = await Promise.all([startProduct(), startModelServer()]);
  await product.startWorker();
  team = await product.addTeam('ledger');
  agents = {
    first: await createAgent(team.owner, { name: '=cmd|"/c calc"' }),
    second: await createAgent(team.owner, { name: 'second' }),
  };
  memberId = (await team.owner.get('/v1/me')).body.key.id;
  const [{ id: personId }] = await product.sql(
    `INSERT INTO person (id, team_id, name) VALUES (uuidv7(), $1, 'Ada') RETURNING id`,
    [team.id],
  );
  await spend(team.id, [
    // Sums of these as floating point numbers would be off.
    {
      agentId: agents.first,
      costUsd: '0.1',
      input: 10,
      output: 1,
      cached: 5,
      personId,
      runs: 1,
      at: '2027-03-27T22:30:00Z',
    },
    {
      agentId: agents.first,
      costUsd: '0.2',
      input: 20,
      output: 2,
      reasoning: 1,
      estimated: true,
      at: '2027-03-27T23:30:00Z',
    },
    {
      agentId: agents.second,
      apiKeyId: memberId,
      costUsd: '0.0000000001',
      input: 30,
      runs: 1,
      at: '2027-03-28T12:00:00Z',
    },
    {
      agentId: agents.second,
      model: 'small',
      costUsd: null,
      input: null,
      runs: 1,
      at: '2027-03-28T22:30:00Z',
    },
    {
      agentId: null,
      model: 'small',
      costUsd: '0',
      detail: 'two\nlines, "quoted"',
      at: '2027-03-29T00:00:00Z',
    },
  ]);
  await team.owner.delete(`/v1/agents/${agents.second}`);
});

afterAll(() => Promise.all([product.close(), server.close()]));

const usage = async (query = '') => team.owner.expect(200, team.owner.get(`/v1/usage${query}`));

describe('sums', () => {
  it('are exact, and say how many attempts they lack', async () => {
    expect(await usage()).toEqual({
      from: null,
      to: null,
      timezone: 'UTC',
      groupBy: [],
      totals: {
        attempts: 5,
        runs: 3,
        inputTokens: 60,
        cachedTokens: 5,
        outputTokens: 3,
        reasoningTokens: 1,
        costUsd: '0.3000000001',
        unpriced: 1,
        estimated: 1,
      },
      rows: [],
    });
  });

  it('are grouped, the dearest first, with names also of what is deleted', async () => {
    const { rows, totals } = await usage('?groupBy=agent');
    expect(rows).toMatchObject([
      { agent: { id: agents.first, name: '=cmd|"/c calc"' }, costUsd: '0.3', attempts: 2, unpriced: 0 },
      { agent: { id: agents.second, name: 'second' }, costUsd: '0.0000000001', attempts: 2, unpriced: 1 },
      { agent: null, costUsd: '0', attempts: 1 },
    ]);
    expect(totals).toMatchObject({ costUsd: '0.3000000001', attempts: 5 });
  });

  it('are grouped by people, whatever channel they spoke in', async () => {
    const { rows } = await usage('?groupBy=person');
    expect(rows).toMatchObject([
      { person: null, costUsd: '0.2000000001', attempts: 4 },
      { person: { name: 'Ada' }, costUsd: '0.1', attempts: 1 },
    ]);
  });

  it('are grouped by days of a timezone, also by the day that has 23 hours', async () => {
    const days = async (timezone: string) =>
      (await usage(`?groupBy=day&timezone=${timezone}`)).rows.map(
        ({ day, attempts }: { day: string; attempts: number }) => `${day} ${attempts}`,
      );
    expect(await days('UTC')).toEqual(['2027-03-27 2', '2027-03-28 2', '2027-03-29 1']);
    expect(await days('Europe/Berlin')).toEqual(['2027-03-27 1', '2027-03-28 2', '2027-03-29 2']);
  });

  it('are grouped by several dimensions at once', async () => {
    const { rows } = await usage('?groupBy=day,model,member');
    expect(rows).toHaveLength(4);
    expect(rows.at(-1)).toMatchObject({ day: '2027-03-29', model: 'acme/small', member: null });
    expect(rows).toContainEqual(
      expect.objectContaining({
        day: '2027-03-28',
        model: 'acme/large',
        member: { id: memberId, name: 'owner of ledger' },
      }),
    );
  });

  it.each([
    ['from=2027-03-28T12:00:00Z', 3],
    ['to=2027-03-28T12:00:00Z', 2],
    ['from=2027-03-28T00:00:00%2B01:00&to=2027-03-28T13:00:00%2B01:00', 1],
    ['model=small', 2],
    ['model=acme/large', 3],
    ['provider=acme', 5],
    ['provider=other', 0],
    ['task=turn', 5],
  ])('are filtered by %s', async (query, attempts) => {
    expect((await usage(`?${query}`)).totals.attempts).toBe(attempts);
  });

  it('are filtered by agent and member', async () => {
    expect((await usage(`?agentId=${agents.first}&groupBy=model`)).rows).toMatchObject([
      { attempts: 2, model: 'acme/large' },
    ]);
    expect((await usage(`?memberId=${memberId}`)).totals.attempts).toBe(1);
  });

  it.each([
    ['groupBy', 'groupBy=colour'],
    ['groupBy', 'groupBy=agent,agent'],
    ['groupBy', 'groupBy=agent,model,day,provider'],
    ['timezone', 'timezone=Mars'],
    ['from', 'from=yesterday'],
    ['agentId', 'agentId=1'],
  ])('refuse a wrong %s: %s', async (path, query) => {
    const { status, body } = await team.owner.get(`/v1/usage?${query}`);
    expect(status).toBe(400);
    expect(body.errors[0].path).toMatch(new RegExp(`^${path}`));
  });

  it('of more groups than are answered are refused rather than cut', async () => {
    const crowd = await product.addTeam('crowd');
    const at = '2027-03-28T12:00:00Z';
    await spend(
      crowd.id,
      Array.from({ length: 5001 }, (_, index) => ({ model: `m${index}`, costUsd: '1', at })),
    );
    expect((await crowd.owner.get('/v1/usage?groupBy=model')).body.errors).toMatchObject([
      { path: 'groupBy' },
    ]);
    expect((await crowd.owner.get('/v1/usage')).body.totals.costUsd).toBe('5001');
  });
});

describe('as CSV', () => {
  it('the sums have a header, two columns a record, and no formula', async () => {
    const { text, headers } = await team.owner.get('/v1/usage?groupBy=agent&format=csv');
    expect(headers.get('content-type')).toMatch(/^text\/csv/);
    expect(headers.get('content-disposition')).toContain('usage.csv');
    expect(text.split('\r\n')).toEqual([
      'agentId,agent,attempts,runs,inputTokens,cachedTokens,outputTokens,reasoningTokens,costUsd,unpriced,estimated',
      `${agents.first},"'=cmd|""/c calc""",2,1,30,5,3,1,0.3,0,1`,
      `${agents.second},second,2,2,30,0,0,0,0.0000000001,1,0`,
      ',,1,0,0,0,0,0,0,0,0',
      '',
    ]);
  });

  it('are answered to whoever accepts it, also without a grouping', async () => {
    const { text } = await team.owner.get('/v1/usage', { accept: 'text/csv' });
    expect(text.split('\r\n')[1]).toBe('5,3,60,5,3,1,0.3000000001,1,1');
  });

  it('the ledger comes whole, whatever its pages are', async () => {
    const { text } = await team.owner.get('/v1/usage/entries?limit=1', { accept: 'text/csv' });
    expect(text).toContain('"two\nlines, ""quoted"""');
    const crowd = await product.addTeam('ledger of many');
    const at = '2027-03-28T12:00:00Z';
    await spend(
      crowd.id,
      Array.from({ length: 2500 }, () => ({ costUsd: '1', at })),
    );
    const { text: all } = await crowd.owner.get('/v1/usage/entries?format=csv');
    const ids = all
      .trimEnd()
      .split('\r\n')
      .slice(1)
      .map((line) => line.split(',')[0]);
    expect(new Set(ids).size).toBe(2500);
  });
});

describe('the ledger', () => {
  it('is read page by page, newest first', async () => {
    const read = (query: string) => team.owner.expect(200, team.owner.get(`/v1/usage/entries?${query}`));
    const first = await read('limit=2');
    const second = await read(`limit=3&cursor=${first.nextCursor}`);
    expect([...first.data, ...second.data].map(({ createdAt }) => createdAt)).toEqual([
      '2027-03-29T00:00:00.000Z',
      '2027-03-28T22:30:00.000Z',
      '2027-03-28T12:00:00.000Z',
      '2027-03-27T23:30:00.000Z',
      '2027-03-27T22:30:00.000Z',
    ]);
    expect(second.nextCursor).toBeNull();
    expect(second.data[0]).toMatchObject({
      memberId,
      agentId: agents.second,
      costUsd: '0.0000000001',
      runs: 1,
    });
    expect(first.data[1]).toMatchObject({ costUsd: null, inputTokens: null, model: 'small' });
  });

  it('has what a run did, and who asked for it', async () => {
    const model = await connectModel(product.owner, server);
    server.script([{ status: 500 }, { text: 'Done.', usage: { input: 100, output: 10, cached: 40 } }]);
    const agentId = await createAgent(product.owner, { model });
    const { runId, conversationId } = await ask(product.owner, agentId, 'Hello');
    const { body } = await product.owner.get(`/v1/usage/entries?runId=${runId}`);
    const me = (await product.owner.get('/v1/me')).body.key.id;
    const { name } = (await product.owner.get(`/v1/agents/${agentId}`)).body;
    const common = {
      runId,
      agentId,
      agent: { id: agentId, name },
      conversationId,
      stepIndex: 0,
      task: 'turn',
    };
    const { data: keys } = (await product.owner.get('/v1/provider-credentials')).body;
    for (const row of body.data) {
      expect(row.member).toEqual({ id: me, name: expect.any(String) });
      expect(row).toMatchObject({ memberId: me, channel: null, schedule: null, person: null });
      expect(row.keyLabel).toBe(keys.find(({ id }: { id: string }) => id === row.credentialId).label);
    }
    const { text } = await product.owner.get(`/v1/usage/entries?runId=${runId}&format=csv`);
    const [header, line] = text.split('\r\n').map((row) => row.split(','));
    expect(line![header!.indexOf('agent')]).toBe(name);
    const { body: steps } = await product.owner.get(`/v1/runs/${runId}/steps`);
    for (const attempt of steps.data[0].modelAttempts) expect(attempt.keyLabel).toBe(body.data[0].keyLabel);
    expect(body.data).toHaveLength(2);
    expect(body.data).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          ...common,
          outcome: 'ok',
          inputTokens: 100,
          cachedTokens: 40,
          outputTokens: 10,
        }),
        expect.objectContaining({ ...common, outcome: 'server' }),
      ]),
    );
    expect((await product.owner.get(`/v1/usage?runId=${runId}`)).body.totals).toMatchObject({
      runs: 1,
      attempts: 2,
    });
  });
});

describe('an estimate', () => {
  it('says what the first call would use and cost, and which budgets refuse it', async () => {
    const planner = await product.addTeam('planner');
    const endpoint = {
      provider: 'openai-compatible',
      baseUrl: server.openaiUrl,
      apiKey: 'sk-0123456789abcdef',
    };
    const prices = { input: '1000', output: '2000' };
    for (const more of [
      { name: 'dear', label: 'dear', prices },
      { name: 'free', label: 'free' },
    ])
      await planner.owner.expect(
        201,
        planner.owner.post('/v1/provider-credentials', { ...endpoint, ...more }),
      );
    const policy = { targets: [{ model: 'dear/test-model' }, { model: 'free/test-model' }] };
    const agentId = await createAgent(planner.owner, { name: 'planner', model: policy, tools: {} });
    const budget = { name: 'None', scope: 'agent', window: 'day', unit: 'usd', max: '0' };
    await planner.owner.expect(201, planner.owner.post('/v1/budgets', budget));
    const estimate = async (text: string, name = 'planner') =>
      planner.owner.expect(200, planner.owner.post(`/v1/agents/${name}/estimate`, { text }));

    const asked = server.requests.length;
    const short = await estimate('Hello');
    expect(short.targets).toMatchObject([
      { model: 'dear/test-model', refusedBy: [{ limit: 'None', code: 'budget_exceeded' }] },
      { model: 'free/test-model', costUsd: null, refusedBy: [{ limit: 'None', code: 'budget_unpriced' }] },
    ]);
    const { low, high } = short.targets[0].costUsd;
    expect(Number(low)).toBeGreaterThan(0);
    expect(Number(high)).toBeCloseTo(short.inputTokens / 1000 + short.outputTokens.high / 500, 6);
    const long = await estimate('word '.repeat(20_000), agentId);
    expect(long.inputTokens - short.inputTokens).toBeGreaterThan(20_000);
    expect(server.requests).toHaveLength(asked);
    expect((await planner.owner.post('/v1/agents/nobody/estimate', { text: 'x' })).status).toBe(404);
    const { body } = await planner.owner.post('/v1/agents/planner/estimate', {
      text: 'x',
      conversationId: newId(),
    });
    expect(body).toMatchObject({ code: 'not_found' });
  });
});
