/** What budgets do to runs: at 80 %, at 100 %, while they wait, and when many come at once. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  createAgent,
  type Product,
  readEvents,
  runEnd,
  saidIn,
  say,
  startProduct,
  stepsOf,
  type Team,
} from '../support/api/index.ts';
import { startReceiver } from '../support/channel/index.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';

let product: Product;
let server: ModelServer;

beforeAll(async () => {
  [product, server] = await Promise.all([startProduct(), startModelServer()]);
  await product.startWorker();
});

/** At the prices below, 2 USD a call. */
const usage = { input: 1000, output: 1000 };

beforeEach(() => {
  server.reset();
  server.script(() => ({ text: 'Done.', usage }));
});

afterAll(() => Promise.all([product.close(), server.close()]));

let teams = 0;

/** A team with a priced model (`dear/test-model`), one without a price (`free/test-model`), and an agent. */
async function addTeam({ model = 'dear/test-model', ...agent }: Record<string, unknown> = {}) {
  teams += 1;
  const team = await product.addTeam(`team ${teams}`);
  const endpoint = {
    provider: 'openai-compatible',
    baseUrl: server.openaiUrl,
    apiKey: `sk-team-${teams}-0123456789`,
  };
  const prices = { input: '1000', output: '1000' };
  for (const more of [
    { name: 'dear', label: 'dear', prices },
    { name: 'cheap', label: 'cheap', prices: { input: '1', output: '1' } },
    { name: 'free', label: 'free' },
  ]) {
    await team.owner.expect(201, team.owner.post('/v1/provider-credentials', { ...endpoint, ...more }));
  }
  return { ...team, agentId: await createAgent(team.owner, { model, ...agent }) };
}

type Spender = Awaited<ReturnType<typeof addTeam>>;

const limit = (team: Team, body: object) =>
  team.owner.expect(
    201,
    team.owner.post('/v1/budgets', {
      name: 'Limit',
      scope: 'team',
      window: 'day',
      unit: 'usd',
      max: '3',
      ...body,
    }),
  );

const accountOf = async (team: Team) =>
  (await team.owner.expect(200, team.owner.get('/v1/limits'))).data[0].accounts[0];

const ledgerOf = async (team: Team) => {
  const [row] = await product.sql(
    'SELECT sum(cost_usd)::float8 AS cost, count(*)::int AS attempts FROM usage_entry WHERE team_id = $1',
    [team.id],
  );
  return row;
};

const read = (team: Team, runId: string) => team.owner.expect(200, team.owner.get(`/v1/runs/${runId}`));
const untilWaiting = (team: Team, runId: string) =>
  expect.poll(async () => (await read(team, runId)).waiting?.code).toMatch(/^budget_exceeded$/);

