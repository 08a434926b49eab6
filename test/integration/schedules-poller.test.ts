/** Schedules as the workers see them: one fire a slot, one run a fire, whatever happens in between. */
import type { ScheduleFire } from '@nightshift/contracts';
import { threadLane } from '@nightshift/core/channels';
import { openDatabase } from '@nightshift/core/database';
import { createLog } from '@nightshift/core/log';
import { createMetrics } from '@nightshift/core/metrics';
import { claimDueSlots, openFire, pauseFailing } from '@nightshift/core/schedules';
import { startScheduler } from '@nightshift/worker/scheduler';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAgent, type Product, runEnd, saidIn, say, startProduct } from '../support/api/index.ts';

let product: Product;
let agentId: string;
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  product = await startProduct();
});

afterAll(() => product.close());

beforeEach(async () => {
  agentId = await createAgent(product.owner);
});

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
  await product.sql(`UPDATE schedule SET deleted_at = now()`);
});

/** A poller as another worker would have it, with connections of its own. */
function startPoller(): void {
  const db = openDatabase({
    url: product.env.databaseUrl,
    poolSize: 4,
    relaxedPoolSize: 1,
    applicationName: 'poller',
    onConnectionError: () => {},
  });
  const log = createLog('test', 'silent');
  const { conversations } = product.deps;
  const metrics = createMetrics('worker');
  const scheduler = startScheduler({ db, conversations, metrics, log });
  stops.push(async () => {
    await scheduler.close();
    await db.close();
  });
}

/** A whole worker, until the test ends. */
async function startWorker(): Promise<void> {
  const worker = await product.startWorker();
  stops.push(worker.close);
}

const create = async (body: object = {}) => {
  // A name is one schedule's; those of earlier tests give it back.
  await product.sql(`UPDATE schedule SET name = id::text WHERE name = 'Brief'`);
  return product.owner.expect(
    201,
    product.owner.post('/v1/schedules', {
      agentId,
      name: 'Brief',
      prompt: 'Say it.',
      everySeconds: 600,
      ...body,
    }),
  );
};
const read = (id: string) => product.owner.expect(200, product.owner.get(`/v1/schedules/${id}`));
const firesOf = async (id: string): Promise<ScheduleFire[]> =>
  (await product.owner.expect(200, product.owner.get(`/v1/schedules/${id}/fires`))).data;
const runsOf = (id: string) =>
  product.sql(
    `SELECT r.* FROM run r JOIN schedule_fire f ON f.run_id = r.id WHERE f.schedule_id = $1 ORDER BY r.created_at`,
    [id],
  );

/** As if its next slot had been so many seconds ago. */
const makeDue = (id: string, secondsAgo = 0) =>
  product.sql(
    `UPDATE schedule SET next_at = slot, due_at = slot
     FROM (SELECT date_trunc('milliseconds', now()) - $2 * interval '1 second' AS slot) AS past WHERE id = $1`,
    [id, secondsAgo],
  );

const endRuns = (status: string) =>
  product.sql(
    `UPDATE run SET status = $1::run_status, ended_at = now() WHERE status IN ('queued', 'running')`,
    [status],
  );

describe('six pollers on one database', () => {
  it('give each of 200 schedules one fire and one run for a slot they share', async () => {
    const slot = new Date(Date.now() + 2_000);
    await product.sql(
      `INSERT INTO schedule (id, team_id, agent_id, name, prompt, every_seconds, next_at, due_at, updated_at)
       SELECT uuidv7(), team_id, id, 'many', 'Say it.', 3600, $2, $2, now() FROM agent, generate_series(1, 200)
       WHERE id = $1`,
      [agentId, slot],
    );
    for (let poller = 0; poller < 6; poller += 1) startPoller();
    const count = async () =>
      (
        await product.sql(
          `SELECT count(*)::int AS fires, count(DISTINCT f.schedule_id)::int AS schedules,
             count(DISTINCT r.id)::int AS runs, count(DISTINCT r.conversation_id)::int AS conversations,
             count(*) FILTER (WHERE f.fire_at <> $2 OR f.created_at < $2)::int AS wrong
           FROM schedule_fire f JOIN schedule s ON s.id = f.schedule_id
           LEFT JOIN run r ON r.agent_id = s.agent_id AND r.id = f.run_id WHERE s.agent_id = $1`,
          [agentId, slot],
        )
      )[0];
    await expect.poll(count).toEqual({
      fires: 200,
      schedules: 200,
      runs: 200,
      conversations: 200,
      wrong: 0,
    });
    const [{ runs }] = await product.sql(`SELECT count(*)::int AS runs FROM run WHERE agent_id = $1`, [
      agentId,
    ]);
    expect(runs).toBe(200);
    const next = await product.sql(`SELECT DISTINCT next_at FROM schedule WHERE agent_id = $1`, [agentId]);
    expect(next).toEqual([{ next_at: new Date(slot.getTime() + 3_600_000) }]);
  });
});

