import { randomBytes, randomUUID } from 'node:crypto';
import { resolveApiKey } from '@nightshift/core/api-keys';
import { sealContext, unseal } from '@nightshift/core/secrets';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Client,
  createAgent,
  documentedRoutes,
  type Product,
  startProduct,
} from '../support/api/index.ts';

let product: Product;
let agentId: string;

beforeAll(async () => {
  product = await startProduct();
  agentId = await createAgent(product.owner);
});

afterAll(() => product.close());

const callerOf = async (key: string) => (await resolveApiKey(product.db, key))!;

let keys = 0;
const nextKey = () => ({ 'idempotency-key': `key-${keys++}` });

const say = (headers: Record<string, string>, text = 'hello') =>
  product.owner.post(`/v1/agents/${agentId}/messages`, { text }, headers);

it('gives the first answer again, and does nothing again', async () => {
  const headers = nextKey();
  const [first, second] = [await say(headers), await say(headers)];
  expect(first.status).toBe(202);
  expect(first.headers.get('idempotency-replayed')).toBeNull();
  expect(second).toMatchObject({ status: 202, body: first.body });
  expect(second.headers.get('idempotency-replayed')).toBe('true');
  expect(second.headers.get('content-type')).toMatch(/^application\/json/);
  const { data } = (await product.owner.get('/v1/runs')).body;
  expect(data.filter(({ id }: { id: string }) => id === first.body.runId)).toHaveLength(1);
});

it('takes ten at once for one', async () => {
  const before = (await product.sql('SELECT count(*)::int AS n FROM run'))[0].n;
  const headers = nextKey();
  const answers = await Promise.all(Array.from({ length: 10 }, () => say(headers)));
  expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
  expect(answers[0]!.status).toBe(202);
  expect((await product.sql('SELECT count(*)::int AS n FROM run'))[0].n).toBe(before + 1);
});

it('refuses the key with another body, another path, and keeps the first answer', async () => {
  const headers = nextKey();
  const first = await say(headers);
  const conflict = { status: 409, body: expect.objectContaining({ code: 'idempotency_conflict' }) };
  expect(await say(headers, 'something else')).toMatchObject(conflict);
  expect(await product.owner.post('/v1/agents', { name: 'x' }, headers)).toMatchObject(conflict);
  expect(await say(headers)).toMatchObject({ status: 202, body: first.body });
});

it('keeps a refusal too', async () => {
  const headers = nextKey();
  const body = { name: `twice ${randomUUID()}` };
  await createAgent(product.owner, body);
  const first = await product.owner.post('/v1/agents', body, headers);
  expect(first).toMatchObject({ status: 409, body: { code: 'conflict' } });
  const second = await product.owner.post('/v1/agents', body, headers);
  expect(second).toMatchObject({ status: 409, body: first.body });
  expect(second.headers.get('content-type')).toMatch(/^application\/problem\+json/);
});

it('lets a request that failed with 5xx be made again', async () => {
  const headers = nextKey();
  await product.sql('ALTER TABLE message RENAME TO message_gone');
  const failed = await say(headers);
  await product.sql('ALTER TABLE message_gone RENAME TO message');
  expect(failed).toMatchObject({ status: 500, body: { code: 'internal_error' } });
  const second = await say(headers);
  expect(second.status).toBe(202);
  expect(second.headers.get('idempotency-replayed')).toBeNull();
});

it('does not say twice what was stored before its answer was lost', async () => {
  const headers = nextKey();
  const first = await say(headers);
  // As if the process had died between the message and its answer, two minutes ago.
  await product.sql(
    `UPDATE idempotency_record SET status = NULL, body = NULL, created_at = now() - interval '3 minutes'
     WHERE key LIKE '%' || $1`,
    [headers['idempotency-key']],
  );
  expect(await say(headers)).toMatchObject({ status: 202, body: first.body });
});

