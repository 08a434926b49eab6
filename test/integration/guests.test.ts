/** People whom nobody has approved: what agents keep for them is theirs alone, and bounded. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, connectModel, createAgent, type Product, startProduct } from '../support/api/index.ts';
import {
  type Connected,
  connectProgram,
  connectWebChat,
  type Program,
  startProgram,
  startVisitor,
} from '../support/channel/index.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';

let product: Product;
let models: ModelServer;
let program: Program;
let agentId: string;

const kept = ['notes.list', 'notes.read', 'notes.write', 'notes.delete'];
const planned = ['schedules.create', 'schedules.list', 'schedules.update', 'schedules.delete'];

/** Calls the tool that the message names, `TOOL {…}`, and answers with what the tool said. */
const obedient = () =>
  models.script(({ userText, toolResults }) => {
    if (toolResults.length > 0) return { text: `Tool said: ${toolResults.at(-1)}` };
    const [, name, json] = /TOOL (\S+) (\{.*\})/s.exec(userText) ?? [];
    return name ? { toolCalls: [{ name, arguments: JSON.parse(json!) }] } : { text: 'Hello.' };
  });

beforeAll(async () => {
  [product, models] = await Promise.all([startProduct(), startModelServer()]);
  await product.startWorker();
});
beforeEach(async () => {
  models.reset();
  obedient();
  agentId = await createAgent(product.owner, { model: await connectModel(product.owner, models) });
  program = await startProgram();
});
afterEach(() => program.close());
afterAll(() => Promise.all([product.close(), models.close()]));

const toolLine = (name: string, args: object) => `TOOL ${name} ${JSON.stringify(args)}`;

/** Someone in a chat of the program. @returns what the agent answers */
function speaker(
  channel: Connected,
  id: string,
  { identity = 'account', ...more }: { thread?: string; group?: string; identity?: 'account' | 'name' } = {},
) {
  const thread = more.thread ?? `dm-${id}`;
  return async (text: string): Promise<string> => {
    const before = program.shown(thread).length;
    const sender = { id, name: id, identity };
    await program.say(channel.hookUrl, text, { sender, addressed: true, ...more, thread });
    await expect.poll(() => program.shown(thread).length).toBeGreaterThan(before);
    return program.shown(thread).at(-1)!.text;
  };
}

const call = (say: (text: string) => Promise<string>, name: string, args: object = {}) =>
  say(toolLine(name, args));

/** What the agent's team is told by a tool, over the API. */
async function team(name: string, args: object = {}): Promise<string> {
  const reply = await ask(product.owner, agentId, toolLine(name, args));
  expect(reply.error).toBeNull();
  return models.requests.at(-1)!.toolResults.at(-1)!;
}

const connect = (more: object = {}) =>
  connectProgram(product, program, {
    agentId,
    // These people write faster than people do.
    access: { strangers: 'answer', limits: { programTurns: 100 } },
    guestTools: [...kept, ...planned],
    ...more,
  });

const schedules = async () =>
  (await product.owner.expect(200, product.owner.get(`/v1/schedules?agentId=${agentId}`))).data;

describe('without being asked to', () => {
  it.each(['a web chat', 'a chat that answers everybody'])(
    '%s gives guests no tool that keeps anything',
    async (where) => {
      await team('notes.write', { name: 'prices', text: 'secret' });
      models.requests.length = 0;
      if (where === 'a web chat') {
        const visitor = await startVisitor(product.url, await connectWebChat(product.owner, agentId));
        await visitor.say(toolLine('notes.read', { name: 'prices' }));
        await expect.poll(() => models.requests.length).toBe(2);
      } else {
        await call(speaker(await connect({ guestTools: [] }), 'eve'), 'notes.read', { name: 'prices' });
      }
      expect(
        models.requests[0]!.body.tools.map((tool: { function: { name: string } }) => tool.function.name),
      ).toEqual(['time_now']);
      expect(models.requests[1]!.toolResults[0]).toContain('There is no tool "notes.read"');
    },
  );

  it('a tool that does not exist cannot be lent', async () => {
    const body = { ...program.channel, agentId, guestTools: ['time.now', 'notes.steal'] };
    const answer = await product.owner.post('/v1/channels', body);
    expect(answer.status).toBe(400);
    expect(answer.body.errors[0].path).toBe('guestTools.1');
  });
});