describe('a budget that is used up', () => {
  it('stops the run, with the figures of the ledger', async () => {
    const team = await addTeam();
    const budget = await limit(team, { name: 'Tight' });
    expect(await ask(team.owner, team.agentId, 'one')).toMatchObject({
      status: 'succeeded',
      model: 'dear/test-model',
    });
    // 2 of 3 are used: one more is let in, and exceeds it.
    expect((await ask(team.owner, team.agentId, 'two')).status).toBe('succeeded');
    const refused = await ask(team.owner, team.agentId, 'three');
    const { resetsAt } = await accountOf(team);
    expect(refused).toMatchObject({
      status: 'failed',
      reply: null,
      error: {
        code: 'budget_exceeded',
        message: expect.stringMatching(/"Tight" is used up: 4 of 3 USD today/),
        hint: expect.any(String),
        details: {
          budgetId: budget.id,
          limit: 'Tight',
          unit: 'usd',
          window: 'day',
          used: '4',
          reserved: '0',
          max: '3',
          resetsAt,
        },
      },
    });
    expect(await ledgerOf(team)).toEqual({ cost: 4, attempts: 2 });
    expect(server.requests).toHaveLength(2);

    await team.owner.expect(200, team.owner.patch(`/v1/budgets/${budget.id}`, { max: '100' }));
    await team.owner.expect(202, team.owner.post(`/v1/runs/${refused.runId}/retry`));
    expect(await runEnd(team.owner, refused.runId)).toMatchObject({ status: 'succeeded', attempt: 2 });
  });

  it('counts a run once, at its first call', async () => {
    const team = await addTeam();
    await limit(team, { unit: 'runs', max: '2' });
    server.script([
      { toolCalls: [{ name: 'time.now' }], usage },
      { text: 'Late.', usage },
      { text: 'Again.', usage },
    ]);
    expect((await ask(team.owner, team.agentId, 'one')).reply).toEqual({ text: 'Late.' });
    expect((await ask(team.owner, team.agentId, 'two')).reply).toEqual({ text: 'Again.' });
    expect((await ask(team.owner, team.agentId, 'three')).error).toMatchObject({
      code: 'budget_exceeded',
      details: { used: '2', max: '2', unit: 'runs' },
    });
  });

  it('holds only for those it is about', async () => {
    const team = await addTeam();
    const member = await team.caller('member');
    await limit(team, { scope: 'member', max: '2' });
    expect((await ask(member, team.agentId, 'one')).status).toBe('succeeded');
    expect((await ask(member, team.agentId, 'two')).error?.code).toBe('budget_exceeded');
    expect((await ask(team.owner, team.agentId, 'three')).status).toBe('succeeded');
  });

  it('lets what costs nothing pass, and refuses what has no price until it is told to', async () => {
    const team = await addTeam({ model: 'free/test-model' });
    const budget = await limit(team, {});
    expect((await ask(team.owner, team.agentId, 'one')).error).toMatchObject({
      code: 'budget_unpriced',
      message: expect.stringContaining('The price of free/test-model is unknown'),
      hint: expect.stringMatching(/prices.*allowUnpriced/),
    });
    expect(server.requests).toHaveLength(0);
    await team.owner.expect(200, team.owner.patch(`/v1/budgets/${budget.id}`, { allowUnpriced: true }));
    expect((await ask(team.owner, team.agentId, 'two')).status).toBe('succeeded');
    expect(await accountOf(team)).toMatchObject({ used: '0', unpriced: 1 });
    const demo = await createAgent(team.owner, { model: 'demo/guide' });
    expect((await ask(team.owner, demo, 'hello')).status).toBe('succeeded');
  });

  it('goes on with the cheaper model that it names, and says so', async () => {
    const team = await addTeam();
    await limit(team, { max: '1', action: 'downgrade', downgradeTo: 'cheap/test-model' });
    expect((await ask(team.owner, team.agentId, 'one')).model).toBe('dear/test-model');
    server.script([
      { toolCalls: [{ name: 'time.now' }], usage },
      { text: 'Cheaply done.', usage },
    ]);
    const reply = await ask(team.owner, team.agentId, 'two');
    expect(reply).toMatchObject({
      status: 'succeeded',
      reply: { text: 'Cheaply done.' },
      model: 'cheap/test-model',
    });
    const run = await read(team, reply.runId);
    expect(run.warnings).toEqual(['The budget "Limit" is used up: the run goes on with cheap/test-model.']);
    const models = (await stepsOf(team.owner, reply.runId)).flatMap(
      ({ modelAttempts }: { modelAttempts: { provider: string }[] }) =>
        modelAttempts.map(({ provider }) => provider),
    );
    expect(models).toEqual(['cheap', 'cheap']);
  });

  it('fails clearly when the cheaper model cannot be asked', async () => {
    const team = await addTeam();
    await limit(team, { max: '0', action: 'downgrade', downgradeTo: 'openai/gpt-5' });
    expect((await ask(team.owner, team.agentId, 'one')).error?.code).toBe('no_credential');
  });
});