it('answers a caller who left while it waited', async () => {
  const headers = nextKey();
  const path = `/v1/agents/${agentId}/messages?wait=10`;
  const leaving = fetch(product.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${product.owner.key}`, 'content-type': 'application/json', ...headers },
    body: '{"text":"I leave"}',
    signal: AbortSignal.timeout(200),
  });
  await expect(leaving).rejects.toThrow();
  expect(await product.owner.post(path, { text: 'I leave' }, headers)).toMatchObject({
    status: 202,
    body: { runId: expect.any(String) },
  });
});

interface Documented {
  content?: Record<string, { schema: { properties?: Record<string, { 'x-shown-once'?: boolean }> } }>;
}

describe('an answer that shows a secret once', () => {
  const hook = { url: 'http://127.0.0.1:9/hook', events: ['run.finished'] };
  const given = `whsec_${randomBytes(32).toString('base64')}`;
  const web = () => ({ kind: 'web', agentId, settings: { origins: ['https://shop.example.com'] } });

  it.each([
    ['a new API key', '/v1/api-keys', () => ({ name: 'once', role: 'viewer' }), 'key'],
    ['a signing secret that was made', '/v1/webhooks', () => hook, 'signingSecret'],
    ['a signing secret that was given', '/v1/webhooks', () => ({ ...hook, secret: given }), 'signingSecret'],
    ['the secrets of a channel', '/v1/channels', web, 'generated'],
  ] as const)('is given again without it: %s', async (_what, path, bodyOf, field) => {
    const headers = nextKey();
    const first = await product.owner.post(path, bodyOf(), headers);
    const second = await product.owner.post(path, bodyOf(), headers);
    const { [field]: shown, ...rest } = first.body;
    expect(first.status).toBe(201);
    expect(first.headers.get('idempotency-withheld')).toBeNull();
    const secrets = typeof shown === 'string' ? [shown] : Object.values<string>(shown);
    expect(secrets.length).toBeGreaterThan(0);
    expect(second).toMatchObject({ status: 201, body: rest });
    expect(second.body).not.toHaveProperty(field);
    expect(second.headers.get('idempotency-replayed')).toBe('true');
    expect(second.headers.get('idempotency-withheld')).toBe(field);
    for (const secret of secrets) expect(second.text).not.toContain(secret);
    // Not stored either, not even sealed.
    const [stored] = await product.sql(`SELECT body FROM idempotency_record WHERE key LIKE '%' || $1`, [
      headers['idempotency-key'],
    ]);
    expect(stored.body).not.toContain(secrets[0]);
    const { keyId } = await callerOf(product.owner.key!);
    const context = sealContext(product.id, `${keyId} ${headers['idempotency-key']}`, 'answer');
    const opened = unseal(product.deps.kek, JSON.parse(stored.body), context);
    expect(JSON.parse(opened)).toEqual(second.body);
    for (const secret of secrets) expect(opened).not.toContain(secret);
  });

  it('is given again whole where there was none', async () => {
    const headers = nextKey();
    const body = { kind: 'webhook', agentId, settings: { url: hook.url }, credentials: { secret: given } };
    const first = await product.owner.post('/v1/channels', body, headers);
    const second = await product.owner.post('/v1/channels', body, headers);
    expect(first).toMatchObject({ status: 201, body: { generated: {} } });
    expect(second).toMatchObject({ status: 201, body: first.body });
    expect(second.headers.get('idempotency-withheld')).toBeNull();
  });

  it('is one that the contracts mark, on every route that takes a key', async () => {
    const routes = await documentedRoutes(product.owner);
    const marked = routes.flatMap(({ name, operation }) =>
      Object.values<Documented>(operation.responses).flatMap((answer) =>
        Object.entries(answer.content?.['application/json']?.schema.properties ?? {})
          .filter(([, field]) => field['x-shown-once'])
          .map(([field]) => `${name} ${field}`),
      ),
    );
    expect([...new Set(marked)].sort()).toEqual([
      'PATCH /v1/webhooks/{id} signingSecret',
      'POST /v1/api-keys key',
      'POST /v1/channels generated',
      'POST /v1/webhooks signingSecret',
      'PUT /v1/channels/by-name/{name} generated',
      'PUT /v1/webhooks/by-name/{name} signingSecret',
    ]);
    const description = (name: string) =>
      routes.find((route) => route.name === name)!.operation.description as string;
    expect(description('POST /v1/api-keys')).toContain('`Idempotency-Withheld`');
    expect(description('POST /v1/agents')).toContain('`Idempotency-Replayed: true`');
  });
});

describe('another caller with the same key', () => {
  it.each([
    ['/v1/api-keys', { name: 'mine', role: 'viewer' }],
    ['/v1/schedules', { name: 'mine', prompt: 'x', everySeconds: 3600 }],
    ['/v1/agents', { name: 'mine' }],
  ])('makes one of its own: %s', async (path, body) => {
    const headers = nextKey();
    const admin = await product.caller('admin');
    const name = randomUUID();
    const send = (caller: Client, nth: number) =>
      caller.post(
        path,
        { ...body, ...(path === '/v1/schedules' && { agentId }), name: `${name} ${nth}` },
        headers,
      );
    const [mine, theirs] = [await send(product.owner, 1), await send(admin, 1)];
    expect(mine.status).toBe(201);
    expect(theirs.headers.get('idempotency-replayed')).toBeNull();
    if (path === '/v1/agents') expect(theirs.status).toBe(409);
    else expect(theirs.body.id).not.toBe(mine.body.id);
    // Nor does it get in the way of the first.
    expect(await send(product.owner, 1)).toMatchObject({ status: 201, body: { id: mine.body.id } });
    expect((await send(admin, 2)).status).toBe(409);
  });

  it('says something of its own, the same words to the same agent', async () => {
    const headers = nextKey();
    const member = await product.caller('member');
    const mine = await say(headers);
    const theirs = await member.post(`/v1/agents/${agentId}/messages`, { text: 'hello' }, headers);
    expect(theirs.status).toBe(202);
    expect(theirs.body.messageId).not.toBe(mine.body.messageId);
  });

  it('is not a caller whose id the key names', async () => {
    const admin = await product.caller('admin');
    const { keyId } = await callerOf(admin.key!);
    const body = { name: 'of the admin', role: 'viewer' };
    await admin.post('/v1/api-keys', body, { 'idempotency-key': 'k' });
    const answer = await product.owner.post('/v1/api-keys', body, { 'idempotency-key': `${keyId}k` });
    expect(answer.headers.get('idempotency-replayed')).toBeNull();
  });
});

it('keeps the keys of two teams apart', async () => {
  const headers = nextKey();
  await say(headers);
  const other = await product.addTeam('other');
  const answer = await other.owner.post('/v1/agents', { name: 'x' }, headers);
  expect(answer.status).toBe(201);
});

it.each(['', 'two words', 'x'.repeat(256), 'é'])('refuses the Idempotency-Key %j', async (key) => {
  expect(await say({ 'idempotency-key': key })).toMatchObject({
    status: 400,
    body: { code: 'invalid_request' },
  });
});
