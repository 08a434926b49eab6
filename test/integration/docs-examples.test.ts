/** What `/docs` fills in can be sent as it stands, to a server that has what the ids name. */
import { randomUUID } from 'node:crypto';
import { exampleIds } from '@nightshift/api/examples';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { documentedRoutes, type Product, type Route, startProduct } from '../support/api/index.ts';
import { beginVisit, connectWebChat, shopOrigin, type WebChat } from '../support/channel/index.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';

let product: Product;
let models: ModelServer;
let routes: Route[];
let chat: WebChat;
/** Resource → id of the record that calls of it change. */
let ids: Record<string, string>;
let identityId: string;

const made = async (path: string, body: object): Promise<string> =>
  (await product.owner.expect(201, product.owner.post(path, body))).id;

beforeAll(async () => {
  [product, models] = await Promise.all([startProduct(), startModelServer()]);
  await product.startWorker();
  const agents = await made('/v1/agents', { name: 'assistant', model: 'demo/guide' });
  const settings = { url: 'https://program.example.com/x' };
  const channels = await made('/v1/channels', { kind: 'webhook', agentId: agents, settings });
  const custom = {
    provider: 'openai-compatible',
    name: 'lab',
    baseUrl: models.openaiUrl,
    apiKey: 'sk-0123456789',
  };
  const [people, other] = [randomUUID(), randomUUID()];
  const { team } = await product.owner.expect(200, product.owner.get('/v1/me'));
  for (const id of [people, other])
    await product.sql('INSERT INTO person (id, team_id, name) VALUES ($1, $2, $3)', [
      id,
      team.id,
      'somebody',
    ]);
  identityId = randomUUID();
  await product.sql('INSERT INTO identity (id, channel_id, person_id, external_id) VALUES ($1, $2, $3, $4)', [
    identityId,
    channels,
    other,
    'ann',
  ]);
  chat = await connectWebChat(product.owner, agents);
  ids = {
    agents,
    channels,
    people,
    webhooks: await made('/v1/webhooks', { url: 'https://ops.example.com/y', events: ['run.finished'] }),
    'provider-credentials': await made('/v1/provider-credentials', custom),
    schedules: await made('/v1/schedules', { agentId: agents, name: 'x', prompt: 'y', everySeconds: 7200 }),
    budgets: await made('/v1/budgets', { name: 'b', scope: 'team', window: 'day', unit: 'usd', max: '100' }),
    widget: chat.key,
  };
  routes = (await documentedRoutes(product.owner)).filter(({ operation }) => operation.requestBody);
});
afterAll(() => Promise.all([product.close(), models.close()]));

const exampleOf = ({ operation }: Route): unknown => {
  const { example, schema } = operation.requestBody.content['application/json'];
  return example ?? schema.examples?.[0];
};

it('has an example for every body', () => {
  expect(routes.length).toBeGreaterThan(20);
  expect(routes.filter((route) => exampleOf(route) === undefined).map(({ name }) => name)).toEqual([]);
});

it('has examples that the server accepts', async () => {
  const refused: string[] = [];
  const visitor = await beginVisit(product.url, chat);
  for (const route of routes) {
    const [, resource] = /^\/v1\/([\w-]+)/.exec(route.path) ?? [];
    const path = route.path
      .replace('{identityId}', identityId)
      .replace('by-name/{name}', 'by-name/of-the-documents')
      .replace(/\{\w+\}/, ids[resource ?? ''] ?? '-');
    const body = JSON.stringify(exampleOf(route))
      .replaceAll(exampleIds.agent, ids.agents!)
      .replaceAll(exampleIds.identity, identityId);
    const headers: Record<string, string> = { 'content-type': 'application/json' };
    if (resource === 'widget')
      Object.assign(headers, { origin: shopOrigin, authorization: `Bearer ${visitor.body.token}` });
    const { status, text } = await product.owner.send(route.method, path, body, headers);
    // A code is shown to one person, and good for an hour: there is none that could stand in a document.
    const isCode = route.path.endsWith('/pairings') && status === 404;
    if ((status < 200 || status > 299) && !isCode)
      refused.push(`${route.name}: ${status} ${text.slice(0, 200)}`);
  }
  expect(refused).toEqual([]);
});
