import { generateKeyPairSync } from 'node:crypto';
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
      weight: 1,
      parameters: {},
      prices: null,
      health: { status: 'unknown', problem: null, until: null },
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

  it('has a weight, parameters and prices, which change and are checked again', async () => {
    const { id, ...credential } = await made({
      provider: 'azure',
      apiKey,
      weight: 0,
      parameters: { resource: 'my-team', wire: 'openai-responses' },
      prices: { input: '0.5', output: '2' },
    });
    expect(credential).toMatchObject({
      weight: 0,
      parameters: { resource: 'my-team', wire: 'openai-responses' },
      prices: { input: '0.5', output: '2' },
    });
    const patch = (body: object) => product.owner.patch(`/v1/provider-credentials/${id}`, body);
    const ours = { parameters: { resource: 'ours' }, apiKey };
    expect((await patch({ weight: 7, prices: null, ...ours })).body).toMatchObject({
      weight: 7,
      prices: null,
      parameters: { resource: 'ours' },
    });
    expect((await patch({ parameters: {} })).body.errors).toMatchObject([{ path: 'parameters.resource' }]);
    // With an address of its own it needs none; and when that is taken away, it does again.
    const proxy = 'https://proxy.example/v1';
    expect((await patch({ parameters: {}, baseUrl: proxy, apiKey })).body).toMatchObject({ baseUrl: proxy });
    expect((await patch({ baseUrl: null })).body.errors).toMatchObject([{ path: 'parameters.resource' }]);
    expect((await patch({ baseUrl: null, ...ours })).body.baseUrl).toBeNull();
  });

  it('may be a service account, of which nothing is shown', async () => {
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    const account = { type: 'service_account', client_email: 'a@b.example', private_key: privateKey };
    const body = {
      provider: 'vertex',
      parameters: { project: 'p1' },
      apiKey: JSON.stringify(account, null, 2),
    };
    expect((await made(body)).apiKey).toEqual({ set: true, last4: null });
  });

  it('shows what the workers have learned of it, until it is changed', async () => {
    const { id } = await made({ provider: 'openai', apiKey });
    const healthOf = async () => (await product.owner.get('/v1/provider-credentials')).body.data[0].health;
    const learn = (circuit: string, kind: string, openFor: string | null) =>
      product.sql(
        `INSERT INTO provider_health (id, team_id, provider, model, credential_id, open_until, error_kind, error)
         VALUES ($1, $2, 'openai', 'gpt-5.4', $3, now() + $4::interval, $5, 'Something is wrong.')`,
        [circuit, product.id, id, openFor, kind],
      );
    await learn('well again', 'server', null);
    await learn('over', 'rate', '-1 minute');
    expect(await healthOf()).toMatchObject({ status: 'unknown' });
    await learn('resting', 'rate', '1 minute');
    expect(await healthOf()).toEqual({
      status: 'resting',
      problem: 'gpt-5.4: Something is wrong.',
      until: expect.stringMatching(/^20.*Z$/),
    });
    // Refused until somebody has done something, though it may be tried again.
    await learn('refused', 'auth', '-1 minute');
    expect(await healthOf()).toMatchObject({ status: 'refused', until: null });
    await product.owner.patch(`/v1/provider-credentials/${id}`, { label: 'renamed' });
    expect(await healthOf()).toMatchObject({ status: 'refused' });
    await product.owner.patch(`/v1/provider-credentials/${id}`, { apiKey: 'sk-another-0123456789' });
    expect(await healthOf()).toMatchObject({ status: 'unknown', problem: null });
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
    ['baseUrl', { provider: 'openai', apiKey, baseUrl: 'not a URL' }],
    ['apiKey', { provider: 'openai', apiKey: '{"type":"service_account"}' }],
    ['apiKey', { provider: 'vertex', parameters: { project: 'p' }, apiKey: '{"type":"service_account"}' }],
    ['apiKey', { provider: 'vertex', parameters: { project: 'p' }, apiKey: '{broken' }],
    ['weight', { provider: 'openai', apiKey, weight: 1001 }],
    ['weight', { provider: 'openai', apiKey, weight: 0.5 }],
    ['parameters.resource', { provider: 'azure', apiKey }],
    ['parameters.resource', { provider: 'azure', apiKey, parameters: { resource: 'evil.example/' } }],
    ['parameters.region', { provider: 'azure', apiKey, parameters: { resource: 'fine', region: 'us' } }],
    ['parameters.wire', { provider: 'azure', apiKey, parameters: { resource: 'fine', wire: 'telex' } }],
    ['prices.input', { provider: 'openai', apiKey, prices: { input: '-1', output: '1' } }],
    ['prices.input', { provider: 'openai', apiKey, prices: { input: 1, output: '1' } }],
    ['prices.output', { provider: 'openai', apiKey, prices: { input: '1' } }],
  ])('is refused at %s: %j', async (path, body) => {
    const answer = await create(body);
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    expect(answer.body.errors.map((error: { path: string }) => error.path)).toContain(path);
    if ('apiKey' in body) expect(answer.text).not.toContain(body.apiKey);
    expect(answer.text).not.toContain('secret');
  });
});
