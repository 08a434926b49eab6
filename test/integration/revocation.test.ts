/** Streams that are open when what they were opened with ends, at an api process that did not hear of it itself. */
import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildApp } from '@nightshift/api/app';
import { createHookDirectory } from '@nightshift/api/hooks';
import { openEventBus } from '@nightshift/core/events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Client,
  connectModel,
  createAgent,
  createClient,
  openEvents,
  openStream,
  type Product,
  type SseEvent,
  say,
  startProduct,
} from '../support/api/index.ts';
import { connectWebChat, shopOrigin, startVisitor, type WebChat } from '../support/channel/index.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';

let product: Product;
let models: ModelServer;
let agentId: string;
/** Another api process on the same database. */
let other: { url: string; close(): Promise<void> };
/** One to which no signal comes. */
let deaf: { url: string; close(): Promise<void> };

async function startAnother(hears: boolean) {
  const { deps, env } = product;
  const bus = await openEventBus(env.databaseUrl, deps.log);
  const heard = hears ? bus : { ...bus, connected: true, subscribe: () => () => undefined };
  const hooks = createHookDirectory(deps);
  const app = await buildApp({ ...deps, bus: heard, hooks, permitRecheckMs: hears ? 3_600_000 : 200 });
  await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`,
    async close() {
      app.server.closeAllConnections();
      await app.close();
      await bus.close();
    },
  };
}

beforeAll(async () => {
  [product, models] = await Promise.all([startProduct(), startModelServer()]);
  agentId = await createAgent(product.owner, { model: await connectModel(product.owner, models) });
  [other, deaf] = await Promise.all([startAnother(true), startAnother(false)]);
});
afterAll(async () => {
  await Promise.all([other.close(), deaf.close()]);
  await product.close();
  await models.close();
});

const at = { 'a process that hears of it': () => other.url, 'a process that does not': () => deaf.url };
const places = Object.keys(at) as (keyof typeof at)[];

/** A caller at that process. Without a worker, what it says waits, and so do those who watch. */
async function callerAt(url: string, role: 'member' | 'admin' = 'member') {
  const { key } = await product.caller(role);
  const client = createClient(url, key);
  const { id } = (await client.expect(200, client.get('/v1/me'))).key;
  return { client, keyId: id as string };
}
const revoke = (id: string) => product.owner.expect(204, product.owner.delete(`/v1/api-keys/${id}`));
const weaken = (id: string, role: string) =>
  product.sql(`UPDATE api_key SET role = $2::role WHERE id = $1`, [id, role]);

/** What was told from now on until the stream ends by itself. */
function read(stream: AsyncIterable<SseEvent>) {
  const events: SseEvent[] = [];
  const ended = (async () => {
    for await (const event of stream) events.push(event);
    return events;
  })();
  // Whoever leaves has no end to wait for.
  ended.catch(() => undefined);
  return { events, ended };
}
const revoked = { event: 'error', data: { code: 'unauthorized', message: 'The key was revoked.' } };

describe.each(places)('at %s', (place) => {
  const begin = () => callerAt(at[place]());

  it("a run's events end with the key", async () => {
    const { client, keyId } = await begin();
    const { runId } = await say(client, agentId, 'hello');
    const { events, ended } = read(await openEvents(client, runId));
    await revoke(keyId);
    expect((await ended).at(-1)).toMatchObject(revoked);
    expect(events.filter(({ event }) => event === 'error')).toHaveLength(1);
  });

  it("a run's events end when the role is less than the route needs, and not before", async () => {
    const { client, keyId } = await begin();
    const { runId } = await say(client, agentId, 'hello');
    const { events, ended } = read(await openEvents(client, runId));
    await weaken(keyId, 'viewer');
    // A viewer may watch; what happens is still told.
    await product.owner.expect(202, product.owner.post(`/v1/runs/${runId}/cancel`));
    await ended;
    expect(events.at(-1)).toMatchObject({ event: 'run.finished' });
  });

  it('a call that waits for the reply is refused', async () => {
    const { client, keyId } = await begin();
    const before = await runsOf();
    const waiting = client.post(`/v1/agents/${agentId}/messages?wait=60`, { text: 'hello' });
    await expect.poll(runsOf).toBe(before + 1);
    await weaken(keyId, 'viewer');
    expect(await waiting).toMatchObject({ status: 403, body: { code: 'forbidden' } });
  });

  it('a table of the whole ledger breaks off', async () => {
    const { client, keyId } = await begin();
    await product.sql(
      `INSERT INTO usage_entry (id, team_id, task, provider, model, wire, outcome, detail, started_at, duration_ms)
       SELECT uuidv7(), (SELECT team_id FROM api_key WHERE id = $1), 'talk', 'openai', 'm', 'openai-chat', 'ok', repeat('x', 900), now(), 1
       FROM generate_series(1, 10000)`,
      [keyId],
    );
    const { body } = await fetch(`${client.url}/v1/usage/entries?format=csv`, {
      headers: { authorization: `Bearer ${client.key}` },
    });
    const reader = body!.getReader();
    expect((await reader.read()).done).toBe(false);
    await revoke(keyId);
    // So slowly that the table waits for its reader.
    const rest = (async () => {
      while (!(await reader.read()).done) await sleep(20);
      return 'complete';
    })();
    await expect(rest).rejects.toThrow('terminated');
  });

  it('at the OpenAI door the stream ends with an error, and the run with it', async () => {
    const { client, keyId } = await begin();
    const before = await runsOf();
    const response = fetch(`${client.url}/openai/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${client.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: agentId, stream: true, messages: [{ role: 'user', content: 'hello' }] }),
    });
    await expect.poll(runsOf).toBe(before + 1);
    await revoke(keyId);
    const text = await (await response).text();
    const last = text.trim().split('\n\n').at(-1)!;
    expect(JSON.parse(last.replace('data: ', ''))).toMatchObject({
      error: { code: 'invalid_api_key', type: 'authentication_error', message: 'The key was revoked.' },
    });
    expect(text).not.toContain('[DONE]');
    await expect.poll(lastRun).toBe('cancelled');
  });

  it('at the OpenAI door a call that waits is refused', async () => {
    const { client, keyId } = await begin();
    const before = await runsOf();
    const body = { model: agentId, messages: [{ role: 'user', content: 'hello' }] };
    const waiting = client.post('/openai/v1/chat/completions', body);
    await expect.poll(runsOf).toBe(before + 1);
    await revoke(keyId);
    expect(await waiting).toMatchObject({ status: 401, body: { error: { code: 'invalid_api_key' } } });
  });

  describe("a visitor's stream ends", () => {
    /** Until the process knows the chat: it reads which ones there are once in a second at most. */
    const known = ({ key }: WebChat) =>
      expect
        .poll(
          async () =>
            (await fetch(`${at[place]()}/v1/widget/${key}`, { headers: { origin: shopOrigin } })).status,
          {
            timeout: 120_000,
          },
        )
        .toBe(200);
    const path = (chat: WebChat) => `/v1/channels/${chat.id}`;
    const change = (client: Client, chat: WebChat, body: object) =>
      client.expect(200, client.patch(path(chat), body));

    it.each<[string, (chat: WebChat) => Promise<unknown>, string]>([
      [
        'the secret is another one',
        (chat) => change(product.owner, chat, { credentials: { secret: null } }),
        'unauthorized',
      ],
      [
        'the chat is paused',
        (chat) => product.owner.expect(200, product.owner.post(`${path(chat)}/pause`)),
        'unavailable',
      ],
      [
        'the chat is removed',
        (chat) => product.owner.expect(204, product.owner.delete(path(chat))),
        'not_found',
      ],
      [
        'its page is no page of the chat',
        (chat) => change(product.owner, chat, { settings: { origins: 'https://a.example' } }),
        'forbidden',
      ],
      ['the visitor is blocked', block, 'forbidden'],
    ])('when %s', async (_what, act, code) => {
      const chat = await connectWebChat(product.owner, agentId);
      const visitor = await startVisitor(product.url, chat);
      await visitor.say('hello');
      const headers = { origin: shopOrigin, authorization: `Bearer ${visitor.token}` };
      const address = `${at[place]()}/v1/widget/${chat.key}/events`;
      await known(chat);
      const { events, ended } = read(await openStream(address, headers));
      await expect.poll(() => events.length).toBeGreaterThan(0);
      await act(chat);
      expect((await ended).at(-1)).toMatchObject({ event: 'error', data: { code } });
      await expect.poll(async () => (await fetch(address, { headers })).status).toBeGreaterThanOrEqual(400);
    });

    it('and not when something else of the chat is changed, or another visitor is blocked', async () => {
      const chat = await connectWebChat(product.owner, agentId);
      const [visitor, bad] = [await startVisitor(product.url, chat), await startVisitor(product.url, chat)];
      await bad.say('hello');
      const headers = { origin: shopOrigin, authorization: `Bearer ${visitor.token}` };
      await known(chat);
      const stream = await openStream(`${at[place]()}/v1/widget/${chat.key}/events`, headers);
      const { events } = read(stream);
      await block(chat);
      await change(product.owner, chat, {
        settings: { title: 'Another title' },
        name: `another name ${randomUUID()}`,
      });
      await visitor.say('I am still here');
      await expect.poll(() => events.filter(({ event }) => event === 'message').length).toBe(1);
      expect(events.map(({ event }) => event)).not.toContain('error');
      stream.leave();
    });
  });
});

async function runsOf(): Promise<number> {
  return (await product.sql('SELECT count(*)::int AS n FROM run'))[0].n;
}
async function lastRun(): Promise<string> {
  return (await product.sql('SELECT status FROM run ORDER BY created_at DESC LIMIT 1'))[0].status;
}
async function block(chat: WebChat): Promise<void> {
  const { data } = await product.owner.expect(200, product.owner.get(`/v1/channels/${chat.id}/identities`));
  const identity = `/v1/channels/${chat.id}/identities/${data[0].id}`;
  await product.owner.expect(200, product.owner.patch(identity, { status: 'blocked' }));
}
