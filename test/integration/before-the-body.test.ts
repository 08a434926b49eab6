/** What is refused before a byte of the body is read: the requests here announce bodies that never come. */
import { randomBytes, randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type Client,
  createAgent,
  openRaw,
  type Product,
  type RawConnection,
  rawHead,
  startProduct,
} from '../support/api/index.ts';
import {
  beginVisit,
  connectProgram,
  connectWebChat,
  type Program,
  shopOrigin,
  startProgram,
  startVisitor,
  type Visitor,
  type WebChat,
} from '../support/channel/index.ts';

let product: Product;
let viewer: Client;
let program: Program;
let hookPath: string;
let chat: WebChat;
let filesChat: WebChat;
let visitor: Visitor;
let filesVisitor: Visitor;
const open: RawConnection[] = [];

beforeAll(async () => {
  product = await startProduct();
  viewer = await product.caller('viewer');
  program = await startProgram();
  hookPath = new URL((await connectProgram(product, program)).hookUrl).pathname;
  const agentId = await createAgent(product.owner);
  chat = await connectWebChat(product.owner, agentId);
  filesChat = await connectWebChat(product.owner, agentId, { settings: { files: true } });
  visitor = await startVisitor(product.url, chat);
  filesVisitor = await startVisitor(product.url, filesChat);
});
afterEach(() => {
  for (const { socket } of open.splice(0)) socket.destroy();
});
afterAll(async () => {
  await program.close();
  await product.close();
});

const json = { 'content-type': 'application/json' };
const twoMegabytes = { ...json, 'content-length': 2_000_000 };
const bearer = (key: string | null) => ({ authorization: `Bearer ${key}` });

async function ask(
  method: string,
  path: string,
  headers: Record<string, string | number>,
  url = product.url,
) {
  const connection = openRaw(url);
  open.push(connection);
  connection.send(rawHead(method, path, headers));
  return { connection, ...(await connection.answer()) };
}

describe('the REST API', () => {
  it.each([
    ['POST', '/v1/agents', {}, 401],
    ['POST', '/v1/agents', { authorization: 'Bearer nonsense' }, 401],
    ['POST', '/v1/agents', bearer(`ns_${'x'.repeat(43)}`), 401],
    ['PATCH', '/v1/agents/00000000-0000-7000-8000-000000000000', {}, 401],
    ['DELETE', '/v1/agents/00000000-0000-7000-8000-000000000000', {}, 401],
    ['POST', '/openai/v1/chat/completions', {}, 401],
    ['PUT', '/queues/api/queues/pause', {}, 401],
    ['POST', '/v1/nothing', {}, 404],
    ['PUT', '/v1/agents', {}, 404],
    ['OPTIONS', '/v1/agents', {}, 404],
    ['POST', '/', {}, 404],
    ['POST', '/docs/', {}, 404],
    ['GET', '/v1/agents', {}, 401],
  ])('%s %s with %j', async (method, path, headers, status) => {
    expect(await ask(method, path, { ...twoMegabytes, ...headers })).toMatchObject({ status });
  });

  it.each([
    ['POST', '/v1/agents'],
    ['POST', '/v1/api-keys'],
    ['POST', '/openai/v1/chat/completions'],
    ['PATCH', '/v1/team'],
  ])('the role, at %s %s', async (method, path) => {
    expect(await ask(method, path, { ...twoMegabytes, ...bearer(viewer.key) })).toMatchObject({
      status: 403,
    });
  });

  it('a body over the limit, one of another type, and one where none belongs', async () => {
    const owner = bearer(product.owner.key);
    const large = { ...json, 'content-length': 3 * 1024 * 1024, ...owner };
    expect(await ask('POST', '/v1/agents', large)).toMatchObject({ status: 413 });
    const other = { 'content-type': 'text/plain', 'content-length': 1000, ...owner };
    expect(await ask('POST', '/v1/agents', other)).toMatchObject({ status: 415 });
    const cancel = `/v1/runs/${randomUUID()}/cancel`;
    expect(await ask('POST', cancel, { ...twoMegabytes, ...owner })).toMatchObject({ status: 413 });
  });

  it('a key that has made too many requests', async () => {
    const limited = await startProduct({ rateLimitPerMinute: 2 });
    try {
      for (let request = 0; request < 2; request += 1) await limited.owner.get('/v1/team');
      const headers = { ...twoMegabytes, ...bearer(limited.owner.key) };
      expect(await ask('POST', '/v1/agents', headers, limited.url)).toMatchObject({ status: 429 });
    } finally {
      await limited.close();
    }
  });
});

