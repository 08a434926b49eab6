/** An agent that schedules itself: the tools, as a model calls them. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  connectModel,
  createAgent,
  type Product,
  runEnd,
  saidIn,
  startProduct,
  stepsOf,
} from '../support/api/index.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';

let product: Product;
let server: ModelServer;
let model: string;
let agentId: string;

beforeAll(async () => {
  [product, server] = await Promise.all([startProduct(), startModelServer()]);
  model = await connectModel(product.owner, server);
  await product.startWorker();
});

afterAll(() => Promise.all([product.close(), server.close()]));

beforeEach(async () => {
  server.reset();
  agentId = await createAgent(product.owner, { model });
});

/** Says something to an agent whose model calls one tool. @returns what the tool answered, and the conversation */
async function call(name: string, args: object, conversationId?: string) {
  server.reset();
  server.script([{ toolCalls: [{ name, arguments: args as Record<string, unknown> }] }, { text: 'Done.' }]);
  const reply = await ask(product.owner, agentId, 'Do it.', conversationId);
  expect(reply.error).toBeNull();
  const [output] = server.requests.at(-1)!.toolResults;
  return { output: output ?? '', conversationId: reply.conversationId, runId: reply.runId };
}

const weekdays = {
  name: 'Stand-up',
  prompt: 'Remind Ada of the stand-up.',
  cron: '0 8 * * MON-FRI',
  timezone: 'Europe/Berlin',
};

async function schedules() {
  const { data } = await product.owner.expect(200, product.owner.get(`/v1/schedules?agentId=${agentId}`));
  return data;
}

const idIn = (output: string) => /[0-9a-f-]{36}/.exec(output)![0];

describe('schedules.create', () => {
  it('makes one that answers where it was asked for, in the timezone of the person', async () => {
    const { output, conversationId } = await call('schedules.create', weekdays);
    const [schedule] = await schedules();
    expect(schedule).toMatchObject({
      ...weekdays,
      madeByAgent: true,
      status: 'active',
      deliverTo: { conversationId },
      conversationId,
    });
    expect(output).toContain(schedule.id);
    expect(output).toContain(`next at ${schedule.nextFires[0].local}`);
    expect(schedule.nextFires[0].local).toMatch(/T08:00:00\+0[12]:00$/);
  });

  it('is told to the agent when it is time, and the answer is in the conversation', async () => {
    const { conversationId } = await call('schedules.create', weekdays);
    const [schedule] = await schedules();
    server.reset();
    server.script([{ text: 'Ada, the stand-up begins.' }]);
    const fire = await product.owner.expect(202, product.owner.post(`/v1/schedules/${schedule.id}/run`));
    await runEnd(product.owner, fire.runId);
    expect(server.requests[0]!.userText).toContain('Remind Ada of the stand-up.');
    expect((await saidIn(product.owner, conversationId)).at(-1)).toBe('assistant: Ada, the stand-up begins.');
  });

  it('writes no message when there is nothing to report', async () => {
    const { conversationId } = await call('schedules.create', weekdays);
    const [schedule] = await schedules();
    const before = await saidIn(product.owner, conversationId);
    server.reset();
    server.script([{ text: 'NOTHING_TO_REPORT' }]);
    const fire = await product.owner.expect(202, product.owner.post(`/v1/schedules/${schedule.id}/run`));
    expect((await runEnd(product.owner, fire.runId)).status).toBe('succeeded');
    const said = await saidIn(product.owner, conversationId);
    expect(said.length).toBe(before.length + 1);
    expect(said.at(-1)).toMatch(/^user: /);
  });

  it('takes a local time, and one with an offset', async () => {
    const once = { name: 'Once', prompt: 'Now.', timezone: 'Europe/Berlin' };
    await call('schedules.create', { ...once, at: '2099-07-01T08:00:00' });
    await call('schedules.create', { ...once, at: '2099-07-01T08:00:00-04:00', here: false });
    expect(await schedules()).toMatchObject([
      { at: '2099-07-01T12:00:00.000Z', deliverTo: null },
      { at: '2099-07-01T06:00:00.000Z', deliverTo: { conversationId: expect.any(String) } },
    ]);
  });

  it.each([
    [{ ...weekdays, cron: '0 0 8 * * *' }, /6 fields/],
    [{ ...weekdays, timezone: 'Berlin' }, /no IANA timezone/],
    [{ ...weekdays, cron: undefined, everySeconds: 5 }, /everySeconds/],
    [{ ...weekdays, cron: undefined }, /exactly one/],
    [{ ...weekdays, cron: undefined, at: '2020-01-01T08:00:00' }, /in the past/],
  ])('tells the model what is wrong: %j', async (args, message) => {
    const { output } = await call('schedules.create', args);
    expect(output).toMatch(message);
    expect(await schedules()).toEqual([]);
  });

  it('makes one when its step is done again after a crash', async () => {
    const { runId } = await call('schedules.create', weekdays);
    // As if the worker had died between the tool and its journal row.
    await product.sql(`UPDATE step SET status = 'started', output = NULL WHERE run_id = $1 AND index = 1`, [
      runId,
    ]);
    await product.sql(`DELETE FROM step WHERE run_id = $1 AND index = 2`, [runId]);
    await product.sql(`UPDATE run SET status = 'failed' WHERE id = $1`, [runId]);
    server.reset();
    server.script([{ text: 'Done again.' }]);
    await product.owner.expect(202, product.owner.post(`/v1/runs/${runId}/retry`));
    expect((await runEnd(product.owner, runId)).status).toBe('succeeded');
    expect((await stepsOf(product.owner, runId))[1]).toMatchObject({
      status: 'succeeded',
      output: expect.anything(),
    });
    expect(server.requests[0]!.toolResults[0]).toMatch(/^Made\. /);
    expect(await schedules()).toHaveLength(1);
  });

  it('stops at 20, however many are asked for, and says so', async () => {
    const calls = Array.from({ length: 25 }, (_, index) => ({
      name: 'schedules.create',
      arguments: { ...weekdays, name: `Copy ${index}` },
    }));
    server.script([{ toolCalls: calls }, { text: 'Done.' }]);
    await ask(product.owner, agentId, 'Schedule yourself without end.');
    expect(await schedules()).toHaveLength(20);
    const refused = server.requests.at(-1)!.toolResults.filter((output) => !output.startsWith('Made.'));
    expect(refused).toHaveLength(5);
    expect(refused[0]).toContain(
      '20 schedules that the agent made itself, of 20 that it may make: delete one first',
    );
  });
});

