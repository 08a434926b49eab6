/** What lists filter, sort and page by, and the names that stand beside ids. */
import { newId } from '@nightshift/core/database';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, connectModel, createAgent, type Product, startProduct } from '../support/api/index.ts';
import { connectProgram, type Program, startProgram } from '../support/channel/index.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';

let product: Product;
let server: ModelServer;
let program: Program;

beforeAll(async () => {
  [product, server, program] = await Promise.all([startProduct(), startModelServer(), startProgram()]);
});
afterAll(() => Promise.all([product.close(), server.close(), program.close()]));

const get = (path: string) => product.owner.expect(200, product.owner.get(path));
const ids = (page: { data: { id: string }[] }) => page.data.map(({ id }) => id);

// biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
async function all(path: string): Promise<any[]> {
  const found: Awaited<ReturnType<typeof all>> = [];
  for (let cursor: string | null = null; ; ) {
    const page = await get(
      `${path}${path.includes('?') ? '&' : '?'}limit=2${cursor ? `&cursor=${cursor}` : ''}`,
    );
    found.push(...page.data);
    cursor = page.nextCursor;
    if (cursor === null) return found;
  }
}

/** A conversation that was last spoken in so many minutes ago. */
async function conversation(
  agentId: string,
  minutesAgo: number,
  more: Record<string, unknown> = {},
): Promise<string> {
  const id = newId();
  const { title = null, channelId = null, place = null, direct = true } = more;
  await product.sql(
    `INSERT INTO conversation (id, team_id, agent_id, title, channel_id, thread, thread_key, place, direct, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $10, $7, $8, now() - $9 * interval '1 minute')`,
    [id, product.id, agentId, title, channelId, '{}', place && JSON.stringify(place), direct, minutesAgo, id],
  );
  return id;
}

describe('conversations', () => {
  it('come by their last activity, whenever they were begun', async () => {
    const agentId = await createAgent(product.owner);
    const [old, late, middle] = [
      await conversation(agentId, 30),
      await conversation(agentId, 1),
      await conversation(agentId, 10),
    ];
    const list = `/v1/conversations?agentId=${agentId}`;
    expect(ids(await get(list))).toEqual([late, middle, old]);
    expect(ids(await get(`${list}&sort=created`))).toEqual([middle, late, old]);
    await product.sql(`UPDATE conversation SET updated_at = now() WHERE id = $1`, [old]);
    expect(ids(await get(list))).toEqual([old, late, middle]);
    const [{ agent }] = (await get(list)).data;
    expect(agent).toMatchObject({ id: agentId });
  });

  it('go on where a page ended, though people speak meanwhile and what stood there is gone', async () => {
    const agentId = await createAgent(product.owner);
    const made: string[] = [];
    for (const minutes of [1, 2, 3, 4, 5, 6]) made.push(await conversation(agentId, minutes));
    const list = `/v1/conversations?agentId=${agentId}&limit=2`;
    const first = await get(list);
    expect(ids(first)).toEqual(made.slice(0, 2));
    await product.sql(`UPDATE conversation SET updated_at = now() WHERE id = $1`, [made[0]]);
    await product.sql(`DELETE FROM conversation WHERE id = $1`, [made[1]]);
    const second = await get(`${list}&cursor=${first.nextCursor}`);
    expect(ids(second)).toEqual(made.slice(2, 4));
    const third = await get(`${list}&cursor=${second.nextCursor}`);
    expect(ids(third)).toEqual(made.slice(4));
    expect(third.nextCursor).toBeNull();
    for (const cursor of ['x', Buffer.from('activity now x').toString('base64url'), first.nextCursor])
      expect((await product.owner.get(`${list}&sort=created&cursor=${cursor}`)).status).toBe(400);
  });

  it('of the same moment are each on one page', async () => {
    const agentId = await createAgent(product.owner);
    const made = [];
    for (let index = 0; index < 5; index += 1) made.push(await conversation(agentId, 1));
    await product.sql(`UPDATE conversation SET updated_at = '2026-01-01' WHERE agent_id = $1`, [agentId]);
    expect((await all(`/v1/conversations?agentId=${agentId}`)).map(({ id }) => id).sort()).toEqual(
      made.sort(),
    );
  });

  it('are found by title, place and person, and by where and when they are held', async () => {
    const agentId = await createAgent(product.owner, { model: await connectModel(product.owner, server) });
    const channel = await connectProgram(product, program, { agentId });
    await program.say(channel.hookUrl, 'Where is my order?', {
      thread: 't-1',
      sender: { id: 'zoe', name: 'Zoë Q_a' },
    });
    const list = `/v1/conversations?channelId=${channel.id}`;
    await expect.poll(async () => (await get(list)).data.length).toBe(1);
    const [spoken] = ids(await get(list));
    const [person] = (await get('/v1/people?q=zo')).data;
    const own = await createAgent(product.owner);
    const room = await conversation(own, 3, {
      title: '100% done',
      channelId: channel.id,
      direct: false,
      place: { kind: 'channel', name: '#sales' },
    });
    const plain = await conversation(own, 60 * 24 * 40, { title: 'An old one' });
    const found = async (query: string) => ids(await get(`/v1/conversations?${query}`));
    expect(await found('q=SALES')).toEqual([room]);
    expect(await found(`q=${encodeURIComponent('0% d')}`)).toEqual([room]);
    expect(await found(`q=${encodeURIComponent('zoë')}`)).toEqual([spoken]);
    expect(await found(`q=${encodeURIComponent('q_A')}`)).toEqual([spoken]);
    expect(await found(`q=${encodeURIComponent('%')}&agentId=${own}`)).toEqual([room]);
    expect(await found(`personId=${person.id}`)).toEqual([spoken]);
    expect(await found(`personId=${encodeURIComponent('Zoë Q_a')}`)).toEqual([spoken]);
    expect(await found(`placeKind=channel&agentId=${own}`)).toEqual([room]);
    expect(await found(`placeKind=direct&channelId=${channel.id}`)).toEqual([spoken]);
    const day = new Date(Date.now() - 86_400_000).toISOString();
    expect(await found(`agentId=${own}&to=${day}`)).toEqual([plain]);
    expect(await found(`agentId=${own}&from=${day}`)).toEqual([room]);
    expect(await found('waiting=true')).toContain(spoken);
    expect(await found(`waiting=true&agentId=${own}`)).toEqual([]);
    expect(await found(`waiting=false&agentId=${own}`)).toHaveLength(2);
    const other = await product.addTeam('reader');
    expect((await other.owner.get('/v1/conversations?q=sales')).body.data).toEqual([]);
  });
});

