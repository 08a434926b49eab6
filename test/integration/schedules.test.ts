/** Schedules over REST: what can be saved, what is answered, who may. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAgent, type Product, say, startProduct } from '../support/api/index.ts';

let product: Product;
let agentId: string;

beforeAll(async () => {
  product = await startProduct();
});

afterAll(() => product.close());

beforeEach(async () => {
  agentId = await createAgent(product.owner);
});

let made = 0;

const valid = (more: object = {}) => ({
  agentId,
  name: `Brief, ${++made}.`,
  prompt: 'Say what is new.',
  cron: '0 8 * * *',
  ...more,
});
const create = (body: object = valid()) =>
  product.owner.expect(201, product.owner.post('/v1/schedules', body));
const read = (id: string) => product.owner.expect(200, product.owner.get(`/v1/schedules/${id}`));
const change = (id: string, body: object) =>
  product.owner.expect(200, product.owner.patch(`/v1/schedules/${id}`, body));

describe('making one', () => {
  it('answers with everything that was left out, and with the slots to come in both clocks', async () => {
    const schedule = await create(valid({ cron: '30 8 * * *', timezone: 'Asia/Kathmandu' }));
    expect(schedule).toMatchObject({
      agentId,
      name: 'Brief, 1.',
      prompt: 'Say what is new.',
      cron: '30 8 * * *',
      everySeconds: null,
      at: null,
      timezone: 'Asia/Kathmandu',
      misfire: 'once',
      overlap: 'skip',
      jitterSeconds: 0,
      deliverTo: null,
      conversationId: null,
      status: 'active',
      pausedReason: null,
      madeByAgent: false,
    });
    expect(schedule.nextFires).toHaveLength(5);
    for (const { at, local } of schedule.nextFires) {
      expect(local).toMatch(/T08:30:00\+05:45$/);
      expect(at).toMatch(/T02:45:00\.000Z$/);
      expect(new Date(local).toISOString()).toBe(at);
    }
    expect(await read(schedule.id)).toEqual(schedule);
  });

  it('takes an interval, and a single time in any offset', async () => {
    const before = Date.now();
    const interval = await create(valid({ cron: undefined, everySeconds: 3600 }));
    const first = new Date(interval.nextFires[0].at).getTime();
    expect(first).toBeGreaterThan(before + 3_590_000);
    expect(first).toBeLessThan(Date.now() + 3_610_000);
    const once = await create(valid({ cron: undefined, at: '2099-01-31T08:00:00+05:45' }));
    expect(once.at).toBe('2099-01-31T02:15:00.000Z');
    expect(once.nextFires).toEqual([{ at: '2099-01-31T02:15:00.000Z', local: '2099-01-31T02:15:00+00:00' }]);
  });

  it('makes one for one Idempotency-Key, also when the first answer was lost', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const body = valid();
    const post = () => product.owner.expect(201, product.owner.post('/v1/schedules', body, headers));
    const first = await post();
    expect(await post()).toEqual(first);
    await product.sql(`DELETE FROM idempotency_record`);
    expect(await post()).toEqual(first);
    // Both forget the key after a day.
    await product.sql(`DELETE FROM idempotency_record`);
    await product.sql(
      `UPDATE schedule SET created_at = now() - interval '25 hours', name = 'Earlier' WHERE id = $1`,
      [first.id],
    );
    expect((await post()).id).not.toBe(first.id);
  });

  it.each([
    ['cron', { cron: undefined }, /exactly one of cron, everySeconds and at/],
    ['cron', { everySeconds: 60 }, /exactly one/],
    ['cron', { cron: '0 0 8 * * *' }, /6 fields, and needs 5/],
    ['cron', { cron: '0 0 30 2 *' }, /never fires/],
    ['cron', { cron: '99 * * * *' }, /minute "99"/],
    ['cron', { cron: 'tomorrow' }, /1 field, and needs 5/],
    ['cron', { cron: '@never' }, /none of @hourly/],
    ['cron', { cron: '' }, /./],
    ['timezone', { timezone: 'Mars/Base' }, /no IANA timezone/],
    ['timezone', { timezone: '+01:00' }, /no IANA timezone/],
    ['at', { cron: undefined, at: '2020-01-01T00:00:00Z' }, /in the past/],
    ['at', { cron: undefined, at: 'tomorrow' }, /./],
    ['at', { cron: undefined, at: '2099-02-30T00:00:00Z' }, /./],
    ['everySeconds', { cron: undefined, everySeconds: 0 }, /./],
    ['everySeconds', { cron: undefined, everySeconds: 1.5 }, /./],
    ['jitterSeconds', { cron: '* * * * *', jitterSeconds: 90 }, /less than the 60 s/],
    ['jitterSeconds', { jitterSeconds: 3601 }, /./],
    ['misfire', { misfire: 'maybe' }, /./],
    ['overlap', { overlap: 'maybe' }, /./],
    ['name', { name: ' ' }, /./],
    ['prompt', { prompt: '' }, /./],
    [
      'deliverTo.conversationId',
      { deliverTo: { conversationId: '0197aaaa-0000-7000-8000-000000000000' } },
      /no such/,
    ],
    ['agentId', { agentId: 'nobody' }, /./],
  ])('refuses %s: %j', async (field, wrong, message) => {
    const answer = await product.owner.post('/v1/schedules', valid(wrong));
    expect(answer.status).toBe(400);
    expect(answer.body.errors).toMatchObject([{ path: field, message: expect.stringMatching(message) }]);
  });

  it('knows only agents and conversations of its own team, and of its own agent', async () => {
    const other = await product.addTeam('other');
    expect((await other.owner.post('/v1/schedules', valid())).status).toBe(404);
    const theirs = await say(product.owner, await createAgent(product.owner), 'hello');
    const deliverTo = { conversationId: theirs.conversationId };
    expect((await product.owner.post('/v1/schedules', valid({ deliverTo }))).status).toBe(400);
    const { id } = await create();
    for (const answer of [
      await other.owner.get(`/v1/schedules/${id}`),
      await other.owner.patch(`/v1/schedules/${id}`, { name: 'mine' }),
      await other.owner.post(`/v1/schedules/${id}/run`),
      await other.owner.get(`/v1/schedules/${id}/fires`),
      await other.owner.delete(`/v1/schedules/${id}`),
    ]) {
      expect(answer.status).toBe(404);
    }
  });

  it('is for members; viewers read', async () => {
    const viewer = await product.caller('viewer');
    const member = await product.caller('member');
    expect((await viewer.post('/v1/schedules', valid())).status).toBe(403);
    const { id } = await member.expect(201, member.post('/v1/schedules', valid()));
    expect((await viewer.get(`/v1/schedules/${id}`)).status).toBe(200);
    expect((await viewer.post(`/v1/schedules/${id}/run`)).status).toBe(403);
  });

  it('stops at 1,000 active schedules of an agent', async () => {
    await create();
    const fill = `
      INSERT INTO schedule (id, team_id, agent_id, name, prompt, every_seconds, updated_at)
      SELECT uuidv7(), team_id, agent_id, name, prompt, 3600, now() FROM schedule, generate_series(1, 999)
      WHERE agent_id = $1`;
    await product.sql(fill, [agentId]);
    const answer = await product.owner.post('/v1/schedules', valid());
    expect(answer.status).toBe(409);
    expect(answer.body.detail).toContain('1000 active schedules');
    const { data } = await product.owner.expect(
      200,
      product.owner.get(`/v1/schedules?agentId=${agentId}&limit=1`),
    );
    await change(data[0].id, { status: 'paused' });
    await create();
    expect((await product.owner.patch(`/v1/schedules/${data[0].id}`, { status: 'active' })).status).toBe(409);
  });
});

describe('the list', () => {
  it('is by agent and by status, newest first, in pages', async () => {
    const [first, second] = [await create(), await create(valid({ name: 'Second' }))];
    await change(first.id, { status: 'paused' });
    const ids = async (query: string) =>
      (
        await product.owner.expect(200, product.owner.get(`/v1/schedules?agentId=${agentId}${query}`))
      ).data.map(({ id }: { id: string }) => id);
    expect(await ids('')).toEqual([second.id, first.id]);
    expect(await ids('&status=paused')).toEqual([first.id]);
    expect(await ids('&status=active')).toEqual([second.id]);
    const page = await product.owner.get(`/v1/schedules?agentId=${agentId}&limit=1`);
    expect(await ids(`&limit=1&cursor=${page.body.nextCursor}`)).toEqual([first.id]);
  });
});

describe('changing one', () => {
  it('changes what is named and leaves the slots, unless the timing is changed', async () => {
    const schedule = await create(valid({ cron: undefined, everySeconds: 600 }));
    const renamed = await change(schedule.id, {
      name: 'Brief 2',
      prompt: 'Again.',
      overlap: 'queue',
      misfire: 'all',
    });
    expect(renamed).toMatchObject({ name: 'Brief 2', prompt: 'Again.', overlap: 'queue', misfire: 'all' });
    expect(renamed.nextFires).toEqual(schedule.nextFires);
    const retimed = await change(schedule.id, { cron: '@daily', timezone: 'Asia/Kathmandu' });
    expect(retimed).toMatchObject({ cron: '@daily', everySeconds: null });
    expect(retimed.nextFires[0].local).toMatch(/T00:00:00\+05:45$/);
  });

  it('checks the whole that comes of it', async () => {
    const { id } = await create(valid({ cron: '*/5 * * * *', jitterSeconds: 200 }));
    const wrong = async (body: object) =>
      (await product.owner.patch(`/v1/schedules/${id}`, body)).body.errors;
    expect(await wrong({ cron: '* * * * *' })).toMatchObject([{ path: 'jitterSeconds' }]);
    expect(await wrong({ cron: '@daily', everySeconds: 300 })).toMatchObject([{ path: 'cron' }]);
    expect(await wrong({ timezone: 'Nowhere' })).toMatchObject([{ path: 'timezone' }]);
    expect(await wrong({ at: '2020-01-01T00:00:00Z' })).toMatchObject([{ path: 'at' }]);
    expect((await product.owner.patch(`/v1/schedules/${id}`, { madeByAgent: true })).status).toBe(400);
  });

  it('pauses, says so, and counts from now when it is resumed', async () => {
    const { id } = await create(valid({ cron: undefined, everySeconds: 600 }));
    expect(await change(id, { status: 'paused' })).toMatchObject({
      status: 'paused',
      pausedReason: 'Paused by hand.',
      nextFires: [],
    });
    const resumed = await change(id, { status: 'active' });
    expect(resumed).toMatchObject({ status: 'active', pausedReason: null });
    expect(new Date(resumed.nextFires[0].at).getTime()).toBeGreaterThan(Date.now() + 590_000);
  });

  it('brings a finished one back with a new time only', async () => {
    const { id } = await create(valid({ cron: undefined, at: '2099-01-01T00:00:00Z' }));
    await product.sql(
      `UPDATE schedule SET status = 'finished', at = now() - interval '1 day', next_at = NULL, due_at = NULL WHERE id = $1`,
      [id],
    );
    expect(
      (await product.owner.patch(`/v1/schedules/${id}`, { status: 'active' })).body.errors,
    ).toMatchObject([{ path: 'at' }]);
    expect((await product.owner.patch(`/v1/schedules/${id}`, { status: 'paused' })).status).toBe(400);
    expect(await change(id, { name: 'Still over' })).toMatchObject({ status: 'finished' });
    expect(await change(id, { at: '2099-01-02T00:00:00Z' })).toMatchObject({ status: 'active' });
  });

  it('moves its answers to a conversation and back to its own', async () => {
    const { conversationId } = await say(product.owner, agentId, 'hello');
    const { id } = await create();
    const deliverTo = { conversationId };
    expect(await change(id, { deliverTo })).toMatchObject({ deliverTo, conversationId });
    expect(await change(id, { deliverTo: null })).toMatchObject({ deliverTo: null, conversationId: null });
  });

  it('is gone once deleted', async () => {
    const { id } = await create();
    expect((await product.owner.delete(`/v1/schedules/${id}`)).status).toBe(204);
    expect((await product.owner.get(`/v1/schedules/${id}`)).status).toBe(404);
    expect((await product.owner.delete(`/v1/schedules/${id}`)).status).toBe(404);
  });
});