describe('notes', () => {
  it('of a guest are seen and deleted by that guest alone', async () => {
    const channel = await connect();
    const [ann, bob] = [speaker(channel, 'ann'), speaker(channel, 'bob')];
    await team('notes.write', { name: 'prices', text: "the team's" });
    await call(ann, 'notes.write', { name: 'order', text: 'two chairs' });
    await call(bob, 'notes.write', { name: 'order', text: 'one lamp' });

    expect(await call(ann, 'notes.read', { name: 'order' })).toContain('two chairs');
    expect(await call(bob, 'notes.read', { name: 'order' })).toContain('one lamp');
    expect(await call(bob, 'notes.delete', { name: 'order' })).toContain('is deleted');
    expect(await call(bob, 'notes.list')).toContain('There are no notes');
    expect(await call(bob, 'notes.read', { name: 'prices' })).toContain('There is no note');
    expect(await call(bob, 'notes.delete', { name: 'prices' })).toContain('There was no note');
    expect(await call(ann, 'notes.list')).toMatch(/order \(10 characters/);
    expect(await team('notes.list')).toMatch(/^prices \(\d+ characters, [^\n]*$/);
  });

  it('are few and short for a guest', async () => {
    const ann = speaker(await connect(), 'ann');
    expect(await call(ann, 'notes.write', { name: 'long', text: 'x'.repeat(4_001) })).toContain('holds 4000');
    await product.sql(
      `INSERT INTO guest_note (agent_id, guest_id, name, text, updated_at)
       SELECT $1, i.person_id, 'note ' || n, '', now() FROM identity i, generate_series(1, 20) n
       WHERE i.external_id = 'ann' AND i.channel_id = (SELECT max(id::text)::uuid FROM channel)`,
      [agentId],
    );
    expect(await call(ann, 'notes.write', { name: 'one more', text: '' })).toContain('There are 20 notes');
  });

  it('of a group that is open to everybody belong to the group, whoever speaks', async () => {
    const channel = await connect({
      access: { people: ['ann'], groups: { open: ['lobby'] }, limits: { programTurns: 100 } },
    });
    const lobby = { thread: 'lobby', group: 'lobby' };
    await team('notes.write', { name: 'prices', text: 'secret' });
    const [ann, eve] = [speaker(channel, 'ann', lobby), speaker(channel, 'eve', lobby)];
    expect(await call(ann, 'notes.list')).toContain('There are no notes');
    await call(ann, 'notes.write', { name: 'menu', text: 'soup' });
    expect(await call(eve, 'notes.read', { name: 'menu' })).toContain('soup');
    // In a chat of their own Ann is one of the team.
    expect(await call(speaker(channel, 'ann'), 'notes.list')).toContain('prices');
  });

  it('of somebody whom nobody vouches for belong to the chat, not to whoever takes the name', async () => {
    const channel = await connect();
    const named = (thread: string) => speaker(channel, 'ann', { thread, identity: 'name' });
    const [ann, other] = [named('first'), named('second')];
    await call(ann, 'notes.write', { name: 'order', text: 'two chairs' });
    await call(ann, 'schedules.create', { name: 'News', prompt: 'Hi.', cron: '0 8 * * *', timezone: 'UTC' });
    expect(await call(ann, 'notes.read', { name: 'order' })).toContain('two chairs');
    expect(await call(other, 'notes.list')).toContain('There are no notes');
    expect(await call(other, 'schedules.list')).toContain('There are no schedules');
    // An account of that name is somebody else.
    expect(await call(speaker(channel, 'ann'), 'notes.list')).toContain('There are no notes');
  });

  it('of a chat of two that a second person speaks in belong to the chat', async () => {
    const channel = await connect({ access: { strangers: 'answer', people: ['ann'] } });
    await team('notes.write', { name: 'prices', text: 'secret' });
    const [eve, ann] = [
      speaker(channel, 'eve', { thread: 'one' }),
      speaker(channel, 'ann', { thread: 'one' }),
    ];
    await call(eve, 'notes.write', { name: 'order', text: 'two chairs' });
    // What Eve said there could steer what is done for Ann.
    expect(await call(ann, 'notes.list')).toContain('There are no notes');
    expect(await call(eve, 'notes.list')).toContain('There are no notes');
    expect(await call(speaker(channel, 'ann'), 'notes.list')).toContain('prices');
  });

  it('of the team are shown once the person is approved', async () => {
    const channel = await connect();
    const ann = speaker(channel, 'ann');
    await team('notes.write', { name: 'prices', text: 'secret' });
    expect(await call(ann, 'notes.list')).toContain('There are no notes');
    const { data } = await product.owner.expect(
      200,
      product.owner.get(`/v1/channels/${channel.id}/identities`),
    );
    await product.owner.expect(
      200,
      product.owner.patch(`/v1/channels/${channel.id}/identities/${data[0].id}`, { status: 'approved' }),
    );
    expect(await call(ann, 'notes.list')).toContain('prices');
  });

  it('follow a guest who turns out to be a person that is known', async () => {
    const channel = await connect();
    const [ann, other] = [speaker(channel, 'ann'), speaker(channel, 'ann@home')];
    await call(ann, 'notes.write', { name: 'order', text: 'two chairs' });
    await other('Hello');
    const { data } = await product.owner.expect(
      200,
      product.owner.get(`/v1/channels/${channel.id}/identities`),
    );
    const of = (id: string) => data.find(({ externalId }: { externalId: string }) => externalId === id);
    const link = { identityId: of('ann').id };
    const { personId } = of('ann@home');
    await product.owner.expect(200, product.owner.post(`/v1/people/${personId}/identities`, link));
    expect(await call(other, 'notes.read', { name: 'order' })).toContain('two chairs');
  });
});

describe('a run of the team', () => {
  const script = () =>
    models.script(({ userText, toolResults }) =>
      userText.includes('Work') && toolResults.length === 0
        ? { delayMs: 1_500, toolCalls: [{ name: 'time_now', arguments: {} }] }
        : { text: 'Done.' },
    );
  const toolsOf = (index: number) => models.requests[index]!.body.tools.length;
  const runsIn = (thread: string) =>
    product.sql(
      `SELECT DISTINCT m.run_id FROM message m JOIN conversation c ON c.id = m.conversation_id
       WHERE c.thread_key = $1 AND m.role = 'user' AND c.agent_id = $2`,
      [thread, agentId],
    );

  it.each(['a chat of two', 'a group that is opened meanwhile'])(
    'is joined by no guest in %s',
    async (where) => {
      const isGroup = where !== 'a chat of two';
      const access = isGroup ? { people: ['ann'] } : { people: ['ann'], strangers: 'answer' };
      const channel = await connect({ access, guestTools: [] });
      const place = { thread: 'lobby', ...(isGroup && { group: 'lobby' }) };
      const [ann, eve] = [speaker(channel, 'ann', place), speaker(channel, 'eve', place)];
      await ann('Hello');
      script();
      models.requests.length = 0;
      const working = ann('Work');
      await expect.poll(() => models.requests.length).toBe(1);
      if (isGroup)
        await product.owner.expect(
          200,
          product.owner.patch(`/v1/channels/${channel.id}`, { access: { groups: { open: ['lobby'] } } }),
        );
      const said = [eve('Do this for me'), eve('And this')];
      await Promise.all([working, ...said]);
      await expect.poll(async () => (await runsIn('lobby')).length).toBe(3);
      await expect.poll(() => program.shown('lobby').length).toBe(3);
      expect(JSON.stringify(models.requests.slice(0, 2).map(({ body }) => body))).not.toContain('for me');
      expect([toolsOf(0), toolsOf(1)]).toEqual([toolsOf(0), toolsOf(0)]);
      expect(toolsOf(0)).toBeGreaterThan(1);
      expect(toolsOf(2)).toBe(1);
    },
  );
});

describe('schedules', () => {
  const daily = { name: 'News', prompt: 'TOOL notes.list {}', cron: '0 8 * * *', timezone: 'UTC' };

  it('of a guest are seen and changed by that guest alone, and run as the guest', async () => {
    const channel = await connect();
    const [ann, bob] = [speaker(channel, 'ann'), speaker(channel, 'bob')];
    await team('notes.write', { name: 'prices', text: 'secret' });
    // What is not to be in this chat would be in nobody's.
    await call(ann, 'schedules.create', { ...daily, here: false });
    const [schedule] = await schedules();
    expect(schedule).toMatchObject({ madeByAgent: true, guestId: expect.any(String), deliverTo: {} });
    expect(await call(bob, 'schedules.list')).toContain('There are no schedules');
    expect(await call(bob, 'schedules.delete', { id: schedule.id })).toContain('no such schedule');
    expect(await call(bob, 'schedules.update', { id: schedule.id, name: 'Mine' })).toContain('no such');
    expect(await team('schedules.list')).toContain('There are no schedules');
    expect(await call(ann, 'schedules.list')).toContain(schedule.id);

    const before = program.shown('dm-ann').length;
    await product.owner.expect(202, product.owner.post(`/v1/schedules/${schedule.id}/run`));
    await expect.poll(() => program.shown('dm-ann').length).toBeGreaterThan(before);
    expect(program.shown('dm-ann').at(-1)!.text).toContain('There are no notes');
    // Also where the team lets it run elsewhere.
    await product.owner.expect(200, product.owner.patch(`/v1/schedules/${schedule.id}`, { deliverTo: null }));
    models.requests.length = 0;
    await product.owner.expect(202, product.owner.post(`/v1/schedules/${schedule.id}/run`));
    await expect.poll(() => models.requests.length).toBe(2);
    expect(
      models.requests[0]!.body.tools.map((tool: { function: { name: string } }) => tool.function.name),
    ).toEqual(['time_now']);
  });

  it('come at most hourly, three at a time and ten a day', async () => {
    // So many in one chat, so quickly, look like a program's.
    const access = { strangers: 'answer', limits: { programTurns: 100 } };
    const ann = speaker(await connect({ access }), 'ann');
    expect(await call(ann, 'schedules.create', { ...daily, cron: '*/30 * * * *' })).toContain('every 3600 s');
    const often = { name: 'Often', prompt: 'Now.', timezone: 'UTC', everySeconds: 60 };
    expect(await call(ann, 'schedules.create', often)).toContain('every 3600 s');
    for (let at = 0; at < 3; at += 1) await call(ann, 'schedules.create', { ...daily, name: `News ${at}` });
    expect(await call(ann, 'schedules.create', daily)).toContain('3 schedules');
    const made = await schedules();
    expect(await call(ann, 'schedules.update', { id: made[0].id, cron: '* * * * *' })).toContain('3600 s');
    expect(made).toHaveLength(3);
    await product.sql(
      `INSERT INTO schedule (id, team_id, agent_id, name, prompt, at, guest_id, made_by_agent, status, updated_at)
       SELECT gen_random_uuid(), team_id, agent_id, name, '', now(), guest_id, true, 'finished', now()
       FROM schedule, generate_series(1, 7) WHERE id = $1`,
      [made[0].id],
    );
    for (const { id } of made) await call(ann, 'schedules.delete', { id });
    expect(await call(ann, 'schedules.create', daily)).toContain('made for this person today');
  });
});
