/** Budgets over REST: what can be saved, what is answered, and that what was used before counts. */
import { newId } from '@nightshift/core/database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAgent, type Product, startProduct, type Team } from '../support/api/index.ts';

let product: Product;

beforeAll(async () => {
  product = await startProduct();
});

afterAll(() => product.close());

const valid = { name: 'Team', scope: 'team', window: 'day', unit: 'usd', max: '10' };

let made = 0;

const make = async (body: object, team: Team = product) =>
  team.owner.expect(201, team.owner.post('/v1/budgets', { ...valid, name: `Team ${++made}`, ...body }));

const limitsOf = async (team: Team = product) =>
  (await team.owner.expect(200, team.owner.get('/v1/limits'))).data;

interface Entry {
  agentId?: string;
  apiKeyId?: string;
  costUsd?: string | null;
  input?: number | null;
  runs?: number;
  outcome?: string;
  /** An interval before now. */
  ago?: string;
}

/** Writes to the ledger as a run would. */
async function spend(team: Team, entries: Entry[]): Promise<void> {
  await product.sql(
    `INSERT INTO usage_entry (id, team_id, agent_id, api_key_id, runs, provider, model, wire, outcome, input_tokens,
       output_tokens, cost_usd, duration_ms, started_at, created_at)
     SELECT e.id, $1, e."agentId", e."apiKeyId", coalesce(e.runs, 0), 'test', 'model', 'openai-chat', coalesce(e.outcome, 'ok'),
       e.input, CASE WHEN e.input IS NULL THEN NULL ELSE 0 END, e."costUsd", 1, now(), now() - coalesce(e.ago, '0 seconds')::interval
     FROM jsonb_to_recordset($2) AS e (id uuid, "agentId" uuid, "apiKeyId" uuid, runs int, input int, outcome text,
       "costUsd" numeric, ago text)`,
    [team.id, JSON.stringify(entries.map((entry) => ({ id: newId(), ...entry })))],
  );
}