describe('a run that waits for a budget', () => {
  /** A team whose budget is used up, and a run that waits for it. */
  async function waiting(body: object = {}, agent: object = {}) {
    const team = await addTeam(agent as never);
    const budget = await limit(team, { max: '1', action: 'queue', ...body });
    await ask(team.owner, team.agentId, 'first');
    const said = await say(team.owner, team.agentId, 'second');
    await untilWaiting(team, said.runId);
    return { team, budget, ...said };
  }

  it('says what for, holds nothing, and goes on when the budget is raised', async () => {
    const { team, budget, runId, conversationId } = await waiting();
    const { resetsAt } = await accountOf(team);
    expect(await read(team, runId)).toMatchObject({
      status: 'queued',
      error: null,
      waiting: {
        code: 'budget_exceeded',
        message: expect.stringContaining('2 of 1 USD'),
        until: resetsAt,
        details: { budgetId: budget.id, used: '2', max: '1', resetsAt },
      },
    });
    const [lane] = await product.sql('SELECT lease_owner FROM conversation WHERE id = $1', [conversationId]);
    expect(lane.lease_owner).toBeNull();
    expect(await product.sql('SELECT FROM budget_reservation WHERE run_id = $1', [runId])).toEqual([]);
    await team.owner.expect(200, team.owner.patch(`/v1/budgets/${budget.id}`, { max: '50' }));
    expect(await runEnd(team.owner, runId)).toMatchObject({ status: 'succeeded', waiting: null });
    const events = (await readEvents(team.owner, runId)).map(({ event }) => event);
    expect(events.filter((event) => event.startsWith('run.'))).toEqual([
      'run.started',
      'run.waiting',
      'run.started',
      'run.finished',
    ]);
  });

  it('goes on when the budget is deleted', async () => {
    const { team, budget, runId } = await waiting();
    await team.owner.expect(204, team.owner.delete(`/v1/budgets/${budget.id}`));
    expect((await runEnd(team.owner, runId)).status).toBe('succeeded');
  });

  it('goes on by itself when its time has come, in the middle of what it does', async () => {
    const { team, budget, runId } = await waiting();
    // As if the window had passed: what was used was used a day before.
    await product.sql(
      `UPDATE budget_slot SET starts_at = starts_at - interval '1 day' WHERE budget_id = $1`,
      [budget.id],
    );
    await product.sql(`UPDATE run SET due_at = now() + interval '1 second' WHERE id = $1`, [runId]);
    expect(await runEnd(team.owner, runId)).toMatchObject({ status: 'succeeded', attempt: 1 });
  });

  it('takes its steps along: what it has done is not done again', async () => {
    const team = await addTeam();
    const budget = await limit(team, { max: '1', action: 'queue' });
    server.script([
      { toolCalls: [{ name: 'notes.write', arguments: { name: 'a', text: 'b' } }], usage },
      { text: 'Written.', usage },
    ]);
    const { runId } = await say(team.owner, team.agentId, 'write');
    await untilWaiting(team, runId);
    await team.owner.expect(200, team.owner.patch(`/v1/budgets/${budget.id}`, { max: '10' }));
    expect((await runEnd(team.owner, runId)).status).toBe('succeeded');
    expect(await stepsOf(team.owner, runId)).toMatchObject([
      { kind: 'model', attempts: 1 },
      { kind: 'tool', attempts: 1 },
      { kind: 'model', attempts: 1, modelAttempts: [{ outcome: 'ok' }] },
    ]);
    expect(server.requests).toHaveLength(2);
  });

  it('can be cancelled', async () => {
    const { team, runId } = await waiting();
    const cancelled = await team.owner.expect(202, team.owner.post(`/v1/runs/${runId}/cancel`));
    expect(cancelled).toMatchObject({ status: 'cancelled', waiting: null });
  });

  it.each(['steer', 'followup'])('is not overtaken by what is said later (%s)', async (queueMode) => {
    server.script(({ userText }) => ({ text: `heard ${userText}`, usage }));
    const { team, budget, conversationId, runId } = await waiting({}, { queueMode });
    const later = await say(team.owner, team.agentId, 'third', conversationId);
    // A wake-up that comes early changes nothing.
    product.deps.conversations.wakeSoon({ conversationId }, conversationId);
    await sleep(500);
    expect((await read(team, runId)).status).toBe('queued');
    await team.owner.expect(200, team.owner.patch(`/v1/budgets/${budget.id}`, { max: '50' }));
    await runEnd(team.owner, runId);
    await runEnd(team.owner, later.runId);
    const said = await saidIn(team.owner, conversationId);
    if (queueMode === 'steer') {
      expect(later.runId).toBe(runId);
      expect(said).toEqual([
        'user: second',
        'user: third',
        expect.stringMatching(/^assistant: heard second\s+third$/),
      ]);
    } else {
      expect(said).toEqual([
        'user: second',
        'user: third',
        'assistant: heard second',
        'assistant: heard third',
      ]);
    }
  });
});