describe('a slot', () => {
  it('is told to the agent in a conversation of the schedule, each time the same one', async () => {
    await startWorker();
    const schedule = await create({ name: 'Morning brief', timezone: 'Asia/Kathmandu', everySeconds: 1 });
    await expect
      .poll(
        async () => (await firesOf(schedule.id)).filter(({ runStatus }) => runStatus === 'succeeded').length,
        {
          timeout: 120_000,
        },
      )
      .toBeGreaterThanOrEqual(2);
    await product.owner.patch(`/v1/schedules/${schedule.id}`, { status: 'paused' });
    const { conversationId } = await read(schedule.id);
    const runs = await runsOf(schedule.id);
    expect(new Set(runs.map((run) => run.conversation_id))).toEqual(new Set([conversationId]));
    const said = await saidIn(product.owner, conversationId);
    expect(said[0]).toMatch(
      /^user: Say it\.\n\n\[Schedule "Morning brief", due at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+05:45 \(Asia\/Kathmandu\)\. If there is nothing worth saying, answer exactly NOTHING_TO_REPORT\.\]$/,
    );
    expect(said[1]).toMatch(/^assistant: /);
    const conversation = await product.owner.expect(
      200,
      product.owner.get(`/v1/conversations/${conversationId}`),
    );
    expect(conversation.title).toBe('Morning brief');
  });

  it('has a run of its own also in a conversation that is busy', async () => {
    const { conversationId, runId } = await say(product.owner, agentId, 'hello');
    const { id } = await create({ deliverTo: { conversationId } });
    await makeDue(id);
    startPoller();
    await expect.poll(async () => (await firesOf(id))[0]?.status).toBe('fired');
    const [run] = await runsOf(id);
    expect(run).toMatchObject({ conversation_id: conversationId, trigger: 'schedule' });
    expect(run.id).not.toBe(runId);
  });

  it('is finished after a single time', async () => {
    const { id } = await create({ everySeconds: undefined, at: new Date(Date.now() + 1_000).toISOString() });
    startPoller();
    await expect.poll(async () => (await firesOf(id))[0]?.status).toBe('fired');
    expect(await read(id)).toMatchObject({ status: 'finished', nextFires: [] });
    expect((await firesOf(id))[0]!.driftMs).toBeGreaterThanOrEqual(0);
  });

  it('waits for its jitter', async () => {
    const { id } = await create({ jitterSeconds: 300 });
    const [row] = await product.sql(`SELECT due_at, next_at FROM schedule WHERE id = $1`, [id]);
    const jitter = row.due_at.getTime() - row.next_at.getTime();
    expect(jitter).toBeGreaterThan(0);
    await product.sql(
      `UPDATE schedule SET next_at = now(), due_at = now() + interval '1 minute' WHERE id = $1`,
      [id],
    );
    expect((await claimDueSlots(product.db)).taken).toEqual([]);
  });

  it('is not taken up twice when the clock jumps back', async () => {
    const { id } = await create();
    await makeDue(id, 10);
    const [{ next_at: slot }] = await product.sql(`SELECT next_at FROM schedule WHERE id = $1`, [id]);
    expect((await claimDueSlots(product.db)).due).toHaveLength(1);
    await product.sql(`UPDATE schedule SET next_at = $2, due_at = $2 WHERE id = $1`, [id, slot]);
    await product.sql(`UPDATE schedule_fire SET status = 'fired' WHERE schedule_id = $1`, [id]);
    expect(await claimDueSlots(product.db)).toMatchObject({ due: [], taken: [] });
    expect(await firesOf(id)).toHaveLength(1);
  });
});

