/** Another team's things do not exist, on any route. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import {
  ask,
  connectModel,
  createAgent,
  documentedRoutes,
  type Product,
  type Route,
  startProduct,
  type Team,
} from '../support/api/index.ts';
import { connectProgram, startProgram } from '../support/channel/index.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';

let product: Product;
let server: ModelServer;
let other: Team;
let routes: Route[];
/** The other team's ids, by the collection that they stand in. */
let ids: Record<string, string>;

beforeAll(async () => {
  [product, server] = await Promise.all([startProduct(), startModelServer()]);
  const worker = await product.startWorker();
  other = await product.addTeam('other');
  routes = await documentedRoutes(product.owner);
  const agentId = await createAgent(other.owner, {
    name: 'theirs',
    model: await connectModel(other.owner, server),
  });
  const add = async (path: string, body: object) =>
    (await other.owner.expect(201, other.owner.post(path, body))).id;
  const webhooks = await add('/v1/webhooks', { url: 'https://hooks.test/', events: ['run.finished'] });
  const { conversationId, runId } = await ask(other.owner, agentId, 'a secret of theirs');
  const first = async (path: string) => (await other.owner.expect(200, other.owner.get(path))).data[0].id;
  ids = {
    agents: agentId,
    conversations: conversationId,
    runs: runId,
    schedules: await add('/v1/schedules', { agentId, name: 'theirs', prompt: 'x', everySeconds: 86_400 }),
    webhooks,
    deliveries: await first('/v1/deliveries'),
    'provider-credentials': await first('/v1/provider-credentials'),
    'api-keys': await first('/v1/api-keys'),
    budgets: await add('/v1/budgets', {
      name: 'theirs',
      scope: 'team',
      window: 'day',
      unit: 'usd',
      max: '1',
    }),
  };
  const program = await startProgram();
  try {
    const channel = await connectProgram({ ...product, owner: other.owner }, program);
    await program.say(channel.hookUrl, 'Hello');
    // It is counted in passing.
    const counts = async () => (await other.owner.get(`/v1/channels/${channel.id}`)).body.counts;
    await vi.waitFor(async () => expect(await counts()).toMatchObject({ received: 1 }), { timeout: 60_000 });
    ids.channels = channel.id;
    ids.people = await first('/v1/people');
    bodies['POST /v1/people/{id}/identities'] = {
      identityId: await first(`/v1/channels/${channel.id}/identities`),
    };
  } finally {
    await program.close();
  }
  await worker.close();
});

afterAll(() => Promise.all([product.close(), server.close()]));

/** A body that is right, so that nothing but the id can be refused. */
const bodies: Record<string, unknown> = {
  'PATCH /v1/agents/{id}': { name: 'mine now' },
  'POST /v1/agents/{agent}/messages': { text: 'hello' },
  'POST /v1/agents/{agent}/estimate': { text: 'hello' },
  'PATCH /v1/budgets/{id}': { name: 'mine now' },
  'PATCH /v1/channels/{id}': { name: 'mine now' },
  'PATCH /v1/channels/{id}/identities/{identityId}': { status: 'blocked' },
  'POST /v1/channels/{id}/pairings': { code: 'ABCD-2345' },
  'PATCH /v1/people/{id}': { name: 'mine now' },
  'PATCH /v1/provider-credentials/{id}': { label: 'mine now' },
  'PATCH /v1/schedules/{id}': { name: 'mine now' },
  'PATCH /v1/webhooks/{id}': { events: ['message.created'] },
};