describe('the other tools', () => {
  it('list, change, pause and delete what the agent made', async () => {
    const { output: made, conversationId } = await call('schedules.create', weekdays);
    const id = idIn(made);
    const list = await call('schedules.list', {}, conversationId);
    expect(list.output).toContain(
      `${id} "Stand-up": cron "0 8 * * MON-FRI" in Europe/Berlin; active, next at`,
    );

    const paused = await call('schedules.update', { id, status: 'paused' }, conversationId);
    expect(paused.output).toContain('paused');
    expect((await schedules())[0]).toMatchObject({ status: 'paused', cron: weekdays.cron });

    await call(
      'schedules.update',
      { id, status: 'active', at: '2099-07-01T08:00:00', name: 'Once' },
      conversationId,
    );
    expect((await schedules())[0]).toMatchObject({
      name: 'Once',
      status: 'active',
      cron: null,
      at: '2099-07-01T06:00:00.000Z',
    });

    expect((await call('schedules.delete', { id }, conversationId)).output).toBe('Deleted.');
    expect(await schedules()).toEqual([]);
    expect((await call('schedules.delete', { id }, conversationId)).output).toContain('no such schedule');
    expect((await call('schedules.list', {}, conversationId)).output).toBe('There are no schedules.');
  });

  it('see what people made, and leave it alone; those of another agent they do not even see', async () => {
    const { id } = await product.owner.expect(
      201,
      product.owner.post('/v1/schedules', { agentId, name: 'Report', prompt: 'Report.', cron: '@daily' }),
    );
    const { output } = await call('schedules.list', {});
    expect(output).toContain(`${id} "Report"`);
    expect((await call('schedules.update', { id, status: 'paused' })).output).toContain(
      'A person made this schedule',
    );
    expect((await call('schedules.delete', { id })).output).toContain('A person made this schedule');
    expect((await schedules())[0]).toMatchObject({ status: 'active' });

    agentId = await createAgent(product.owner, { model });
    expect((await call('schedules.list', {})).output).toBe('There are no schedules.');
    expect((await call('schedules.update', { id, status: 'paused' })).output).toContain('no such schedule');
    expect((await call('schedules.delete', { id })).output).toContain('no such schedule');
  });
});