describe('a budget', () => {
  it('is made, read, changed and deleted', async () => {
    const budget = await make({ name: ' Team, daily ', timezone: 'Europe/Berlin', max: '010.50' });
    expect(budget).toEqual({
      id: expect.any(String),
      name: 'Team, daily',
      scope: 'team',
      scopeId: null,
      subject: null,
      window: 'day',
      rolling: false,
      timezone: 'Europe/Berlin',
      unit: 'usd',
      max: '10.5',
      action: 'stop',
      downgradeTo: null,
      allowUnpriced: false,
      enabled: true,
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
    });
    const path = `/v1/budgets/${budget.id}`;
    expect((await product.owner.get(path)).body).toEqual(budget);
    const changed = await product.owner.expect(
      200,
      product.owner.patch(path, { action: 'downgrade', downgradeTo: 'demo/guide' }),
    );
    expect(changed).toMatchObject({ action: 'downgrade', downgradeTo: 'demo/guide', max: '10.5' });
    const back = await product.owner.expect(200, product.owner.patch(path, { action: 'queue' }));
    expect(back).toMatchObject({ action: 'queue', downgradeTo: null });
    expect((await product.owner.get('/v1/budgets')).body.data.map(({ id }: { id: string }) => id)).toContain(
      budget.id,
    );
    await product.owner.expect(204, product.owner.delete(path));
    expect((await product.owner.get(path)).status).toBe(404);
    expect((await product.owner.delete(path)).status).toBe(404);
  });

  it('of 5 hours is always rolling, the others follow the calendar unless they are told', async () => {
    expect(await make({ window: '5h' })).toMatchObject({ window: '5h', rolling: true });
    expect(await make({ window: 'week', rolling: true })).toMatchObject({ rolling: true });
    expect(await make({ window: 'month' })).toMatchObject({ rolling: false });
  });

  it.each([
    ['timezone', { timezone: 'Mars/Olympus' }],
    ['timezone', { timezone: '+01:00' }],
    ['max', { max: '-1' }],
    ['max', { max: '1e3' }],
    ['max', { max: 5 }],
    ['max', { unit: 'runs', max: '2.5' }],
    ['max', { max: '9999999999999999' }],
    ['rolling', { window: '5h', rolling: false }],
    ['downgradeTo', { action: 'downgrade' }],
    ['downgradeTo', { downgradeTo: 'demo/guide' }],
    ['downgradeTo', { action: 'downgrade', downgradeTo: 'guide' }],
    ['downgradeTo', { action: 'downgrade', downgradeTo: 'nobody/guide' }],
    ['allowUnpriced', { unit: 'tokens', max: '5', allowUnpriced: true }],
    ['scope', { scope: 'person' }],
    ['window', { window: 'year' }],
    ['scopeId', { scopeId: '0199c1d2-0000-7000-8000-000000000000' }],
    ['scopeId', { scope: 'agent', scopeId: '0199c1d2-0000-7000-8000-000000000000' }],
    ['scopeId', { scope: 'channel', scopeId: '0199c1d2-0000-7000-8000-000000000000' }],
  ])('refuses a wrong %s: %j', async (path, body) => {
    const { status, body: problem } = await product.owner.post('/v1/budgets', { ...valid, ...body });
    expect({ status, code: problem.code }).toEqual({ status: 400, code: 'invalid_request' });
    expect(problem.errors).toEqual([{ path, message: expect.any(String) }]);
  });

  it('is checked as a whole when it is changed', async () => {
    const { id } = await make({});
    const patch = (body: object) => product.owner.patch(`/v1/budgets/${id}`, body);
    expect((await patch({ action: 'downgrade' })).body.errors).toMatchObject([{ path: 'downgradeTo' }]);
    expect((await patch({ timezone: 'Nowhere' })).body.errors).toMatchObject([{ path: 'timezone' }]);
    expect((await patch({ unit: 'runs', max: '1.5' })).body.errors).toMatchObject([{ path: 'max' }]);
    expect((await product.owner.get(`/v1/budgets/${id}`)).body).toMatchObject({ unit: 'usd', max: '10' });
  });

  it("is for none of another team's agents, keys and schedules", async () => {
    const other = await product.addTeam('other');
    const theirs = await createAgent(other.owner);
    const key = (await other.owner.get('/v1/me')).body.key.id;
    for (const [scope, scopeId] of [
      ['agent', theirs],
      ['member', key],
      ['schedule', theirs],
    ]) {
      const { body } = await product.owner.post('/v1/budgets', { ...valid, scope, scopeId });
      expect(body.errors).toMatchObject([
        { path: 'scopeId', message: expect.stringContaining('there is no such') },
      ]);
    }
  });

  it('is made by admins', async () => {
    const member = await product.caller('member');
    expect((await member.post('/v1/budgets', valid)).status).toBe(403);
    expect((await (await product.caller('viewer')).get('/v1/limits')).status).toBe(200);
  });
});