it('knows no other team behind any id', async () => {
  const withId = routes.filter(
    (route) =>
      route.path.startsWith('/v1/') &&
      route.path.includes('{') &&
      !route.path.includes('/by-name/') &&
      !route.public,
  );
  const before = await snapshot();
  const wrong: string[] = [];
  for (const { method, path, name } of withId) {
    const collection = path.split('/')[2]!;
    const id = ids[collection];
    if (!id) throw new Error(`${name}: this test has no id of another team for ${collection}`);
    // Nor behind a part of it, from either end.
    for (const part of [id, id.slice(0, 30), id.slice(-8)]) {
      const answer = await product.owner.send(method, path.replaceAll(/\{\w+\}/g, part), bodies[name]);
      if (answer.status !== 404 || answer.body.code !== 'not_found')
        wrong.push(`${name} ${part}: ${answer.status}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(await snapshot()).toEqual(before);
});

/** What the other team has; when a key was last used is not its doing. */
const snapshot = () =>
  Promise.all(
    Object.keys(ids)
      .filter((collection) => collection !== 'api-keys')
      .map(async (collection) => (await other.owner.expect(200, other.owner.get(`/v1/${collection}`))).data),
  );

it('lists nothing of another team', async () => {
  const lists = routes.filter(
    ({ method, path }) => method === 'GET' && path.startsWith('/v1/') && !path.includes('{'),
  );
  for (const { path } of lists) {
    const { status, text } = await product.owner.get(path);
    expect(status).toBe(200);
    for (const id of Object.values(ids)) expect(text, path).not.toContain(id);
  }
  expect((await product.owner.get(`/v1/conversations?agentId=${ids.agents}`)).body.data).toEqual([]);
  expect((await product.owner.get(`/v1/runs?conversationId=${ids.conversations}`)).body.data).toEqual([]);
});

it('puts nothing in the place of what another team has under a name', async () => {
  const agentId = await createAgent(product.owner);
  const ours: Record<string, object> = {
    agents: {},
    schedules: { agentId, prompt: 'x', everySeconds: 86_400 },
    webhooks: { url: 'https://ours.test/', events: ['run.finished'] },
    budgets: { scope: 'team', window: 'day', unit: 'usd', max: '2' },
    channels: { kind: 'webhook', agentId, settings: { url: 'https://ours.test/' } },
  };
  const puts = routes.filter(({ method, path }) => method === 'PUT' && path.includes('/by-name/'));
  expect(puts.map(({ path }) => path.split('/')[2]).sort()).toEqual(Object.keys(ours).sort());
  await other.owner.expect(200, other.owner.patch(`/v1/webhooks/${ids.webhooks}`, { name: 'theirs' }));
  await other.owner.expect(200, other.owner.patch(`/v1/channels/${ids.channels}`, { name: 'theirs' }));
  const before = await snapshot();
  for (const { path } of puts) {
    const collection = path.split('/')[2]!;
    expect((await product.owner.get(`/v1/${collection}/theirs`)).status, collection).toBe(404);
    const { status, body } = await product.owner.send(
      'PUT',
      path.replace('{name}', 'theirs'),
      ours[collection],
    );
    expect(status, collection).toBe(201);
    expect(body.id).not.toBe(ids[collection]);
    await product.owner.expect(204, product.owner.send('DELETE', `/v1/${collection}/${body.id}`));
  }
  expect(await snapshot()).toEqual(before);
});

it('delivers to no place of another team, and names none', async () => {
  const agentId = await createAgent(product.owner);
  for (const channel of [ids.channels, ids.channels!.slice(-8)]) {
    const body = { agentId, name: 'to them', prompt: 'x', everySeconds: 86_400 };
    const answer = await product.owner.post('/v1/schedules', {
      ...body,
      deliverTo: { channel, place: 'order-42' },
    });
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ path: 'deliverTo.channel' }] } });
    expect(answer.text).not.toContain('order-42');
  }
});

it('knows no agent of another team by its name, nor as a model at the OpenAI door', async () => {
  expect((await product.owner.get('/openai/v1/models')).text).not.toContain('theirs');
  for (const model of ['theirs', ids.agents!]) {
    expect((await product.owner.get(`/openai/v1/models/${model}`)).status).toBe(404);
    expect((await product.owner.post(`/v1/agents/${model}/messages`, { text: 'hello' })).status).toBe(404);
    const messages = [{ role: 'user', content: 'hello' }];
    expect((await product.owner.post('/openai/v1/chat/completions', { model, messages })).status).toBe(404);
  }
});

it("does not take another team's endpoint for a model", async () => {
  const { data } = (await other.owner.get('/v1/provider-credentials')).body;
  const answer = await product.owner.post('/v1/agents', {
    name: 'thief',
    model: `${data[0].name}/test-model`,
  });
  expect(answer).toMatchObject({ status: 400, body: { errors: [{ path: 'model' }] } });
});

it('lets two teams use the same names', async () => {
  await createAgent(product.owner, { name: 'theirs' });
  const body = { provider: 'openai', label: 'same', apiKey: 'sk-0123456789' };
  for (const { owner } of [product, other])
    await owner.expect(201, owner.post('/v1/provider-credentials', body));
});
