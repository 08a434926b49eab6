/** A vendor that does not say what a call used, or says nonsense: the call is charged all the same, and budgets stop. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  createAgent,
  type Product,
  readEvents,
  runEnd,
  say,
  startProduct,
  stepsOf,
  type Team,
} from '../support/api/index.ts';
import { type ModelServer, type Step, startModelServer } from '../support/model-server/index.ts';

let product: Product;
let server: ModelServer;

beforeAll(async () => {
  [product, server] = await Promise.all([startProduct(), startModelServer()]);
  await product.startWorker();
});
beforeEach(() => server.reset());
afterAll(() => Promise.all([product.close(), server.close()]));

let teams = 0;

/** A team with a priced model, `dear/test-model`, OpenRouter, and an agent. */
async function addTeam(agent: object = {}) {
  teams += 1;
  const team = await product.addTeam(`team ${teams}`);
  const key = { apiKey: `sk-${teams}-0123456789abcdef`, baseUrl: server.openaiUrl };
  const prices = { input: '100', output: '1000' };
  for (const more of [
    { provider: 'openai-compatible', name: 'dear', label: 'dear', prices },
    { provider: 'openrouter', label: 'router' },
    { provider: 'ollama', label: 'local' },
  ])
    await team.owner.expect(201, team.owner.post('/v1/provider-credentials', { ...key, ...more }));
  const model = { targets: [{ model: 'dear/test-model' }], maxAttempts: 1 };
  return { ...team, agentId: await createAgent(team.owner, { model, ...agent }) };
}

const limit = (team: Team, body: object) =>
  team.owner.expect(
    201,
    team.owner.post('/v1/budgets', { name: 'Limit', scope: 'team', window: 'day', ...body }),
  );

const entriesOf = async (team: Team) =>
  (await team.owner.expect(200, team.owner.get('/v1/usage/entries'))).data.toReversed();

/** What the ledger sums up to is what the budget has used, and what the report says. */
async function expectSums(team: Team, unit: 'usd' | 'tokens') {
  const entries = await entriesOf(team);
  const amounts = entries.map(({ costUsd, inputTokens, outputTokens }: Record<string, number>) =>
    unit === 'usd' ? Number(costUsd ?? 0) : (inputTokens ?? 0) + (outputTokens ?? 0),
  );
  const sum = amounts.reduce((total: number, amount: number) => total + amount, 0);
  const [account] = (await team.owner.expect(200, team.owner.get('/v1/limits'))).data[0].accounts;
  expect(Number(account.used)).toBeCloseTo(sum, 9);
  const { totals } = await team.owner.expect(200, team.owner.get('/v1/usage'));
  expect(unit === 'usd' ? Number(totals.costUsd) : totals.inputTokens + totals.outputTokens).toBeCloseTo(
    sum,
    9,
  );
  expect(totals.estimated).toBe(entries.filter(({ estimated }: { estimated: boolean }) => estimated).length);
}

const silences: [string, Step][] = [
  ['no usage', { usage: null }],
  ['zeros', { rawUsage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 } }],
  ['null', { rawUsage: { prompt_tokens: null, completion_tokens: null } }],
  ['texts', { rawUsage: { prompt_tokens: '12', completion_tokens: '30' } }],
  ['negative numbers', { rawUsage: { prompt_tokens: -100, completion_tokens: -5 } }],
  ['only an output', { rawUsage: { completion_tokens: 40 } }],
  ['one token for a page', { rawUsage: { prompt_tokens: 1, completion_tokens: 1 } }],
];
const page = 'The answer goes on and on. '.repeat(60);

describe.each(['tokens', 'usd'] as const)('a budget in %s', (unit) => {
  it.each(silences)('is used up by calls whose vendor reports %s', async (_what, silence) => {
    const team = await addTeam();
    await limit(team, { unit, max: unit === 'usd' ? '1' : '2000' });
    server.script(() => ({ text: page, ...silence }));
    const replies = [];
    for (let at = 0; at < 8; at++) {
      replies.push(await ask(team.owner, team.agentId, 'Go on'));
      if (replies.at(-1)!.status === 'failed') break;
    }
    expect(replies.at(-1)!.error?.code).toBe('budget_exceeded');
    const entries = await entriesOf(team);
    expect(entries).toHaveLength(replies.length - 1);
    for (const entry of entries) {
      expect(entry).toMatchObject({ outcome: 'ok', estimated: true, costReported: false });
      expect(entry.inputTokens).toBeGreaterThan(100);
      expect(entry.outputTokens).toBeGreaterThan(30);
    }
    await expectSums(team, unit);
  });
});