describe('a crash', () => {
  it('between the fire and its run: another worker opens it, with the message it would have had', async () => {
    const { id } = await create();
    await makeDue(id, 30);
    const { due } = await claimDueSlots(product.db);
    expect(due).toMatchObject([{ scheduleId: id, slots: 1 }]);
    expect(await firesOf(id)).toMatchObject([{ status: 'due', runId: null, runStatus: null }]);
    startPoller();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await firesOf(id))[0]!.status).toBe('due');
    await product.sql(
      `UPDATE schedule_fire SET created_at = now() - interval '6 seconds' WHERE schedule_id = $1`,
      [id],
    );
    await expect.poll(async () => (await firesOf(id))[0]!.status).toBe('fired');
    expect(await runsOf(id)).toHaveLength(1);
    expect((await saidIn(product.owner, due[0]!.conversationId))[0]).toMatch(
      /^user: Say it\.\n\n\[Schedule "Brief"/,
    );
  });

  it('between the run and the mark on its fire: the run is found again', async () => {
    const { id } = await create();
    await makeDue(id);
    const { due } = await claimDueSlots(product.db);
    const opened = await openFire(product.db, due[0]!);
    await product.sql(`UPDATE schedule_fire SET status = 'due', run_id = NULL WHERE schedule_id = $1`, [id]);
    expect(await openFire(product.db, due[0]!)).toMatchObject({ runId: opened!.runId, duplicate: true });
    expect(await firesOf(id)).toMatchObject([{ status: 'fired', runId: opened!.runId }]);
    expect(await saidIn(product.owner, opened!.conversationId)).toHaveLength(1);
  });

  it('or not: two workers that open one fire at once open one run', async () => {
    const { id } = await create();
    await makeDue(id);
    const { due } = await claimDueSlots(product.db);
    const opened = await Promise.all([1, 2, 3, 4].map(() => openFire(product.db, due[0]!)));
    expect(new Set(opened.map((accepted) => accepted?.runId)).size).toBe(1);
    expect(await saidIn(product.owner, due[0]!.conversationId)).toHaveLength(1);
  });
});

describe('after downtime', () => {
  it('once: one run is told how many slots it stands for', async () => {
    const { id } = await create();
    await makeDue(id, 3_000);
    startPoller();
    await expect.poll(async () => (await firesOf(id))[0]?.status).toBe('fired');
    const fires = await firesOf(id);
    expect(fires).toHaveLength(1);
    expect(fires[0]).toMatchObject({
      slots: 6,
      reason: expect.stringMatching(/^No worker .* 6 slots from 20/),
    });
    const { conversationId, nextFires } = await read(id);
    expect((await saidIn(product.owner, conversationId))[0]).toContain('This one run stands for 6 slots');
    expect(new Date(nextFires[0].at).getTime()).toBeGreaterThan(Date.now());
  });

  it('skip: one row says how many were missed', async () => {
    const { id } = await create({ misfire: 'skip' });
    await makeDue(id, 1_500);
    await claimDueSlots(product.db);
    expect(await firesOf(id)).toMatchObject([{ status: 'skipped', slots: 3, runId: null }]);
  });

  it('all: a run each, in the order of their slots', async () => {
    const { id } = await create({ misfire: 'all', everySeconds: 60 });
    await makeDue(id, 125 * 60 + 30);
    startPoller();
    await expect.poll(async () => (await runsOf(id)).length).toBe(101);
    const rows = await product.sql(
      `SELECT f.fire_at, f.status, f.slots FROM schedule_fire f LEFT JOIN run r ON r.id = f.run_id
       WHERE f.schedule_id = $1 ORDER BY r.created_at NULLS FIRST, r.id`,
      [id],
    );
    expect(rows[0]).toMatchObject({ status: 'skipped', slots: 25 });
    const slots = rows.map((row) => row.fire_at.getTime());
    expect(slots).toEqual(slots.toSorted((a, b) => a - b));
  });
});

