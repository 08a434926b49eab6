/** The web chat's own API: who is let in, what is seen by whom, and that nothing is lost or doubled. */
import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectModel, createAgent, createClient, type Product, startProduct } from '../support/api/index.ts';
import {
  beginVisit,
  connectWebChat,
  type Seen,
  shopOrigin,
  startVisitor,
  type Visitor,
  type WebChat,
} from '../support/channel/index.ts';
import { type ModelServer, type Step, startModelServer } from '../support/model-server/index.ts';

let product: Product;
let models: ModelServer;
let agentId: string;
let chat: WebChat;
let seen: Seen[] = [];

beforeAll(async () => {
  product = await startProduct();
  models = await startModelServer();
  agentId = await createAgent(product.owner, { model: await connectModel(product.owner, models) });
  await product.startWorker();
});
beforeEach(async () => {
  chat = await connectWebChat(product.owner, agentId);
});
afterEach(() => {
  for (const each of seen) each.leave();
  seen = [];
  models.reset();
});
afterAll(async () => {
  await close(product);
  await models.close();
});

/** Where a stream broke off, `fetch` opens another connection ahead, and a server that closes waits for its first request. */
async function close(one: Product): Promise<void> {
  const timer = setInterval(() => one.app.server.closeAllConnections(), 200);
  await one.close();
  clearInterval(timer);
}
const visit = (options?: { body?: object; token?: string }) => startVisitor(product.url, chat, options);
const watch = async (visitor: Visitor, lastId?: string) => {
  const watched = await visitor.watch(lastId);
  seen.push(watched);
  await expect.poll(() => watched.events[0]?.event).toBe('history');
  return watched;
};
const untilTexts = (watched: Seen, texts: string[], role?: 'visitor' | 'agent' | 'notice') =>
  expect.poll(() => watched.texts(role)).toEqual(texts);
/** What the model says to what: a run of the test before, which is late, must not take the answer that is meant for this one. */
const answering = (replies: Record<string, string | Step>) =>
  models.script(({ userText, toolResults }) => {
    // A text file follows what was said.
    const said = Object.keys(replies).find((each) => userText.includes(each));
    const reply = toolResults.length > 0 ? replies.tool : said && replies[said];
    return typeof reply === 'string' ? { text: reply } : reply;
  });
const patch = (change: object) =>
  product.owner.expect(200, product.owner.patch(`/v1/channels/${chat.id}`, change));
const count = async (table: string) => {
  const [{ n }] = await product.sql(
    `SELECT count(*)::int AS n FROM ${table} t JOIN conversation c ON c.id = t.conversation_id WHERE c.channel_id = $1`,
    [chat.id],
  );
  return n;
};

