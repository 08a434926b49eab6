/** How records are addressed: by id, by name, by a part of the id; and what a name that is taken says. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAgent, type Product, say, startProduct } from '../support/api/index.ts';
import { type Program, startProgram } from '../support/channel/index.ts';

let product: Product;
let program: Program;

beforeAll(async () => {
  [product, program] = await Promise.all([startProduct(), startProgram()]);
});
afterAll(() => Promise.all([product.close(), program.close()]));

const get = (path: string) => product.owner.expect(200, product.owner.get(path));
const create = (collection: string, body: object) =>
  product.owner.expect(201, product.owner.post(`/v1/${collection}`, body));
const path = (collection: string, reference: string) => `/v1/${collection}/${encodeURIComponent(reference)}`;

let agentId: string;
let serial = 0;

beforeAll(async () => {
  agentId = await createAgent(product.owner);
});

/** A body for each collection that has names. */
const bodies: Record<string, () => object> = {
  agents: () => ({ instructions: 'x' }),
  channels: () => ({ ...program.channel, agentId }),
  schedules: () => ({ agentId, prompt: 'x', everySeconds: 86_400 }),
  webhooks: () => ({ url: 'https://hooks.test/in', events: ['run.finished'] }),
  budgets: () => ({ scope: 'team', window: 'day', unit: 'runs', max: '1000000' }),
};
const collections = Object.keys(bodies);
const named = (collection: string, name: string) => create(collection, { ...bodies[collection]!(), name });
const newName = (word = 'name') => `${word} ${++serial}`;

describe.each(collections)('%s', (collection) => {
  it('are addressed by name, whole id, and the beginning or the end of it', async () => {
    const { id, name } = await named(collection, newName());
    for (const reference of [name, id, id.slice(0, 35), id.slice(-8), id.slice(-12), id.replaceAll('-', '')])
      expect((await get(path(collection, reference))).id).toBe(id);
    expect((await get(`/v1/${collection}?name=${encodeURIComponent(name)}`)).data).toMatchObject([{ id }]);
    expect((await get(`/v1/${collection}?name=${encodeURIComponent(`${name}x`)}`)).data).toEqual([]);
  });

  it('refuse a name that is taken, and name what has it', async () => {
    const { id, name } = await named(collection, newName());
    const { status, body } = await product.owner.post(`/v1/${collection}`, {
      ...bodies[collection]!(),
      name,
    });
    expect(status).toBe(409);
    expect(body).toMatchObject({ code: 'conflict', existing: { id, name } });
    const other = await named(collection, newName());
    const renamed = await product.owner.patch(path(collection, other.id), { name });
    expect(renamed).toMatchObject({ status: 409, body: { existing: { id, name } } });
    // Its own name is no other's.
    await product.owner.expect(200, product.owner.patch(path(collection, id), { name }));
    const elsewhere = await product.addTeam(`team ${newName()}`);
    const theirs = await elsewhere.owner.expect(
      201,
      elsewhere.owner.post(`/v1/agents`, { name, instructions: 'x' }),
    );
    expect(theirs.name).toBe(name);
  });

  it('give a name to one of many who ask for it at once', async () => {
    const name = newName();
    const answers = await Promise.all(
      Array.from({ length: 6 }, () =>
        product.owner.post(`/v1/${collection}`, { ...bodies[collection]!(), name }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409]);
  });

  it('are made or replaced by name, once, whoever asks at once', async () => {
    const name = newName('a/b %25 ü');
    const put = () => product.owner.send('PUT', path(`${collection}/by-name`, name), bodies[collection]!());
    const answers = await Promise.all(Array.from({ length: 6 }, put));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 200, 201]);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(await put()).toMatchObject({ status: 200, body: { name } });
    expect((await get(`/v1/${collection}?name=${encodeURIComponent(name)}`)).data).toHaveLength(1);
    const mismatch = { ...bodies[collection]!(), name: 'another' };
    const refused = await product.owner.send('PUT', path(`${collection}/by-name`, name), mismatch);
    expect(refused).toMatchObject({ status: 400, body: { errors: [{ path: 'name' }] } });
  });

  it('tell what there is when nothing has the name', async () => {
    const { name } = await named(collection, newName());
    const { status, body } = await product.owner.get(path(collection, 'no such thing'));
    expect(status).toBe(404);
    expect(body.detail).toContain('"no such thing"');
    expect(body.candidates.map((each: { name: string }) => each.name)).toContain(name);
  });

  it('say what a name means that earlier versions gave twice', async () => {
    const table = collection.slice(0, -1);
    const [one, two] = [await named(collection, newName()), await named(collection, newName())];
    // The index of agents has always said so.
    if (collection === 'agents') return;
    await product.sql(`UPDATE ${table} SET name = $2 WHERE id = $1`, [two.id, one.name]);
    const { status, body } = await product.owner.get(path(collection, one.name));
    expect({ status, code: body.code }).toEqual({ status: 409, code: 'ambiguous' });
    expect(body.candidates.map(({ id }: { id: string }) => id).sort()).toEqual([one.id, two.id].sort());
    for (const { id } of [one, two]) {
      expect((await get(path(collection, id))).name).toBe(one.name);
      // Changing something else asks nothing of the name.
      await product.owner.expect(200, product.owner.patch(path(collection, id), { name: one.name }));
    }
    const put = await product.owner.send(
      'PUT',
      path(`${collection}/by-name`, one.name),
      bodies[collection]!(),
    );
    expect(put.status).toBe(409);
  });
});

