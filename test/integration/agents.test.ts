import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, createAgent, type Product, startProduct } from '../support/api/index.ts';

let product: Product;

beforeAll(async () => {
  product = await startProduct();
});

beforeEach(() =>
  product.sql('DELETE FROM agent WHERE NOT EXISTS (SELECT FROM run WHERE agent_id = agent.id)'),
);

afterAll(() => product.close());

const create = (body: object) => product.owner.post('/v1/agents', body);
const problem = (status: number, code: string, path: string) => ({
  status,
  body: expect.objectContaining({ code, errors: [expect.objectContaining({ path })] }),
});

describe('an agent', () => {
  it('is made with defaults, and read as it was made', async () => {
    const made = await create({ name: '  Owl ' });
    expect(made).toMatchObject({
      status: 201,
      body: {
        id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
        name: 'Owl',
        instructions: '',
        model: 'auto',
        tools: {},
        limits: { maxSteps: 100, maxSeconds: 900, maxTokens: 2_000_000 },
        createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      },
    });
    expect((await product.owner.get(`/v1/agents/${made.body.id}`)).body).toEqual(made.body);
    expect((await product.owner.get('/v1/agents')).body).toEqual({ data: [made.body], nextCursor: null });
  });

  it('changes only in what is named; limits are merged', async () => {
    const { body: before } = await create({
      name: 'Owl',
      instructions: 'Hoot.',
      model: 'openai/gpt-5.4',
      tools: { 'notes.write': 'block' },
      limits: { maxSteps: 7, maxSeconds: 8 },
    });
    const patch = (body: object) =>
      product.owner.expect(200, product.owner.patch(`/v1/agents/${before.id}`, body));
    const after = await patch({ limits: { maxSeconds: 9 }, instructions: '' });
    expect(after).toEqual({
      ...before,
      instructions: '',
      limits: { ...before.limits, maxSeconds: 9 },
      updatedAt: expect.any(String),
    });
    expect(Date.parse(after.updatedAt)).toBeGreaterThanOrEqual(Date.parse(before.updatedAt));
    // The policy is one value: what is not named any more is allowed again.
    expect((await patch({ tools: { 'time.now': 'block' } })).tools).toEqual({ 'time.now': 'block' });
    expect(await patch({})).toMatchObject({ name: 'Owl', limits: { maxSteps: 7, maxSeconds: 9 } });
  });

  it.each([
    ['model', { model: 'nobody/gpt' }],
    ['model', { model: 'openai-compatible/gpt' }],
    ['tools.mail.send', { tools: { 'mail.send': 'allow' } }],
  ])('is refused with a reference to nothing: %s in %j', async (path, body) => {
    expect(await create({ name: 'a', ...body })).toMatchObject(problem(400, 'invalid_request', path));
    const id = await createAgent(product.owner);
    expect(await product.owner.patch(`/v1/agents/${id}`, body)).toMatchObject(
      problem(400, 'invalid_request', path),
    );
  });

  it('may use a custom endpoint once there is one', async () => {
    const body = { name: 'a', model: 'local-llm/some/model' };
    expect(await create(body)).toMatchObject(problem(400, 'invalid_request', 'model'));
    const endpoint = { provider: 'openai-compatible', name: 'local-llm', baseUrl: 'http://127.0.0.1:1/v1' };
    await product.owner.expect(201, product.owner.post('/v1/provider-credentials', endpoint));
    expect((await create(body)).status).toBe(201);
  });

  it('has a name of its own', async () => {
    await create({ name: 'Owl' });
    expect(await create({ name: ' Owl' })).toMatchObject(problem(409, 'conflict', 'name'));
    const other = await createAgent(product.owner);
    const renamed = await product.owner.patch(`/v1/agents/${other}`, { name: 'Owl' });
    expect(renamed).toMatchObject(problem(409, 'conflict', 'name'));
    const both = await Promise.all([create({ name: 'Twin' }), create({ name: 'Twin' })]);
    expect(both.map(({ status }) => status).sort()).toEqual([201, 409]);
  });

  it('leaves its name and its history when it is deleted', async () => {
    const worker = await product.startWorker();
    const id = await createAgent(product.owner, { name: 'Owl', model: 'demo/guide' });
    const { conversationId, runId } = await ask(product.owner, id, 'hello');
    await worker.close();
    expect((await product.owner.delete(`/v1/agents/${id}`)).status).toBe(204);

    for (const answer of [
      await product.owner.get(`/v1/agents/${id}`),
      await product.owner.patch(`/v1/agents/${id}`, { name: 'b' }),
      await product.owner.delete(`/v1/agents/${id}`),
    ]) {
      expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } });
    }
    expect((await product.owner.get('/v1/agents')).body.data).toEqual([]);
    expect((await create({ name: 'Owl' })).status).toBe(201);
    expect((await product.owner.get(`/v1/runs/${runId}`)).body.agentId).toBe(id);
    expect((await product.owner.get(`/v1/conversations/${conversationId}/messages`)).body.data).toHaveLength(
      2,
    );
    expect((await product.owner.get(`/v1/runs?agentId=${id}`)).body.data).toHaveLength(1);
  });
});

describe('lists', () => {
  /** Page by page to the end; `between` runs after the first page. */
  async function walk(limit: number, between: () => Promise<unknown> = async () => {}): Promise<string[]> {
    const names: string[] = [];
    for (let cursor = ''; ; ) {
      const { data, nextCursor } = await product.owner.expect(
        200,
        product.owner.get(`/v1/agents?limit=${limit}${cursor && `&cursor=${cursor}`}`),
      );
      names.push(...data.map(({ name }: { name: string }) => name));
      if (cursor === '') await between();
      if (nextCursor === null) return names;
      cursor = nextCursor;
    }
  }

  const newestFirst = ['a6', 'a5', 'a4', 'a3', 'a2', 'a1', 'a0'];

  beforeEach(async () => {
    for (const name of newestFirst.toReversed()) await create({ name });
  });

  it.each([1, 2, 3, 6, 7, 8, 200])('come in pages of %i, newest first, each row once', async (limit) => {
    expect(await walk(limit)).toEqual(newestFirst);
  });

  it('stay in place while rows come and go', async () => {
    const { data } = (await product.owner.get('/v1/agents')).body;
    const seen = await walk(3, async () => {
      await create({ name: 'new' });
      await product.owner.delete(`/v1/agents/${data[4].id}`);
    });
    expect(seen).toEqual(newestFirst.filter((name) => name !== 'a2'));
  });

  it('go on after a row that is gone', async () => {
    const page = (await product.owner.get('/v1/agents?limit=3')).body;
    await product.owner.delete(`/v1/agents/${page.data[2].id}`);
    const rest = (await product.owner.get(`/v1/agents?cursor=${page.nextCursor}`)).body;
    expect(rest.data.map(({ name }: { name: string }) => name)).toEqual(newestFirst.slice(3));
  });
});