describe('pages', () => {
  const path = () => `/v1/widget/${chat.key}`;
  const ask = (headers: Record<string, string>) => createClient(product.url, null).get(path(), headers);

  it('of the origins that the channel names are let in, and told so; others are not', async () => {
    const allowed = await ask({ origin: shopOrigin });
    expect(allowed.status).toBe(200);
    expect(allowed.body).toMatchObject({ title: 'Chat', theme: 'auto', position: 'right', files: false });
    expect(allowed.headers.get('access-control-allow-origin')).toBe(shopOrigin);
    expect(allowed.headers.get('access-control-allow-credentials')).toBeNull();
    for (const origin of [
      'https://evil.example',
      'https://shop.example.com.evil.example',
      'http://shop.example.com',
      'null',
    ]) {
      const refused = await ask({ origin });
      expect([origin, refused.status]).toEqual([origin, 403]);
      expect(refused.headers.get('access-control-allow-origin')).toBeNull();
      expect(refused.headers.get('vary')).toContain('origin');
    }
    expect((await ask({})).status).toBe(403);
  });

  it('of our own are: browsers say that they are', async () => {
    expect((await ask({ 'sec-fetch-site': 'same-origin' })).status).toBe(200);
    expect((await ask({ 'sec-fetch-site': 'same-site', origin: 'https://evil.example' })).status).toBe(403);
  });

  it('ask for leave before they send', async () => {
    const preflight = (origin: string) =>
      createClient(product.url, null).send('OPTIONS', `${path()}/messages`, undefined, {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      });
    const allowed = await preflight(shopOrigin);
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-headers')).toContain('authorization');
    expect(allowed.headers.get('access-control-allow-origin')).toBe(shopOrigin);
    const refused = await preflight('https://evil.example');
    expect(refused.status).toBe(403);
    expect(refused.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('find nothing under a key that is none, of another kind, or of a channel that was removed', async () => {
    const client = createClient(product.url, null);
    const hook = await product.owner.expect(
      201,
      product.owner.post('/v1/channels', {
        kind: 'webhook',
        agentId,
        settings: { url: 'https://a.example' },
      }),
    );
    for (const key of ['x', 'x'.repeat(43), hook.webhookUrl.split('/').at(-1)])
      expect((await client.get(`/v1/widget/${key}`, { origin: shopOrigin })).status).toBe(404);
    await product.owner.expect(204, product.owner.delete(`/v1/channels/${chat.id}`));
    expect((await ask({ origin: shopOrigin })).status).toBe(404);
  });

  it('are told that a chat is closed while its channel is paused', async () => {
    const ann = await visit();
    await product.owner.expect(200, product.owner.post(`/v1/channels/${chat.id}/pause`));
    expect((await ask({ origin: shopOrigin })).status).toBe(503);
    expect((await ann.say('Hello')).status).toBe(503);
    expect(await count('message')).toBe(0);
  });

  it('are given the snippet, the script and a demo', async () => {
    const channel = await product.owner.expect(200, product.owner.get(`/v1/channels/${chat.id}`));
    expect(channel.snippet).toBe(
      `<script src="http://nightshift.test/widget.js" data-channel="${chat.key}" async></script>`,
    );
    expect(channel.webhookUrl).toBeNull();
    const client = createClient(product.url, null);
    const script = await client.get('/widget.js');
    expect(script.headers.get('content-type')).toContain('text/javascript');
    expect(script.headers.get('cross-origin-resource-policy')).toBe('cross-origin');
    expect(script.text.length).toBeLessThan(40_000);
    expect(script.text).not.toMatch(/^(import|export) /m);
    expect(script.text).not.toMatch(/innerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function/);
    const again = await client.get('/widget.js', { 'if-none-match': script.headers.get('etag')! });
    expect([again.status, again.text]).toEqual([304, '']);
    const demo = await client.get(`/widget/demo?channel=${chat.key}`);
    expect(demo.text).toContain(`data-channel="${chat.key}"`);
    expect(demo.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(
      (await client.get('/widget/demo?channel=%22%3E%3Cscript%3Ealert(1)%3C/script%3E')).text,
    ).not.toContain('alert');
  });
});

describe('sessions', () => {
  it('are one visitor each, and are renewed as the same one', async () => {
    const ann = await visit();
    answering({ 'I am Ann': 'Hello Ann.' });
    await ann.say('I am Ann');
    const renewed = await beginVisit(product.url, chat, { token: ann.token });
    expect(renewed.status).toBe(201);
    await untilTexts(await watch(await visit({ token: renewed.body.token })), ['I am Ann', 'Hello Ann.']);
    expect((await watch(await visit())).texts()).toEqual([]);
  });

  it('are refused without a token of this chat', async () => {
    const ann = await visit();
    const other = await connectWebChat(product.owner, agentId);
    const foreign = await startVisitor(product.url, other);
    const [version, payload, signature] = ann.token.split('.');
    const wrong = [
      undefined,
      '',
      'x',
      foreign.token,
      ann.token.slice(0, -1),
      `${version}.${payload}A.${signature}`,
    ];
    for (const token of wrong) {
      const headers = { authorization: `Bearer ${token}` };
      for (const [method, path, body] of [
        ['POST', '/messages', { id: randomUUID(), text: 'Hello' }],
        ['GET', `/messages?before=${randomUUID()}`],
        ['GET', '/events'],
      ] as const)
        expect((await ann.send(method, path, body, headers)).status, `${method} ${path} ${token}`).toBe(401);
    }
    expect((await beginVisit(product.url, chat, { token: foreign.token })).status).toBe(401);
    expect(await count('message')).toBe(0);
  });

  it('end with the secret that signed them', async () => {
    const ann = await visit();
    const rotated = await patch({ credentials: { secret: null } });
    expect(rotated.credentials.secret.last4).not.toBe(chat.secret.slice(-4));
    expect((await ann.say('Hello')).status).toBe(401);
    expect((await beginVisit(product.url, chat)).status).toBe(201);
  });

  it('are not made without end by one address', async () => {
    const statuses = [];
    for (let at = 0; at < 31; at += 1) {
      const { status, headers } = await beginVisit(product.url, chat);
      statuses.push(status);
      if (status === 429) expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect(statuses).toContain(429);
  });
});

describe('a user whom the page names', () => {
  const sign = (claims: object, secret = chat.secret) =>
    new SignJWT({ exp: Math.floor(Date.now() / 1000) + 600, ...claims })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(Buffer.from(secret));

  it('is known by name, and has one conversation at every browser', async () => {
    const userToken = await sign({ sub: '42', name: 'Ann' });
    answering({ Hello: 'Hello Ann.' });
    await (await visit({ body: { userToken } })).say('Hello');
    const other = await watch(await visit({ body: { userToken: await sign({ sub: '42', name: 'Ann' }) } }));
    await untilTexts(other, ['Hello', 'Hello Ann.']);
    const { data } = await product.owner.expect(200, product.owner.get(`/v1/channels/${chat.id}/identities`));
    expect(data).toMatchObject([{ externalId: 'user:42', name: 'Ann' }]);
    expect((await watch(await visit({ body: { userToken: await sign({ sub: '43' }) } }))).texts()).toEqual(
      [],
    );
  });

  it('is not believed by another signature', async () => {
    const { status } = await beginVisit(product.url, chat, {
      body: { userToken: await sign({ sub: '42' }, 'x'.repeat(43)) },
    });
    expect(status).toBe(401);
  });
});

describe('what a visitor says', () => {
  it('is answered: as it is written, and then once', async () => {
    const ann = await visit();
    const watched = await watch(ann);
    answering({ 'Where is my order?': { text: ['Your **order', '** is ', 'on its way.'], chunkMs: 400 } });
    const id = randomUUID();
    const said = await ann.say('Where is my order?', { id });
    expect([said.status, said.body]).toEqual([202, { id, kept: true }]);
    await untilTexts(watched, ['Where is my order?', 'Your order is on its way.']);
    expect(watched.messages()).toMatchObject([
      { role: 'visitor', clientId: id },
      { role: 'agent', blocks: [{ tag: 'p', children: ['Your ', { tag: 'strong' }, ' is on its way.'] }] },
    ]);
    const kinds = watched.events.map(({ event }) => event);
    expect(kinds.filter((kind) => kind === 'message')).toHaveLength(2);
    const drafts = watched.events.filter(({ event, data }) => event === 'draft' && data.blocks.length > 0);
    expect(drafts.length).toBeGreaterThan(0);
    // What is begun is shown as it will be.
    expect(JSON.stringify(drafts[0]!.data.blocks)).toContain('strong');
    await expect.poll(() => watched.events.at(-1)?.event).toBe('idle');
    await expect
      .poll(async () => (await product.owner.get(`/v1/channels/${chat.id}/traffic`)).body.outbound[0]?.status)
      .toBe('sent');
  });

  it('counts once, however often it is sent, and another visitor may use the same id', async () => {
    answering({ Hello: 'One.' });
    const [ann, bob] = [await visit(), await visit()];
    const id = randomUUID();
    const answers = await Promise.all([
      ann.say('Hello', { id }),
      ann.say('Hello', { id }),
      ann.say('Hello', { id }),
    ]);
    expect(answers.map(({ status, body }) => [status, body.kept])).toEqual(Array(3).fill([202, true]));
    expect((await bob.say('Hello', { id })).status).toBe(202);
    const watched = await watch(ann);
    await expect.poll(() => watched.texts('agent').length).toBe(1);
    expect(watched.texts('visitor')).toEqual(['Hello']);
    expect((await watch(bob)).texts('visitor')).toEqual(['Hello']);
  });

  it('is seen in every tab', async () => {
    const ann = await visit();
    const tabs = [await watch(ann), await watch(await visit({ token: ann.token }))];
    answering({ 'I am Ann': 'Hello Ann.' });
    await ann.say('I am Ann');
    for (const tab of tabs) await untilTexts(tab, ['I am Ann', 'Hello Ann.']);
  });

  it('is never seen by another one', async () => {
    const [ann, bob] = [await visit(), await visit()];
    const spying = await watch(bob);
    answering({ 'What is the code?': 'The code is 4711.', 'I am Bob': 'Hello Bob.' });
    await ann.say('What is the code?');
    const watched = await watch(ann);
    await expect.poll(() => watched.texts('agent')).toEqual(['The code is 4711.']);
    for (const { id } of watched.messages())
      expect((await bob.send('GET', `/messages?before=${id}`)).status).toBe(404);
    await bob.say('I am Bob');
    await untilTexts(spying, ['I am Bob', 'Hello Bob.']);
    expect(JSON.stringify(spying.events)).not.toContain('4711');
  });

  it('goes on where the stream broke off', async () => {
    const ann = await visit();
    const first = await watch(ann);
    answering({ First: 'One.', Second: 'Two.' });
    await ann.say('First');
    await untilTexts(first, ['First', 'One.']);
    first.leave();
    await ann.say('Second');
    const second = await watch(ann, first.lastId());
    await expect.poll(() => second.texts('agent').at(-1)).toBe('Two.');
    expect(second.events[0]!.data.reset).toBe(false);
    const all = new Map([...first.messages(), ...second.messages()].map((message) => [message.id, message]));
    expect(all.size).toBe(4);
  });

  it('is read back page by page', async () => {
    const ann = await visit();
    answering({ Hello: 'Hello.' });
    await ann.say('Hello');
    await untilTexts(await watch(ann), ['Hello', 'Hello.']);
    const [{ id: conversationId }] = await product.sql('SELECT id FROM conversation WHERE channel_id = $1', [
      chat.id,
    ]);
    await product.sql(
      `INSERT INTO message (id, conversation_id, seq, role, content, created_at)
       SELECT uuidv7(), $1, 100 + n, 'assistant', jsonb_build_array(jsonb_build_object('type', 'text', 'text', 'answer ' || n)), now() + n * interval '1 ms'
       FROM generate_series(1, 120) AS n`,
      [conversationId],
    );
    const newest = await watch(ann);
    const { messages, older, reset } = newest.events[0]!.data;
    expect([messages.length, older, reset]).toEqual([50, true, true]);
    const texts = newest.texts();
    let oldest = messages[0].id;
    for (;;) {
      const page = await createClient(product.url, null).expect(
        200,
        ann.send('GET', `/messages?before=${oldest}`),
      );
      texts.unshift(
        ...page.messages.map((each: { blocks: [{ children: string[] }] }) => each.blocks[0].children[0]),
      );
      oldest = page.messages[0].id;
      if (!page.older) break;
    }
    expect(texts).toEqual(['Hello', 'Hello.', ...Array.from({ length: 120 }, (_, at) => `answer ${at + 1}`)]);
  });

  it('may be a command; its answer is part of what is seen, also after /new', async () => {
    const ann = await visit();
    const watched = await watch(ann);
    answering({ 'I am Ann': 'Hello Ann.' });
    await ann.say('I am Ann');
    await untilTexts(watched, ['I am Ann', 'Hello Ann.']);
    const said = await ann.say('/new');
    expect(said.body.kept).toBe(false);
    await expect
      .poll(() => watched.texts('notice'))
      .toEqual([expect.stringContaining('new conversation begins')]);
    answering({ 'Hello again': 'Who are you?' });
    await ann.say('Hello again');
    await expect.poll(() => watched.texts('agent')).toEqual(['Hello Ann.', 'Who are you?']);
    const reloaded = await watch(ann);
    expect(reloaded.messages().map(({ role }) => role)).toEqual([
      'visitor',
      'agent',
      'notice',
      'visitor',
      'agent',
    ]);
  });

  it('is stopped by /stop', async () => {
    const ann = await visit();
    const watched = await watch(ann);
    answering({ Count: { text: ['One ', 'two ', 'three'], chunkMs: 5_000 } });
    await ann.say('Count');
    await expect
      .poll(() => watched.events.some(({ event, data }) => event === 'draft' && data.blocks.length > 0), {
        timeout: 120_000,
      })
      .toBe(true);
    await ann.say('/stop');
    await expect.poll(() => watched.texts('notice')).toEqual(['Stopped.']);
    await expect.poll(() => watched.events.at(-1)?.event).toBe('idle');
    expect(watched.texts('agent')).toEqual([]);
  });

  it('is told in words why there is no answer', async () => {
    // A key that was refused is not tried again: it is of this test alone.
    chat = await connectWebChat(
      product.owner,
      await createAgent(product.owner, { model: await connectModel(product.owner, models) }),
    );
    const ann = await visit();
    answering({ Hello: { status: 401, message: 'bad key' } });
    await ann.say('Hello');
    const watched = await watch(ann);
    await expect
      .poll(() => watched.texts('notice'))
      .toEqual([expect.stringContaining('model refuses to answer')]);
  });

  it('is all that is shown to it: no tool, no thought, no prompt of a schedule', async () => {
    const ann = await visit();
    const watched = await watch(ann);
    answering({
      'What time is it?': {
        thinking: 'a secret thought',
        text: 'Let me look.',
        toolCalls: [{ name: 'time.now', arguments: { zone: 'UTC' } }],
      },
      tool: 'It is late.',
    });
    await ann.say('What time is it?');
    await untilTexts(watched, ['It is late.'], 'agent');
    const [{ id: conversationId }] = await product.sql('SELECT id FROM conversation WHERE channel_id = $1', [
      chat.id,
    ]);
    answering({ 'Greet the visitor.': 'Good morning.' });
    await product.owner.expect(
      202,
      product.owner.post(`/v1/agents/${agentId}/messages`, { text: 'Greet the visitor.', conversationId }),
    );
    const reloaded = await watch(ann);
    await untilTexts(reloaded, ['It is late.', 'Good morning.'], 'agent');
    expect(reloaded.texts('visitor')).toEqual(['What time is it?']);
    expect(JSON.stringify([watched.events, reloaded.events])).not.toMatch(
      /secret thought|time\.now|"zone"|Greet the/,
    );
  });

  it('shows no draft where the channel is not live', async () => {
    await patch({ live: false });
    const ann = await visit();
    const watched = await watch(ann);
    answering({ Count: { text: ['One ', 'two'], chunkMs: 300 } });
    await ann.say('Count');
    await untilTexts(watched, ['One two'], 'agent');
    const drafts = watched.events.filter(({ event }) => event === 'draft');
    expect(drafts.length).toBeGreaterThan(0);
    expect(drafts.filter(({ data }) => data.blocks.length > 0)).toEqual([]);
  });
});

describe('what is refused', () => {
  it.each([
    ['no text', { text: ' ' }],
    ['too much', { text: 'x'.repeat(8_001) }],
    ['no id', { id: undefined }],
    ['an id that is none', { id: 'x' }],
    ['more fields', { role: 'agent' }],
    ['files where there are none', { files: [{ name: 'a.txt', mediaType: 'text/plain', data: btoa('x') }] }],
  ])('%s', async (_name, more) => {
    const ann = await visit();
    const { status, headers } = await ann.say('Hello', more);
    expect(status).toBe(400);
    // Or the page could not read why.
    expect(headers.get('access-control-allow-origin')).toBe(shopOrigin);
    expect(await count('message')).toBe(0);
  });

  it('too many at once, with the time to wait', async () => {
    const ann = await visit();
    const answers = [];
    for (let at = 0; at < 21; at += 1) answers.push(await ann.say(`Hello ${at}`));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(Number(refused[0]!.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused[0]!.headers.get('access-control-expose-headers')).toBe('retry-after');
    expect((await (await visit()).say('Hello')).status).toBe(202);
  });

  it('people whom nobody has approved, where that is set', async () => {
    await patch({ access: { strangers: 'ignore', people: ['user:42'] } });
    const userToken = await new SignJWT({ sub: '42', exp: Math.floor(Date.now() / 1000) + 600 })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(Buffer.from(chat.secret));
    expect((await (await visit()).say('Hello')).status).toBe(403);
    expect((await (await visit({ body: { userToken } })).say('Hello')).status).toBe(202);
    const { data } = await product.owner.expect(200, product.owner.get(`/v1/channels/${chat.id}/identities`));
    const stranger = data.find(({ externalId }: { externalId: string }) => externalId.startsWith('v-'));
    expect(stranger.name).toMatch(/^Visitor /);
  });
});

describe('files', () => {
  beforeEach(() => patch({ settings: { files: true } }));
  const text = (data: string, name = 'notes.txt') => ({ name, mediaType: 'text/plain', data: btoa(data) });

  it('reach the agent, and stay in the history', async () => {
    const ann = await visit();
    answering({ 'What does it say?': 'It is 4711.' });
    expect((await ann.say('What does it say?', { files: [text('The code is 4711.')] })).status).toBe(202);
    const watched = await watch(ann);
    await untilTexts(watched, ['It is 4711.'], 'agent');
    expect(JSON.stringify(models.requests.at(-1)!.body.messages)).toContain('The code is 4711.');
    expect(watched.messages()[0]!.files).toEqual([{ name: 'notes.txt', mediaType: 'text/plain' }]);
    expect(JSON.stringify(watched.events)).not.toContain(btoa('The code is 4711.'));
  });

  it('of other kinds, and too large, are refused', async () => {
    const ann = await visit();
    const half = 'x'.repeat(2.1 * 1024 * 1024);
    for (const files of [
      [{ name: 'a.html', mediaType: 'text/html', data: btoa('<b>') }],
      [{ ...text('x'), data: 'not base64!' }],
      [text(half), text(half)],
      Array(6).fill(text('x')),
    ])
      expect((await ann.say('Look', { files })).status).toBe(400);
    expect(await count('file')).toBe(0);
  });
});

it('an address is the proxy’s, unless it is one that is trusted', async () => {
  const proxied = await startProduct({ trustedProxies: ['127.0.0.1'] });
  try {
    const behind = await connectWebChat(proxied.owner, await createAgent(proxied.owner));
    const begin = (url: string, to: WebChat, address: string) =>
      createClient(url, null).post(
        `/v1/widget/${to.key}/sessions`,
        {},
        { origin: shopOrigin, 'x-forwarded-for': address },
      );
    const statuses = async (url: string, to: WebChat, addressOf: (at: number) => string) =>
      new Set(
        await Promise.all(
          Array.from({ length: 40 }, async (_, at) => (await begin(url, to, addressOf(at))).status),
        ),
      );
    expect(await statuses(proxied.url, behind, (at) => `203.0.113.${at}`)).toEqual(new Set([201]));
    expect(await statuses(proxied.url, behind, () => '203.0.113.200')).toEqual(new Set([201, 429]));
    expect(await statuses(product.url, chat, (at) => `203.0.113.${at}`)).toEqual(new Set([201, 429]));
  } finally {
    await close(proxied);
  }
});

it('streams are bounded for each visitor, and free again when they end', async () => {
  const ann = await visit();
  const streams = await Promise.all(Array.from({ length: 10 }, () => watch(ann)));
  await expect(ann.watch()).rejects.toThrow('429');
  streams[0]!.leave();
  await expect
    .poll(
      () =>
        ann.watch().then(
          (watched) => seen.push(watched),
          () => 0,
        ),
      { interval: 300 },
    )
    .toBe(11);
});