describe('run now', () => {
  it('opens a run at once, also of a paused one, and leaves the next slot', async () => {
    const { id, nextFires } = await create();
    const fire = await product.owner.expect(202, product.owner.post(`/v1/schedules/${id}/run`));
    expect(fire).toMatchObject({
      status: 'fired',
      manual: true,
      slots: 1,
      reason: null,
      runStatus: 'queued',
    });
    const run = await product.owner.expect(200, product.owner.get(`/v1/runs/${fire.runId}`));
    const schedule = await read(id);
    expect(run).toMatchObject({ trigger: 'schedule', agentId, conversationId: schedule.conversationId });
    expect(schedule.nextFires).toEqual(nextFires);
    await change(id, { status: 'paused' });
    await product.owner.expect(202, product.owner.post(`/v1/schedules/${id}/run`));
    const { data } = await product.owner.expect(200, product.owner.get(`/v1/schedules/${id}/fires`));
    expect(data).toMatchObject([{ manual: true }, { manual: true, id: fire.id }]);
  });

  it('opens one run for one Idempotency-Key, and one each for ten calls at once', async () => {
    const { id } = await create();
    const post = (headers?: Record<string, string>) =>
      product.owner.expect(202, product.owner.post(`/v1/schedules/${id}/run`, undefined, headers));
    const headers = { 'idempotency-key': randomUUID() };
    const [first, again] = [await post(headers), await post(headers)];
    expect(again).toEqual(first);
    const fires = await Promise.all(Array.from({ length: 10 }, () => post()));
    expect(new Set(fires.map(({ runId }) => runId)).size).toBe(10);
    const conversations = await product.sql(`SELECT DISTINCT conversation_id FROM run WHERE id = ANY ($1)`, [
      fires.map(({ runId }) => runId),
    ]);
    expect(conversations).toHaveLength(1);
  });

  it('says so when the agent was deleted', async () => {
    const { id } = await create();
    await product.owner.delete(`/v1/agents/${agentId}`);
    expect((await product.owner.post(`/v1/schedules/${id}/run`)).status).toBe(409);
  });
});