it('the limit of tokens of a run counts them, too', async () => {
  const team = await addTeam({ limits: { maxTokens: 1000 } });
  server.script(() => ({ text: page, toolCalls: [{ name: 'time_now' }], usage: null }));
  expect((await ask(team.owner, team.agentId, 'Go on')).error?.code).toBe('limit_tokens');
});

it('a run that is cancelled in the middle of an answer is charged for what came', async () => {
  const team = await addTeam();
  await limit(team, { unit: 'usd', max: '1000' });
  server.script([{ text: [page, page], fault: 'hang-after' }]);
  const { runId } = await say(team.owner, team.agentId, 'Go on');
  await expect.poll(async () => (await stepsOf(team.owner, runId)).length + server.requests.length).toBe(2);
  await expect
    .poll(() => product.sql(`SELECT FROM run_event WHERE run_id = $1 AND type = 'text.delta'`, [runId]), {
      timeout: 120_000,
    })
    .not.toEqual([]);
  await team.owner.expect(202, team.owner.post(`/v1/runs/${runId}/cancel`));
  expect((await runEnd(team.owner, runId)).status).toBe('cancelled');
  const [entry, ...more] = await entriesOf(team);
  expect(more).toEqual([]);
  expect(entry).toMatchObject({ outcome: 'aborted', estimated: true });
  expect(entry.outputTokens).toBeGreaterThan(page.length / 6);
  await expectSums(team, 'usd');
});

it('a local server costs nothing, and its tokens count', async () => {
  const team = await addTeam();
  await limit(team, { unit: 'tokens', max: '1000000' });
  const local = await createAgent(team.owner, { model: 'ollama/test-model' });
  server.script([{ text: page, usage: null }]);
  expect((await ask(team.owner, local, 'Go on')).status).toBe('succeeded');
  expect(await entriesOf(team)).toMatchObject([{ costUsd: '0', estimated: true }]);
  await expectSums(team, 'tokens');
});

it('a model without a price stays one without, and its tokens count', async () => {
  const team = await addTeam();
  await limit(team, { unit: 'tokens', max: '1000000' });
  const unpriced = await createAgent(team.owner, { model: 'openrouter/test-model' });
  server.script([{ text: page, usage: null }]);
  expect((await ask(team.owner, unpriced, 'Go on')).status).toBe('succeeded');
  expect(await entriesOf(team)).toMatchObject([{ costUsd: null, estimated: true }]);
  await expectSums(team, 'tokens');
});

it('openrouter/auto costs what OpenRouter says, and the record names who answered', async () => {
  const team = await addTeam();
  await limit(team, { unit: 'usd', max: '1', allowUnpriced: true });
  const auto = await createAgent(team.owner, { model: 'auto' });
  const counts = { prompt_tokens: 900, completion_tokens: 400, total_tokens: 1300 };
  server.script(() => ({ text: page, answeredModel: 'maker/chosen', rawUsage: { ...counts, cost: 0.6 } }));
  const reply = await ask(team.owner, auto, 'Go on');
  expect(server.requests[0]!.body.usage).toEqual({ include: true });
  const said = {
    ...{ model: 'openrouter/auto', answeredModel: 'maker/chosen', costUsd: '0.6', costReported: true },
    estimated: false,
  };
  expect((await stepsOf(team.owner, reply.runId))[0].modelAttempts).toMatchObject([said]);
  expect(await entriesOf(team)).toMatchObject([said]);
  expect((await ask(team.owner, auto, 'Go on')).status).toBe('succeeded');
  expect((await ask(team.owner, auto, 'Go on')).error?.code).toBe('budget_exceeded');
  await expectSums(team, 'usd');
  expect((await readEvents(team.owner, reply.runId)).at(-1)!.event).toBe('run.finished');
});