describe('overlap', () => {
  it('skip: a slot whose run before is still going has a row and no run', async () => {
    const { id } = await create();
    await makeDue(id);
    const first = await claimDueSlots(product.db);
    await makeDue(id);
    // Not even opened yet, and going all the same.
    expect(await claimDueSlots(product.db)).toMatchObject({ due: [], taken: [{ outcome: 'overlap' }] });
    await openFire(product.db, first.due[0]!);
    await makeDue(id);
    expect(await claimDueSlots(product.db)).toMatchObject({ due: [] });
    await endRuns('succeeded');
    await makeDue(id);
    expect(await claimDueSlots(product.db)).toMatchObject({ due: [{ scheduleId: id }] });
    const fires = await firesOf(id);
    expect(fires.map(({ status }) => status)).toEqual(['due', 'skipped', 'skipped', 'fired']);
    expect(fires[1]?.reason).toBe('The run before had not ended.');
  });

  it('queue: it waits its turn', async () => {
    const { id } = await create({ overlap: 'queue' });
    for (let slot = 0; slot < 3; slot += 1) {
      await makeDue(id);
      const { due } = await claimDueSlots(product.db);
      await openFire(product.db, due[0]!);
    }
    const runs = await runsOf(id);
    expect(runs.map(({ status }) => status)).toEqual(['queued', 'queued', 'queued']);
    expect(new Set(runs.map((run) => run.conversation_id)).size).toBe(1);
  });
});

describe('failures', () => {
  /** One slot, and how its run ends. */
  async function slot(id: string, status: string) {
    await makeDue(id);
    const { due } = await claimDueSlots(product.db);
    await openFire(product.db, due[0]!);
    await endRuns(status);
  }

  it('pause it after five in a row, and it says so where its answers go', async () => {
    await startWorker();
    const failing = await createAgent(product.owner, { model: 'openai/gpt-5' });
    const { id } = await create({ agentId: failing, name: 'Hopeless', everySeconds: 1 });
    await expect.poll(async () => (await read(id)).status).toBe('paused');
    const { pausedReason, conversationId, nextFires } = await read(id);
    expect(pausedReason).toContain('5 failed runs in a row');
    expect(nextFires).toEqual([]);
    const failures = (await runsOf(id)).length;
    expect(failures).toBeGreaterThanOrEqual(5);
    const said = await saidIn(product.owner, conversationId);
    const told = said.filter((message) => message.startsWith('assistant: '));
    expect(told).toEqual([
      expect.stringContaining('The schedule "Hopeless" paused itself after 5 failed runs'),
    ]);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect((await runsOf(id)).length).toBe(failures);
  });

  it('are told in the chat that the answers go to, and to webhooks', async () => {
    const [channel] = await product.sql(
      `INSERT INTO channel (id, team_id, kind, name, settings, hook_key, updated_at)
       VALUES (uuidv7(), $1, 'telegram', uuidv7()::text, '{}', uuidv7()::text, now()) RETURNING id`,
      [product.id],
    );
    const { conversationId } = await say(product.owner, agentId, 'hello');
    const webhook = await product.owner.expect(
      201,
      product.owner.post('/v1/webhooks', { url: 'https://example.org/hook', events: ['message.created'] }),
    );
    await product.sql(`UPDATE conversation SET channel_id = $2, thread_key = 'a' WHERE id = $1`, [
      conversationId,
      channel.id,
    ]);
    const { id } = await create({ deliverTo: { conversationId } });
    for (let failure = 0; failure < 5; failure += 1) await slot(id, 'failed');
    await pauseFailing(product.db);
    const deliveries = await product.sql(
      `SELECT d.lane, d.event, m.content->0->>'text' AS text FROM delivery d JOIN message m ON m.id = d.message_id
       WHERE d.conversation_id = $1 ORDER BY d.channel_id`,
      [conversationId],
    );
    expect(deliveries).toEqual(
      [threadLane(channel.id, 'a'), `${webhook.id}/${conversationId}`].map((lane) => ({
        lane,
        event: 'message.created',
        text: expect.stringContaining('paused itself'),
      })),
    );
    await product.owner.expect(204, product.owner.delete(`/v1/webhooks/${webhook.id}`));
  });

  it('do not count when a budget stopped the run: that says nothing of the schedule', async () => {
    const { id } = await create();
    for (let failure = 0; failure < 5; failure += 1) await slot(id, 'failed');
    await product.sql(
      `UPDATE run SET error = '{"code": "budget_exceeded"}' WHERE id = (SELECT run_id FROM schedule_fire WHERE schedule_id = $1 ORDER BY fire_at LIMIT 1)`,
      [id],
    );
    expect((await pauseFailing(product.db)).filter((paused) => paused.id === id)).toEqual([]);
    await slot(id, 'failed');
    expect((await pauseFailing(product.db)).filter((paused) => paused.id === id)).toHaveLength(1);
  });

  it('do not count when a run in between ended well, nor from before it was resumed', async () => {
    const { id } = await create();
    for (const status of ['failed', 'failed', 'failed', 'failed', 'succeeded', 'failed'])
      await slot(id, status);
    expect(await pauseFailing(product.db)).toEqual([]);
    for (let failure = 0; failure < 4; failure += 1) await slot(id, 'failed');
    const paused = await Promise.all([pauseFailing(product.db), pauseFailing(product.db)]);
    expect(paused.flat()).toMatchObject([{ id }]);
    await product.owner.expect(200, product.owner.patch(`/v1/schedules/${id}`, { status: 'active' }));
    expect(await pauseFailing(product.db)).toEqual([]);
    for (let failure = 0; failure < 4; failure += 1) await slot(id, 'failed');
    expect(await pauseFailing(product.db)).toEqual([]);
    await slot(id, 'failed');
    expect(await pauseFailing(product.db)).toMatchObject([{ id }]);
  });
});