describe('what was used', () => {
  let team: Team;
  const byName = async (name: string) =>
    (await limitsOf(team)).find(({ budget }: { budget: { name: string } }) => budget.name === name);

  beforeEach(async () => {
    team = await product.addTeam('spenders');
  });

  it('counts from the ledger on when the budget is new, and as it is written from then on', async () => {
    await spend(team, [{ costUsd: '1.25' }, { costUsd: '0.0000000001' }, { costUsd: '7', ago: '3 days' }]);
    await make({ name: 'rolling', rolling: true }, team);
    expect((await byName('rolling')).accounts).toMatchObject([
      {
        used: '1.2500000001',
        reserved: '0',
        max: '10',
        percent: 12,
        state: 'ok',
        unpriced: 0,
        subject: null,
      },
    ]);
    await make({ name: 'week', window: 'week', rolling: true }, team);
    expect((await byName('week')).accounts).toMatchObject([
      { used: '8.2500000001', percent: 82, state: 'warning' },
    ]);
    await spend(team, [{ costUsd: '5' }, { costUsd: null }]);
    expect((await byName('week')).accounts).toMatchObject([
      { used: '13.2500000001', percent: 132, state: 'exceeded', unpriced: 1 },
    ]);
  });

  it('counts anew when the budget becomes another one', async () => {
    await spend(team, [{ costUsd: '6.25' }, { costUsd: '7', ago: '3 days' }]);
    const { id } = await make({ name: 'changing', window: 'week', rolling: true }, team);
    const used = async (body: object) => {
      await team.owner.expect(200, team.owner.patch(`/v1/budgets/${id}`, body));
      return (await byName('changing'))?.accounts[0]?.used;
    };
    expect(await used({ window: '5h' })).toBe('6.25');
    await spend(team, [{ costUsd: '1', input: 500, runs: 1 }]);
    expect(await used({ unit: 'tokens', max: '1000' })).toBe('500');
    expect(await used({ unit: 'runs', max: '3' })).toBe('1');
    expect(await used({ enabled: false })).toBeUndefined();
    await spend(team, [{ costUsd: '1', runs: 1 }]);
    expect(await used({ enabled: true })).toBe('2');
  });

  it('is on an account for each where the budget is for each', async () => {
    const [first, second] = [await createAgent(team.owner, { name: 'first' }), await createAgent(team.owner)];
    await make({ name: 'each agent', scope: 'agent', unit: 'tokens', max: '100' }, team);
    await make({ name: 'one agent', scope: 'agent', scopeId: second, unit: 'tokens', max: '100' }, team);
    await spend(team, [
      { agentId: first, input: 30, costUsd: '0' },
      { agentId: second, input: 81, costUsd: '0' },
      { agentId: first, input: null, costUsd: '0', outcome: 'auth' },
      { agentId: first, input: null, costUsd: null },
    ]);
    expect((await byName('each agent')).accounts).toMatchObject([
      { subject: { id: second }, used: '81', state: 'warning', unpriced: 0 },
      { subject: { id: first, name: 'first' }, used: '30', state: 'ok', unpriced: 1 },
    ]);
    expect((await byName('one agent')).accounts).toMatchObject([{ subject: { id: second }, used: '81' }]);
    expect(
      (await limitsOf()).some(({ budget }: { budget: { name: string } }) => budget.name === 'each agent'),
    ).toBe(false);
  });
});