describe('runs', () => {
  it('are filtered by several statuses, where they came from and when', async () => {
    const worker = await product.startWorker();
    const agentId = await createAgent(product.owner, { model: await connectModel(product.owner, server) });
    const one = await ask(product.owner, agentId, 'one');
    const two = await ask(product.owner, agentId, 'two');
    await worker.close();
    await product.sql(`UPDATE run SET status = 'failed' WHERE id = $1`, [two.runId]);
    const list = `/v1/runs?agentId=${agentId}`;
    expect(ids(await get(`${list}&status=failed,queued`))).toEqual([two.runId]);
    expect(ids(await get(`${list}&status=failed&status=succeeded`))).toEqual([two.runId, one.runId]);
    expect(ids(await get(`${list}&order=asc`))).toEqual([one.runId, two.runId]);
    expect((await all(`${list}&order=asc`)).map(({ id }) => id)).toEqual([one.runId, two.runId]);
    expect((await product.owner.get(`${list}&status=failed,nonsense`)).body).toMatchObject({
      code: 'invalid_request',
    });
    const [{ createdAt }] = (await get(`${list}&status=failed`)).data;
    expect(ids(await get(`${list}&from=${createdAt}`))).toEqual([two.runId]);
    expect(ids(await get(`${list}&to=${createdAt}`))).toEqual([one.runId]);
    const [run] = (await get(list)).data;
    expect(run).toMatchObject({ agent: { id: agentId }, channel: null, schedule: null, person: null });
    expect(ids(await get(`${list}&trigger=schedule,message`))).toEqual([]);
  });

  it('of channels, people and schedules are found by these, and name them', async () => {
    const channel = await connectProgram(product, program);
    await program.say(channel.hookUrl, 'Hello', { thread: 't-9', sender: { id: 'kim', name: 'Kim' } });
    await expect.poll(async () => (await get(`/v1/runs?channelId=${channel.id}`)).data.length).toBe(1);
    const [run] = (await get('/v1/runs?personId=Kim')).data;
    expect(run).toMatchObject({ channel: { id: channel.id }, person: { name: 'Kim' } });
    const schedule = await product.owner.expect(
      201,
      product.owner.post('/v1/schedules', {
        agentId: channel.agentId,
        name: 'Daily',
        prompt: 'x',
        everySeconds: 86_400,
      }),
    );
    await product.owner.expect(202, product.owner.post('/v1/schedules/Daily/run'));
    const [scheduled] = (await get('/v1/runs?scheduleId=Daily')).data;
    expect(scheduled).toMatchObject({ schedule: { id: schedule.id, name: 'Daily' }, trigger: 'schedule' });
  });
});

it('says how a run stands when a wait ends first', async () => {
  const agentId = await createAgent(product.owner);
  const path = `/v1/agents/${agentId}/messages?wait=1`;
  const first = await product.owner.expect(202, product.owner.post(path, { text: 'one' }));
  expect(first).toMatchObject({
    status: 'queued',
    waitsFor: { code: 'worker' },
    look: { run: `/v1/runs/${first.runId}`, events: `/v1/runs/${first.runId}/events` },
  });
  await product.sql(`UPDATE run SET waiting = $2 WHERE id = $1`, [
    first.runId,
    JSON.stringify({
      code: 'budget_exceeded',
      message: 'The budget is used up.',
      until: '2099-01-01T00:00:00.000Z',
    }),
  ]);
  const second = await product.owner.expect(
    202,
    product.owner.post(path, { text: 'two', conversationId: first.conversationId }),
  );
  expect(second).toMatchObject({ status: 'queued', waitsFor: { code: 'turn', ahead: 1 } });
  await product.sql(`UPDATE run SET waiting = NULL, status = 'running' WHERE id = $1`, [first.runId]);
  await product.sql(
    `INSERT INTO step (id, run_id, index, kind, name) VALUES ($1, $2, 0, 'tool', 'time.now')`,
    [newId(), first.runId],
  );
  const again = await product.owner.post(path, { text: 'three', conversationId: first.conversationId });
  expect(again.body.waitsFor).toMatchObject({ code: 'turn' });
});