it('lets no name hide an id, whatever the name looks like', async () => {
  const victim = await named('agents', newName());
  const shadow = await named('agents', victim.id);
  expect((await get(path('agents', victim.id))).name).toBe(victim.name);
  expect((await get(path('agents', shadow.id))).name).toBe(victim.id);
  const short = await named('agents', victim.id.slice(-8));
  // A name is no part of an id.
  expect((await get(path('agents', victim.id.slice(-8)))).id).toBe(short.id);
  const free = '0199c1d2-0000-7000-8000-00000000abcd';
  const named_ = await named('agents', free);
  expect((await get(path('agents', free))).id).toBe(named_.id);
  expect((await say(product.owner, encodeURIComponent(free), 'hello')).runId).toBeDefined();
});

it('finds any name that can be given, by path, filter and body', async () => {
  const part = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 12 }),
    fc.constantFrom(
      '/',
      '%',
      '%2F',
      '..',
      '?',
      '#',
      '&',
      '+',
      ' ',
      '"',
      "'",
      '\\',
      '_',
      'ß',
      '😀',
      '\u0301',
      '0199c1',
      ',',
    ),
    fc.uuid(),
  );
  const name = fc
    .array(part, { minLength: 1, maxLength: 3 })
    .map((parts) => parts.join('').trim())
    .filter((text) => text.length > 0 && text.length <= 100 && !text.includes('\0') && text.isWellFormed())
    // Clients take these for steps in the path.
    .filter((text) => !/^\.{1,2}$/.test(text));
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(name, async (text) => {
      if (seen.has(text)) return;
      seen.add(text);
      const { id } = await product.owner.expect(201, product.owner.post('/v1/agents', { name: text }));
      expect((await get(path('agents', text))).id).toBe(id);
      expect(
        (await get(`/v1/agents?name=${encodeURIComponent(text)}`)).data.map(({ id }: { id: string }) => id),
      ).toEqual([id]);
      await get(`/v1/runs?agentId=${encodeURIComponent(text)}`);
      const put = await product.owner.send('PUT', path('agents/by-name', text), {});
      expect(put).toMatchObject({ status: 200, body: { id } });
    }),
    { numRuns: 40, examples: [['😀'.repeat(50)], ['%'.repeat(100)], ['by-name'], ['a/messages']] },
  );
});

it('takes names that are the same letters for one, however they are composed', async () => {
  const letters = fc.constantFrom('é', 'ü', 'Å', 'ñ', '가', 'ệ', 'x');
  await fc.assert(
    fc.asyncProperty(fc.array(letters, { minLength: 2, maxLength: 6 }), async (parts) => {
      const name = `${newName('composed')} ${parts.join('')}`;
      const made = product.owner.post('/v1/agents', { name: name.normalize('NFD') });
      const { id } = await product.owner.expect(201, made);
      for (const form of ['NFC', 'NFD'] as const) {
        expect((await get(path('agents', name.normalize(form)))).id).toBe(id);
        const put = await product.owner.send('PUT', path('agents/by-name', name.normalize(form)), {});
        expect(put).toMatchObject({ status: 200, body: { id, name: name.normalize('NFC') } });
        expect((await product.owner.post('/v1/agents', { name: name.normalize(form) })).status).toBe(409);
      }
      // As platforms and 0.1.0 may have it.
      await product.sql('UPDATE agent SET name = $2 WHERE id = $1', [id, name.normalize('NFD')]);
      for (const form of ['NFC', 'NFD'] as const) {
        expect((await get(path('agents', name.normalize(form)))).id).toBe(id);
        const listed = await get(`/v1/agents?name=${encodeURIComponent(name.normalize(form))}`);
        expect(listed.data).toMatchObject([{ id }]);
      }
    }),
    { numRuns: 20 },
  );
});