describe('the web chat', () => {
  const path = (what: string, { key }: WebChat = chat) => `/v1/widget/${key}/${what}`;
  const page = { origin: shopOrigin };

  it.each(['sessions', 'messages'])('POST %s of a page that is not let in, or of no chat', async (what) => {
    const foreign = { ...twoMegabytes, origin: 'https://evil.example' };
    expect(await ask('POST', path(what), foreign)).toMatchObject({ status: 403 });
    const nowhere = `/v1/widget/${'x'.repeat(43)}/${what}`;
    expect(await ask('POST', nowhere, { ...twoMegabytes, ...page })).toMatchObject({ status: 404 });
  });

  it('a message without a token, or with one that is none', async () => {
    for (const token of [{}, bearer('x'), bearer(`${visitor.token}x`), bearer(filesVisitor.token)])
      expect(
        await ask('POST', path('messages'), { ...json, ...page, ...token, 'content-length': 100 }),
      ).toMatchObject({
        status: 401,
      });
  });

  it('a session with a token that is none', async () => {
    const headers = { ...json, ...page, ...bearer('x'), 'content-length': 100 };
    expect(await ask('POST', path('sessions'), headers)).toMatchObject({ status: 401 });
  });

  it('more than 16 KiB where no token is needed, and more than text where the chat takes no files', async () => {
    const of = (bytes: number) => ({ ...json, ...page, 'content-length': bytes });
    expect(await ask('POST', path('sessions'), of(16 * 1024 + 1))).toMatchObject({ status: 413 });
    const mine = bearer(visitor.token);
    expect(await ask('POST', path('messages'), { ...of(64 * 1024 + 1), ...mine })).toMatchObject({
      status: 413,
    });
    const theirs = bearer(filesVisitor.token);
    const large = { ...of(7 * 1024 * 1024), ...theirs };
    expect(await ask('POST', path('messages', filesChat), large)).toMatchObject({ status: 413 });
  });

  it('one that comes in chunks is read up to what text needs', async () => {
    const headers = { ...json, ...page, ...bearer(filesVisitor.token), 'transfer-encoding': 'chunked' };
    const connection = openRaw(product.url);
    open.push(connection);
    connection.send(rawHead('POST', path('messages', filesChat), headers));
    const chunk = 'x'.repeat(32 * 1024);
    for (let at = 0; at < 3; at += 1) connection.send(`${chunk.length.toString(16)}\r\n${chunk}\r\n`);
    expect(await connection.answer()).toMatchObject({ status: 413 });
  });

  it('what a visitor sends in an hour, by what is announced', async () => {
    const other = await startVisitor(product.url, filesChat);
    const headers = { ...json, ...page, ...bearer(other.token), 'content-length': 5 * 1024 * 1024 };
    const statuses: (number | string)[] = [];
    // 64 MiB: twelve of these, of which the server would read each; the thirteenth it refuses.
    for (let at = 0; at < 12; at += 1) {
      const connection = openRaw(product.url);
      connection.send(rawHead('POST', path('messages', filesChat), headers));
      connection.send(' '.repeat(100));
      open.push(connection);
    }
    await expect
      .poll(async () => {
        const { status } = await ask('POST', path('messages', filesChat), headers);
        statuses.push(status);
        return status;
      })
      .toBe(429);
  });

  it("a visitor's messages that are too many", async () => {
    const other = await startVisitor(product.url, chat);
    for (let at = 0; at < 20; at += 1) expect((await other.say('Hello')).status).toBe(202);
    const headers = { ...json, ...page, ...bearer(other.token), 'content-length': 100 };
    const { status, head } = await ask('POST', path('messages'), headers);
    expect(status).toBe(429);
    expect(head).toMatch(/^retry-after: [1-9]/im);
  });

  it('a chat that is closed', async () => {
    const closed = await connectWebChat(product.owner, await createAgent(product.owner));
    await product.owner.expect(200, product.owner.post(`/v1/channels/${closed.id}/pause`));
    expect(await ask('POST', path('sessions', closed), { ...twoMegabytes, ...page })).toMatchObject({
      status: 503,
    });
  });

  it('takes the longest text as its longest escape', async () => {
    const body = `{"id": "${randomUUID()}", "text": "${'\\u00fc'.repeat(8_000)}"}`;
    const { status } = await visitor.send('POST', '/messages', body, json);
    expect(status).toBe(202);
  });

  it('slows down who guesses tokens, and nobody with a good one behind the same address', async () => {
    const guessed = await connectWebChat(product.owner, await createAgent(product.owner));
    const good = await startVisitor(product.url, guessed);
    const statuses = new Map<number, number>();
    for (let at = 0; at < 80; at += 1) {
      const userToken = await new SignJWT({ sub: '1', exp: Math.floor(Date.now() / 1000) + 60 })
        .setProtectedHeader({ alg: 'HS256' })
        .sign(randomBytes(32));
      const options =
        at % 2 === 0 ? { body: { userToken } } : { token: `v1.${'x'.repeat(40)}.${'x'.repeat(43)}` };
      const { status } = await beginVisit(product.url, guessed, options);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    expect(Object.fromEntries(statuses)).toEqual({ 401: 60, 429: 20 });
    expect((await good.say('Hello')).status).toBe(202);
    expect((await beginVisit(product.url, guessed, { token: good.token })).status).toBe(201);
  });
});

describe('hooks of platforms', () => {
  it('an address that leads nowhere, and a body over the limit', async () => {
    expect(await ask('POST', `/v1/hooks/${'x'.repeat(43)}`, twoMegabytes)).toMatchObject({ status: 404 });
    expect(await ask('POST', hookPath, { 'content-length': 3 * 1024 * 1024 + 1 })).toMatchObject({
      status: 413,
    });
  });

  it("a body over the platform's own limit", async () => {
    const credentials = { authToken: '0'.repeat(32) };
    const settings = { accountSid: `AC${'0'.repeat(32)}`, sender: '+15005550006' };
    const body = { kind: 'sms', agentId: await createAgent(product.owner), credentials, settings };
    const sms = await product.owner.expect(201, product.owner.post('/v1/channels', body));
    const path = new URL(sms.webhookUrl).pathname;
    expect(await ask('POST', path, { 'content-length': 64 * 1024 + 1 })).toMatchObject({ status: 413 });
  });

  it('who signs wrongly again and again, but nobody who has signed well from the same address', async () => {
    const post = (url: string) => fetch(url, { method: 'POST', body: '{}' });
    const [strange, other] = [await connectProgram(product, program), await connectProgram(product, program)];
    const statuses: number[] = [];
    for (let at = 0; at < 310; at += 1) statuses.push((await post(strange.hookUrl)).status);
    expect(statuses).toEqual([...Array(300).fill(401), ...Array(10).fill(429)]);
    const path = new URL(strange.hookUrl).pathname;
    expect(await ask('POST', path, { 'content-length': 1000 })).toMatchObject({ status: 429 });
    // Another channel counts on its own.
    expect((await program.say(other.hookUrl, 'Hello')).status).toBe(200);
    for (let at = 0; at < 310; at += 1) expect((await post(other.hookUrl)).status).toBe(401);
    expect((await program.say(other.hookUrl, 'Hello')).status).toBe(200);
  });
});

describe('a connection whose body was not read', () => {
  it('is good for the next request once a small body has come after all', async () => {
    const { connection } = await ask('POST', '/v1/agents', { ...json, 'content-length': 100_000 });
    connection.send('x'.repeat(100_000));
    connection.send(rawHead('GET', '/healthz'));
    expect(await connection.answer()).toMatchObject({ status: 200, body: '{"ok":true}' });
  });

  it('is ended when the rest does not come, or does not end', async () => {
    const quiet = await ask('POST', '/v1/agents', { ...json, 'content-length': 100_000 });
    const endless = await ask('POST', '/v1/agents', { ...json, 'transfer-encoding': 'chunked' });
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    let isClosed = false;
    endless.connection.closed.then(() => {
      isClosed = true;
    });
    const { socket } = endless.connection;
    while (!isClosed && socket.bytesWritten < 200 * 1024 * 1024) {
      if (!socket.write(chunk))
        await Promise.race([
          new Promise((resolve) => socket.once('drain', resolve)),
          endless.connection.closed,
        ]);
      else await new Promise((resolve) => setImmediate(resolve));
    }
    expect(isClosed).toBe(true);
    await quiet.connection.closed;
  });

  it('is not told to go on with a body that nobody wants', async () => {
    const expecting = { ...twoMegabytes, expect: '100-continue' };
    const refused = await ask('POST', '/v1/agents', expecting);
    expect(refused.status).toBe(401);
    expect(refused.connection.received()).not.toContain('100 Continue');
    await refused.connection.closed;

    const body = JSON.stringify({ name: `patient ${randomUUID()}` });
    const owner = { ...json, ...bearer(product.owner.key), 'content-length': body.length };
    const wanted = openRaw(product.url);
    open.push(wanted);
    wanted.send(rawHead('POST', '/v1/agents', { ...owner, expect: '100-continue' }));
    expect((await wanted.answer()).head).toBe('HTTP/1.1 100 Continue');
    wanted.send(body);
    expect(await wanted.answer()).toMatchObject({ status: 201 });
  });
});
