import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAgent, createClient, type Product, startProduct } from '../support/api/index.ts';

let product: Product;
let agentId: string;

beforeAll(async () => {
  product = await startProduct();
  agentId = await createAgent(product.owner);
});

afterAll(() => product.close());

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
  const body = { name: 'twice' };
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
     WHERE key = $1`,
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

it('replays a new API key, and stores nothing of it in clear', async () => {
  const headers = nextKey();
  const body = { name: 'replayed', role: 'viewer' };
  const first = await product.owner.post('/v1/api-keys', body, headers);
  const second = await product.owner.post('/v1/api-keys', body, headers);
  expect(first.status).toBe(201);
  expect(second).toMatchObject({ status: 201, body: first.body });
  expect((await createClient(product.url, second.body.key).get('/v1/me')).status).toBe(200);
  const rows = await product.sql('SELECT row_to_json(r)::text AS row FROM idempotency_record r');
  expect(rows.length).toBeGreaterThan(0);
  for (const { row } of rows) expect(row).not.toContain(first.body.key);
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