describe('what has no name', () => {
  it('is found by a part of its id, and says what the part may mean', async () => {
    const accepted = await Promise.all([1, 2, 3].map(() => say(product.owner, agentId, 'hello')));
    const { conversationId, runId } = accepted[0]!;
    expect((await get(`/v1/runs/${runId.slice(-8)}`)).id).toBe(runId);
    expect((await get(`/v1/conversations/${conversationId.slice(-8)}`)).id).toBe(conversationId);
    expect((await get(`/v1/runs?conversationId=${conversationId.slice(-8)}`)).data).toHaveLength(1);
    expect((await get(`/v1/runs?id=${runId.slice(-8)}`)).data).toMatchObject([{ id: runId }]);
    const { status, body } = await product.owner.get(`/v1/runs/${runId.slice(0, 6)}`);
    expect({ status, code: body.code }).toEqual({ status: 409, code: 'ambiguous' });
    expect(body.candidates.map(({ id }: { id: string }) => id)).toContain(runId);
    // Shorter than that is no part of an id.
    for (const part of [runId.slice(0, 5), runId.slice(-7), '', 'zzzzzzzz', '--------'])
      expect((await product.owner.get(path('runs', part))).status).not.toBe(409);
  });

  it('is not found by another team, by any part', async () => {
    const { runId } = await say(product.owner, agentId, 'hello');
    const other = await product.addTeam(newName());
    for (const part of [runId, runId.slice(0, 30), runId.slice(-8)])
      expect((await other.owner.get(`/v1/runs/${part}`)).status).toBe(404);
  });
});

describe('in bodies and filters', () => {
  it('names stand where ids do, and an unknown one is told with the field', async () => {
    const agent = await named('agents', newName());
    const schedule = await create('schedules', {
      ...bodies.schedules!(),
      agentId: agent.name,
      name: newName(),
    });
    expect(schedule).toMatchObject({ agentId: agent.id, agent: { id: agent.id, name: agent.name } });
    const list = await get(`/v1/schedules?agentId=${encodeURIComponent(agent.name)}`);
    expect(list.data).toMatchObject([{ id: schedule.id }]);
    const budget = await create('budgets', {
      ...bodies.budgets!(),
      scope: 'schedule',
      scopeId: schedule.name,
      name: newName(),
    });
    expect(budget.subject).toEqual({ id: schedule.id, name: schedule.name });
    const unknown = await product.owner.post('/v1/schedules', {
      ...bodies.schedules!(),
      agentId: 'nobody',
      name: 'x',
    });
    expect(unknown).toMatchObject({ status: 400, body: { errors: [{ path: 'agentId' }] } });
    expect(unknown.body.detail).toContain('nobody');
    const channel = await create('channels', {
      ...bodies.channels!(),
      name: newName(),
      routes: [{ when: { keyword: 'x' }, agentId: agent.name }],
    });
    expect(channel.routes[0].agentId).toBe(agent.id);
    const filter = await product.owner.get('/v1/runs?agentId=nobody');
    expect(filter).toMatchObject({ status: 400, body: { errors: [{ path: 'agentId' }] } });
  });
});

it('gives a second channel without a name a number', async () => {
  const body = bodies.channels!();
  const first = await create('channels', body);
  const second = await create('channels', body);
  expect(second.name).toBe(`${first.name} 2`);
});

it('keeps what a replaced channel was not told anew: its secrets, and its connection where nothing changed', async () => {
  const name = newName();
  const put = (body: object) => product.owner.send('PUT', path('channels/by-name', name), body);
  const { kind, settings } = program.channel;
  const made = await put({ ...program.channel, agentId });
  const again = await put({ kind, settings, agentId });
  expect(again).toMatchObject({ status: 200, body: { credentials: made.body.credentials, generated: {} } });
  const wrong = await put({ kind: 'telegram', agentId });
  expect(wrong).toMatchObject({ status: 409, body: { existing: { name } } });
});

it('gives the name of a finished schedule back', async () => {
  const name = newName();
  const once = { ...bodies.schedules!(), everySeconds: undefined, at: '2099-01-01T00:00:00Z', name };
  const { id } = await create('schedules', once);
  await product.sql(`UPDATE schedule SET status = 'finished' WHERE id = $1`, [id]);
  const next = await create('schedules', once);
  expect((await get(path('schedules', name))).id).toBe(next.id);
  const revived = await product.owner.patch(`/v1/schedules/${id}`, {
    status: 'active',
    at: '2099-01-01T00:00:00Z',
  });
  expect(revived).toMatchObject({ status: 409, body: { existing: { id: next.id } } });
});