describe('80 % of a budget', () => {
  /** Not that the run is large. */
  const isOfUse = (warning: string) => warning.includes('is used to');

  it('are told once: to the webhook, in the warnings of the run', async () => {
    const team = await addTeam();
    await using receiver = await startReceiver().then((opened) => ({
      ...opened,
      [Symbol.asyncDispose]: () => opened.close(),
    }));
    await team.owner.expect(
      201,
      team.owner.post('/v1/webhooks', { url: `${receiver.url}/hook`, events: ['budget.warning'] }),
    );
    const budget = await limit(team, { name: 'Nearly', scope: 'agent', max: '5' });
    const replies = [];
    for (const text of ['one', 'two', 'three', 'four'])
      replies.push(await ask(team.owner, team.agentId, text));
    const warnings = replies.map(async ({ runId }) => (await read(team, runId)).warnings.filter(isOfUse));
    expect(await Promise.all(warnings)).toEqual([
      [],
      ['The budget "Nearly" is used to 80 %: 4 of 5 USD today.'],
      [],
      [],
    ]);
    await expect.poll(() => receiver.received.length).toBe(1);
    expect(receiver.received[0]!.body).toEqual({
      type: 'budget.warning',
      timestamp: expect.any(String),
      data: {
        budget: {
          budgetId: budget.id,
          limit: 'Nearly',
          unit: 'usd',
          window: 'day',
          used: '4',
          reserved: '0',
          max: '5',
          resetsAt: expect.any(String),
        },
        subjectId: team.agentId,
        runId: replies[1]!.runId,
        agentId: team.agentId,
        agent: { id: team.agentId, name: expect.any(String) },
        conversationId: replies[1]!.conversationId,
      },
    });
    // 80 % of another budget are another figure: it is told again.
    await team.owner.expect(200, team.owner.patch(`/v1/budgets/${budget.id}`, { max: '9' }));
    await ask(team.owner, team.agentId, 'five');
    await expect.poll(() => receiver.received.length).toBe(2);
  });

  it('are told by many at once only once', async () => {
    const team = await addTeam();
    await limit(team, { max: '1000', unit: 'tokens' });
    server.script(() => ({ text: 'Done.', usage: { input: 900, output: 0 }, delayMs: 50 }));
    await Promise.all(['a', 'b', 'c'].map((text) => ask(team.owner, team.agentId, text)));
    const rows = await product.sql('SELECT warnings FROM run WHERE team_id = $1', [team.id]);
    expect(rows.flatMap(({ warnings }) => warnings).filter(isOfUse)).toHaveLength(1);
  });
});

describe('a large run', () => {
  it('says so before it begins', async () => {
    const team = await addTeam();
    const { runId } = await ask(team.owner, team.agentId, 'x'.repeat(140_000).concat('漢'.repeat(6_000)));
    expect((await read(team, runId)).warnings).toEqual([]);
    await limit(team, { max: '20' });
    const small = await ask(team.owner, team.agentId, 'small');
    expect((await read(team, small.runId)).warnings[0]).toMatch(
      /^The first call is large: some [\d,]+ tokens for dear\/test-model, for up to [\d.]+ USD, more than a fifth of what is left of the budget "Limit"\.$/,
    );
    const events = await readEvents(team.owner, small.runId);
    const at = (type: string) => events.findIndex(({ event }) => event === type);
    expect(at('run.warning')).toBeGreaterThan(0);
    expect(at('run.warning')).toBeLessThan(at('text.delta'));
  });
});

describe('many runs at once', () => {
  const together = (team: Spender, runs: number) =>
    Promise.all(
      Array.from({ length: runs }, (_, index) => say(team.owner, team.agentId, `Message ${index}`)),
    );

  it.each([
    ['as much as was estimated', { input: 1000, output: 1000 }],
    ['ten times as much as was estimated', { input: 10_000, output: 20_000 }],
  ])(
    'overspend a budget by one attempt at most, when each uses %s',
    async (_what, used) => {
      const team = await addTeam();
      const each = (used.input + used.output) / 1000;
      await limit(team, { max: String(each * 5.5) });
      server.script(() => ({ text: 'Done.', usage: used, delayMs: 30 }));
      const runs = await together(team, 50);
      const ends = await Promise.all(runs.map(({ runId }) => runEnd(team.owner, runId)));
      const counts = Object.groupBy(ends, ({ status }) => status);
      expect({ succeeded: counts.succeeded?.length, failed: counts.failed?.length }).toEqual({
        succeeded: 6,
        failed: 44,
      });
      expect(await ledgerOf(team)).toEqual({ cost: each * 6, attempts: 6 });
      // A refusal never speaks of a budget that is not used up, and all of them say what the ledger says.
      for (const { error } of counts.failed!) {
        expect(error.details).toMatchObject({ used: String(each * 6), max: String(each * 5.5) });
      }
      expect(await product.sql('SELECT FROM budget_reservation')).toEqual([]);
    },
    120_000,
  );

  it('finish all of them, one after the other, in a narrow budget that is not used up', async () => {
    const team = await addTeam();
    await limit(team, { max: '8.5' });
    const runs = await together(team, 4);
    for (const { runId } of runs) expect((await runEnd(team.owner, runId)).status).toBe('succeeded');
    expect(await accountOf(team)).toMatchObject({ used: '8', reserved: '0' });
  });
});
