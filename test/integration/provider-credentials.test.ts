import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Product, startProduct } from '../support/api/index.ts';

const apiKey = 'sk-secret-0123456789-wxyz';

let product: Product;

beforeAll(async () => {
  product = await startProduct();
});

beforeEach(() => product.sql('DELETE FROM provider_credential'));

afterAll(() => product.close());

const create = (body: object) => product.owner.post('/v1/provider-credentials', body);
const made = (body: object) => product.owner.expect(201, create(body));

describe('a provider credential', () => {
  it('shows that there is a key and its end, and never the key', async () => {
    const credential = await made({ provider: 'openai', apiKey });
    expect(credential).toEqual({
      id: expect.any(String),
      provider: 'openai',
      label: 'default',
      name: null,
      baseUrl: null,
      apiKey: { set: true, last4: 'wxyz' },
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
      lastUsedAt: null,
    });
    expect((await product.owner.get('/v1/provider-credentials')).body.data).toEqual([credential]);
  });

  it('shows nothing of a key that is nearly all end', async () => {
    expect((await made({ provider: 'openai', apiKey: 'short-key' })).apiKey).toEqual({
      set: true,
      last4: null,
    });
  });

  it('is rotated and renamed, and forgotten', async () => {
    const { id } = await made({ provider: 'openai', apiKey });
    const patch = (body: object) => product.owner.patch(`/v1/provider-credentials/${id}`, body);
    expect((await patch({ apiKey: 'sk-another-0123456789-abcd', label: 'new' })).body).toMatchObject({
      label: 'new',
      apiKey: { set: true, last4: 'abcd' },
    });
    expect((await patch({})).status).toBe(400);
    expect((await patch({ provider: 'anthropic' })).body.detail).toContain('provider');
    expect((await product.owner.delete(`/v1/provider-credentials/${id}`)).status).toBe(204);
    expect((await patch({ label: 'gone' })).status).toBe(404);
    expect((await product.owner.delete(`/v1/provider-credentials/${id}`)).status).toBe(404);
  });

  it('may be one of several for a vendor, told apart by their labels', async () => {
    const first = await made({ provider: 'openai', apiKey, label: 'first' });
    await made({ provider: 'openai', apiKey, label: 'second' });
    const taken = { status: 409, body: { code: 'conflict', errors: [{ path: 'label' }] } };
    expect(await create({ provider: 'openai', apiKey, label: 'first' })).toMatchObject(taken);
    const renamed = product.owner.patch(`/v1/provider-credentials/${first.id}`, { label: 'second' });
    expect(await renamed).toMatchObject(taken);
  });

  it("may be an endpoint of one's own, with a name and maybe without a key", async () => {
    const endpoint = { provider: 'openai-compatible', name: 'our-gpu', baseUrl: 'http://10.0.0.1:8000/v1/' };
    expect(await made(endpoint)).toMatchObject({
      name: 'our-gpu',
      label: 'our-gpu',
      baseUrl: 'http://10.0.0.1:8000/v1',
      apiKey: { set: false, last4: null },
    });
    expect(await create({ ...endpoint, label: 'again' })).toMatchObject({ status: 409 });
  });

  it.each([
    ['provider', { provider: 'nobody', apiKey }],
    ['provider', { provider: 'demo', apiKey }],
    ['apiKey', { provider: 'openai' }],
    ['apiKey', { provider: 'openai', apiKey: 'two words' }],
    ['apiKey', { provider: 'openai', apiKey: 'line\nbreak' }],
    ['apiKey', { provider: 'openai', apiKey: 'ключ' }],
    ['name', { provider: 'openai', apiKey, name: 'mine' }],
    ['name', { provider: 'openai-compatible', baseUrl: 'http://x/v1' }],
    ['baseUrl', { provider: 'openai-compatible', name: 'mine' }],
    ['name', { provider: 'openai-compatible', baseUrl: 'http://x/v1', name: 'openai' }],
    ['name', { provider: 'openai-compatible', baseUrl: 'http://x/v1', name: 'Mine!' }],
    ['baseUrl', { provider: 'openai', apiKey, baseUrl: 'ftp://x' }],
    ['baseUrl', { provider: 'openai', apiKey, baseUrl: 'http://user:secret@x/v1' }],
    ['baseUrl', { provider: 'openai', apiKey, baseUrl: 'http://x/v1?key=secret' }],
  ])('is refused at %s: %j', async (path, body) => {
    const answer = await create(body);
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    expect(answer.body.errors.map((error: { path: string }) => error.path)).toContain(path);
    if ('apiKey' in body) expect(answer.text).not.toContain(body.apiKey);
    expect(answer.text).not.toContain('secret');
  });
});
