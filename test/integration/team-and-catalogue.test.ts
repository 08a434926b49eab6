import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAgent, type Product, startProduct } from '../support/api/index.ts';

let product: Product;

beforeAll(async () => {
  product = await startProduct({ providerKeys: { ANTHROPIC_API_KEY: 'sk-from-the-environment' } });
});

afterAll(() => product.close());

describe('the team', () => {
  it('is read by all and renamed by its owners', async () => {
    const viewer = await product.caller('viewer');
    expect((await viewer.get('/v1/team')).body).toMatchObject({ id: product.id, name: 'test' });
    expect((await viewer.patch('/v1/team', { name: 'mine' })).status).toBe(403);
    expect((await product.owner.patch('/v1/team', { name: ' Night owls ' })).body.name).toBe('Night owls');
    expect((await viewer.get('/v1/me')).body).toMatchObject({
      team: { name: 'Night owls' },
      key: { role: 'viewer', name: 'viewer of test' },
    });
    expect((await product.owner.patch('/v1/team', { name: '' })).body.errors).toMatchObject([
      { path: 'name' },
    ]);
    expect((await product.owner.patch('/v1/team', { name: 'a', id: 'b' })).status).toBe(400);
  });
});

describe('the catalogue', () => {
  it('says of each vendor what it needs and whether a key was found', async () => {
    const body = { provider: 'openai', apiKey: 'sk-0123456789' };
    await product.owner.expect(201, product.owner.post('/v1/provider-credentials', body));
    const { data } = (await product.owner.get('/v1/catalog/providers')).body;
    const byId = new Map(data.map((provider: { id: string }) => [provider.id, provider]));
    expect(byId.get('openai')).toMatchObject({
      configured: { environment: false, credentials: 1 },
      env: ['OPENAI_API_KEY'],
      fields: expect.arrayContaining([
        { name: 'apiKey', label: 'API key', secret: true, required: true, default: null },
      ]),
    });
    expect(byId.get('anthropic')).toMatchObject({ configured: { environment: true, credentials: 0 } });
    expect(byId.get('vertex')).toMatchObject({
      baseUrl: expect.stringContaining('{project}'),
      fields: expect.arrayContaining([
        expect.objectContaining({ name: 'parameters.project', required: true, default: null }),
        expect.objectContaining({ name: 'parameters.location', required: false, default: 'global' }),
      ]),
    });
    expect(byId.get('deepseek')).toMatchObject({
      wires: ['openai-chat', 'anthropic-messages'],
      fields: expect.arrayContaining([
        expect.objectContaining({ name: 'parameters.wire', default: 'openai-chat' }),
      ]),
    });
    expect(JSON.stringify(data)).not.toContain('sk-');
  });

  it('gives models as an agent takes them', async () => {
    const { data } = (await product.owner.get('/v1/catalog/models?provider=openai')).body;
    expect(data.length).toBeGreaterThan(5);
    for (const { ref, provider } of data) {
      expect(provider).toBe('openai');
      expect(ref).toMatch(/^openai\//);
    }
    await createAgent(product.owner, { model: data[0].ref });
  });

  it('gives tools as a policy takes them', async () => {
    const { data } = (await product.owner.get('/v1/catalog/tools')).body;
    expect(data.map(({ name }: { name: string }) => name)).toEqual(
      expect.arrayContaining(['time.now', 'notes.list', 'notes.read', 'notes.write', 'notes.delete']),
    );
    for (const tool of data) expect(tool.parameters).toMatchObject({ type: 'object' });
    const tools = Object.fromEntries(data.map(({ name }: { name: string }) => [name, 'block']));
    await createAgent(product.owner, { tools });
  });
});

describe('conversations and runs', () => {
  it('are listed newest first, and filtered', async () => {
    const worker = await product.startWorker();
    const [first, second] = [
      await createAgent(product.owner, { model: 'demo/guide' }),
      await createAgent(product.owner, { model: 'demo/guide' }),
    ];
    const say = async (agentId: string, text: string) =>
      (await product.owner.post(`/v1/agents/${agentId}/messages?wait=5`, { text })).body;
    const [one, two, three] = [await say(first, 'one'), await say(second, 'two'), await say(first, 'three')];
    await worker.close();
    const four = await say(second, 'four').then(({ runId, conversationId }) => ({ runId, conversationId }));

    const list = async (path: string) =>
      (await product.owner.expect(200, product.owner.get(path))).data.map(({ id }: { id: string }) => id);
    expect(await list('/v1/conversations')).toEqual(
      [four, three, two, one].map(({ conversationId }) => conversationId),
    );
    expect(await list(`/v1/conversations?agentId=${first}`)).toEqual([
      three.conversationId,
      one.conversationId,
    ]);
    expect(await list(`/v1/runs?agentId=${second}`)).toEqual([four.runId, two.runId]);
    expect(await list('/v1/runs?status=queued')).toEqual([four.runId]);
    expect(await list('/v1/runs?status=succeeded&limit=2')).toEqual([three.runId, two.runId]);
    expect(await list(`/v1/runs?conversationId=${one.conversationId}`)).toEqual([one.runId]);
    expect(await list('/v1/runs?trigger=api')).toHaveLength(4);
  });
});