describe('a deleted agent', () => {
  it('is no longer told: the slot says why, and the schedule pauses', async () => {
    const { id } = await create();
    await product.owner.delete(`/v1/agents/${agentId}`);
    await makeDue(id);
    expect(await claimDueSlots(product.db)).toMatchObject({ due: [], taken: [{ outcome: 'agent_deleted' }] });
    expect(await firesOf(id)).toMatchObject([{ status: 'skipped', reason: 'The agent was deleted.' }]);
    expect(await read(id)).toMatchObject({ status: 'paused', pausedReason: 'The agent was deleted.' });
  });

  it('just after a slot was taken up: the same', async () => {
    const { id } = await create();
    await makeDue(id);
    const { due } = await claimDueSlots(product.db);
    await product.owner.delete(`/v1/agents/${agentId}`);
    expect(await openFire(product.db, due[0]!)).toBeNull();
    expect(await firesOf(id)).toMatchObject([{ status: 'skipped', runId: null }]);
    expect(await read(id)).toMatchObject({ status: 'paused' });
  });
});

it('opens nothing of a schedule that was deleted meanwhile', async () => {
  const { id } = await create();
  await makeDue(id);
  await claimDueSlots(product.db);
  await product.owner.delete(`/v1/schedules/${id}`);
  const [fire] = await product.sql(`SELECT status, reason FROM schedule_fire WHERE schedule_id = $1`, [id]);
  expect(fire).toEqual({ status: 'skipped', reason: 'The schedule was deleted.' });
});

it('runs now in the worker too', async () => {
  await startWorker();
  const { id } = await create();
  const { runId } = await product.owner.expect(202, product.owner.post(`/v1/schedules/${id}/run`));
  expect((await runEnd(product.owner, runId)).status).toBe('succeeded');
  const { conversationId } = await read(id);
  expect((await saidIn(product.owner, conversationId))[0]).toContain('[Schedule "Brief", run now by hand.');
});
