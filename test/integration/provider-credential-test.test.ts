/** POST /v1/provider-credentials/:id/test, and the models that a key can call. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, createAgent, type Product, runEnd, startProduct } from '../support/api/index.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';

const goodKey = 'sk-good-0123456789abcdef';

let product: Product;
let server: ModelServer;

beforeAll(async () => {
  [product, server] = await Promise.all([startProduct(), startModelServer({ keys: [goodKey] })]);
});

beforeEach(async () => {
  server.reset();
  await product.sql('DELETE FROM provider_credential');
  await product.sql('DELETE FROM usage_entry');
});

afterAll(() => Promise.all([product.close(), server.close()]));

let keys = 0;

async function store(body: object = {}): Promise<string> {
  const lab = {
    provider: 'openai-compatible',
    name: `lab-${++keys}`,
    baseUrl: server.openaiUrl,
    apiKey: goodKey,
  };
  return (
    await product.owner.expect(201, product.owner.post('/v1/provider-credentials', { ...lab, ...body }))
  ).id;
}

const test = (id: string, body?: object) => product.owner.post(`/v1/provider-credentials/${id}/test`, body);

describe('the test of a key', () => {
  it('makes a real call, and is in the ledger', async () => {
    const id = await store({ prices: { input: '1', output: '2' } });
    server.script([{ text: 'ok', usage: { input: 8, output: 1 } }]);
    const { status, body } = await test(id);
    expect(status).toBe(200);
    expect(body).toEqual({
      ok: true,
      model: 'test-model',
      latencyMs: expect.any(Number),
      problem: null,
      models: 1,
    });
    expect(server.requests).toMatchObject([{ body: { model: 'test-model', max_tokens: 16 } }]);
    const ledger = await product.sql(
      'SELECT task, runs, run_id, agent_id, api_key_id, provider, model, outcome, input_tokens, cost_usd::float FROM usage_entry',
    );
    expect(ledger).toEqual([
      {
        task: 'test',
        runs: 0,
        run_id: null,
        agent_id: null,
        api_key_id: expect.any(String),
        provider: `lab-${keys}`,
        model: 'test-model',
        outcome: 'ok',
        input_tokens: 8,
        cost_usd: 0.00001,
      },
    ]);
  });

  it('says what is wrong in words, and never the key', async () => {
    const id = await store({ apiKey: 'sk-dead-0123456789abcdef' });
    const answer = await test(id);
    expect(answer.body).toMatchObject({
      ok: false,
      problem: {
        kind: 'auth',
        message: expect.stringContaining('refused'),
        hint: expect.stringContaining('copied whole'),
      },
    });
    expect(answer.text).not.toContain('sk-dead');
    expect(await product.sql('SELECT outcome, cost_usd FROM usage_entry')).toMatchObject([
      { outcome: 'auth' },
    ]);
    // What is known of the key does not keep the next test from trying it.
    await product.owner.patch(`/v1/provider-credentials/${id}`, { apiKey: goodKey });
    expect((await test(id)).body).toMatchObject({ ok: true });
  });

  it('takes a model of its own, and finds the ones that are spelled alike', async () => {
    const id = await store();
    expect((await test(id, { model: 'mine' })).body).toMatchObject({ ok: true, model: 'mine' });
    server.script([{ status: 404, message: 'no such model' }]);
    expect((await test(id, { model: 'test-modle' })).body.problem).toEqual({
      kind: 'model',
      message: expect.stringContaining('no such model'),
      hint: 'Its list has test-model.',
    });
    expect((await test(id, { model: '' })).status).toBe(400);
    expect((await test(id, { modell: 'x' })).body.errors).toBeDefined();
  });

  it('tells a base URL that is none of a model server', async () => {
    const wrong = await store({ baseUrl: `${server.url}/wrong` });
    expect((await test(wrong, { model: 'x' })).body).toMatchObject({
      ok: false,
      models: null,
      problem: { kind: 'model', hint: expect.stringContaining(`${server.url}/wrong`) },
    });
    const nowhere = await store({ baseUrl: 'http://127.0.0.1:1/v1' });
    expect((await test(nowhere, { model: 'x' })).body.problem.kind).toBe('network');
  });

  it('forgets that the key was refused when it answers', async () => {
    const id = await store();
    await product.sql(
      `INSERT INTO provider_health (id, team_id, provider, model, credential_id, open_until, error_kind, error)
       VALUES ('x', $1, 'lab', 'test-model', $2, now() + interval '1 hour', 'billing', 'Pay first.')`,
      [product.id, id],
    );
    const health = async () =>
      (await product.owner.get('/v1/provider-credentials')).body.data[0].health.status;
    expect(await health()).toBe('refused');
    await test(id);
    expect(await health()).toBe('unknown');
  });

  it('is for admins, of their own team', async () => {
    const id = await store();
    const member = await product.caller('member');
    expect((await member.post(`/v1/provider-credentials/${id}/test`)).status).toBe(403);
    const other = await product.addTeam(`other-${keys}`);
    expect((await other.owner.post(`/v1/provider-credentials/${id}/test`)).status).toBe(404);
    expect(server.requests).toEqual([]);
  });

  it('says that a key cannot be decrypted', async () => {
    const id = await store();
    await product.sql(`UPDATE provider_credential SET secret = jsonb_set(secret, '{kid}', '"another"')`);
    expect((await test(id)).body).toMatchObject({
      status: 409,
      detail: expect.stringContaining('NIGHTSHIFT_SECRET_KEY'),
    });
  });
});

describe('live models', () => {
  const models = (query: string) => product.owner.get(`/v1/catalog/models?${query}`);

  it('are those that the provider lists for the key, with what the price list knows', async () => {
    await store({ provider: 'mistral', name: undefined });
    const { data, problem } = (await models('provider=mistral&live=true')).body;
    expect(problem).toBeNull();
    expect(data[0]).toEqual({
      ref: 'mistral/test-model',
      provider: 'mistral',
      contextWindow: null,
      price: null,
      sources: ['live'],
    });
    expect(data).toContainEqual(
      expect.objectContaining({ ref: 'mistral/mistral-large', sources: ['prices'] }),
    );
  });

  it('are those of a custom endpoint', async () => {
    await store();
    expect((await models(`provider=lab-${keys}&live=true`)).body.data).toMatchObject([
      { ref: `lab-${keys}/test-model`, sources: ['live'] },
    ]);
  });

  it('are missing for a reason that is said', async () => {
    expect((await models('provider=mistral&live=true')).body).toMatchObject({
      problem: 'There is no key for Mistral.',
      data: expect.arrayContaining([expect.objectContaining({ provider: 'mistral' })]),
    });
    await store({ baseUrl: `${server.url}/wrong` });
    expect((await models(`provider=lab-${keys}&live=true`)).body).toMatchObject({
      data: [],
      problem: expect.stringContaining('404'),
    });
    expect((await models('live=true')).body.errors).toMatchObject([{ path: 'provider' }]);
    expect((await models('provider=nobody')).body).toEqual({ data: [], problem: null });
  });
});

describe("a team's own prices", () => {
  it('are what a run of a custom endpoint costs', async () => {
    const worker = await product.startWorker();
    await store({ prices: { input: '3', output: '15', cachedInput: '0.3' } });
    const agentId = await createAgent(product.owner, { model: `lab-${keys}/test-model` });
    server.script([{ text: 'hi', usage: { input: 1000, cached: 400, output: 10 } }]);
    const { runId } = await ask(product.owner, agentId, 'hello');
    expect((await runEnd(product.owner, runId)).usage.costUsd).toBe('0.00207');
    await worker.close();
  });
});