describe('windows', () => {
  /** What the database says of a budget's window at an instant. */
  const windowAt = async (budget: object, at: string) => {
    const row = {
      id: newId(),
      team_id: newId(),
      name: 'x',
      scope: 'team',
      unit: 'usd',
      max: 1,
      action: 'stop',
      allow_unpriced: false,
      enabled: true,
      timezone: 'UTC',
      rolling: false,
      ...budget,
    };
    const [answer] = await product.sql(
      `SELECT budget_window_start(b, $2) AS start, budget_slot_start(b, $2) AS slot, budget_resets_at(b, b.id, $2) AS "end"
       FROM jsonb_populate_record(NULL::budget, $1) AS b`,
      [JSON.stringify(row), at],
    );
    return Object.fromEntries(
      Object.entries(answer).map(([name, value]) => [name, (value as Date | null)?.toISOString() ?? null]),
    );
  };

  it.each([
    // The day on which clocks go forward has 23 hours, the one on which they go back 25.
    ['day', 'Europe/Berlin', '2027-03-28T10:00:00Z', '2027-03-27T23:00:00.000Z', '2027-03-28T22:00:00.000Z'],
    ['day', 'Europe/Berlin', '2027-10-31T23:30:00Z', '2027-10-31T23:00:00.000Z', '2027-11-01T23:00:00.000Z'],
    [
      'day',
      'Europe/Berlin',
      '2027-10-31T22:59:59.999Z',
      '2027-10-30T22:00:00.000Z',
      '2027-10-31T23:00:00.000Z',
    ],
    ['week', 'UTC', '2027-01-03T12:00:00Z', '2026-12-28T00:00:00.000Z', '2027-01-04T00:00:00.000Z'],
    [
      'month',
      'America/New_York',
      '2027-03-01T03:00:00Z',
      '2027-02-01T05:00:00.000Z',
      '2027-03-01T05:00:00.000Z',
    ],
    [
      'month',
      'America/New_York',
      '2027-03-15T03:00:00Z',
      '2027-03-01T05:00:00.000Z',
      '2027-04-01T04:00:00.000Z',
    ],
    ['day', 'Asia/Kathmandu', '2027-06-01T18:14:59Z', '2027-05-31T18:15:00.000Z', '2027-06-01T18:15:00.000Z'],
  ])('of a calendar %s in %s at %s', async (window, timezone, at, start, end) => {
    expect(await windowAt({ window, timezone }, at)).toEqual({ start, slot: start, end });
  });

  it.each([
    ['5h', '2027-01-01T12:07:00Z', '2027-01-01T07:05:00.000Z', '2027-01-01T12:05:00.000Z'],
    ['5h', '2027-01-01T12:05:00Z', '2027-01-01T07:05:00.000Z', '2027-01-01T12:05:00.000Z'],
    ['day', '2027-01-02T12:29:59.999Z', '2027-01-01T12:00:00.000Z', '2027-01-02T12:00:00.000Z'],
    ['week', '2027-01-08T05:00:00Z', '2027-01-01T03:00:00.000Z', '2027-01-08T03:00:00.000Z'],
    ['month', '2027-01-31T13:00:00Z', '2027-01-01T12:00:00.000Z', '2027-01-31T12:00:00.000Z'],
  ])('that roll, of %s at %s', async (window, at, start, slot) => {
    expect(await windowAt({ window, rolling: true }, at)).toEqual({ start, slot, end: null });
  });

  it('that roll let go on when enough has slid out', async () => {
    const team = await product.addTeam('sliding');
    await spend(team, [
      { costUsd: '4', ago: '4 hours' },
      { costUsd: '4', ago: '3 hours' },
      { costUsd: '4', ago: '1 hour' },
    ]);
    await make({ window: '5h', max: '7' }, team);
    const [{ accounts }] = await limitsOf(team);
    expect(accounts).toMatchObject([{ used: '12', state: 'exceeded' }]);
    // 12 and 8 are too much, 4 is not: when the second one is 5 hours old, rounded up to 5 minutes.
    const waitMs = Date.parse(accounts[0].resetsAt) - Date.now();
    expect(waitMs).toBeGreaterThan(2 * 3_600_000 - 60_000);
    expect(waitMs).toBeLessThan(2 * 3_600_000 + 6 * 60_000);
    expect(new Date(accounts[0].resetsAt).getTime() % 300_000).toBe(0);
  });

  it('never cut a row of the ledger otherwise than it is stored', async () => {
    // Columns round to milliseconds: what is written half a millisecond before midnight is of the next day.
    const team = await product.addTeam('midnight');
    await make({ name: 'a', max: '7' }, team);
    await product.sql(
      `INSERT INTO usage_entry (id, team_id, provider, model, wire, outcome, cost_usd, duration_ms, started_at, created_at)
       SELECT $2, $1, 'x', 'y', 'z', 'ok', 1, 1, now(), date_trunc('day', now()) + interval '1 day' - interval '400 microseconds'`,
      [team.id, newId()],
    );
    const [slot] = await product.sql(
      `SELECT s.starts_at = date_trunc('day', u.created_at) AS same FROM budget_slot s JOIN budget b ON b.id = s.budget_id
       JOIN usage_entry u ON u.team_id = b.team_id WHERE b.team_id = $1`,
      [team.id],
    );
    expect(slot).toEqual({ same: true });
  });
});
