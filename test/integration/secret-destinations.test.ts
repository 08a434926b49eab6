/** A stored secret goes only where it was meant to go: every kind of the catalogues, each of its settings. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { adapterSource, builtInAdapters, type ChannelAdapter, channelCatalog } from '@nightshift/channels';
import { vendors, wiresOf } from '@nightshift/providers';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { createAgent, type Product, startProduct } from '../support/api/index.ts';

let product: Product;
let agentId: string;

// Each kind as it is, but with schemas that take whatever the catalogue lists: what is refused here is refused for where
// it leads, and a new kind is covered by being in the catalogue.
const anything = z.record(z.string(), z.unknown());
const lenient = await Promise.all(
  channelCatalog.map(async ({ slug }) => ({
    ...((await builtInAdapters.load(slug)) as ChannelAdapter),
    credentials: anything,
    settings: anything,
  })),
);

beforeAll(async () => {
  product = await startProduct({ adapters: adapterSource(lenient) });
  agentId = await createAgent(product.owner);
});
afterAll(() => product.close());

const add = async (kind: string, credentials: object, settings: object): Promise<string> => {
  const body = { kind, agentId, credentials, settings };
  return (await product.owner.expect(201, product.owner.post('/v1/channels', body))).id;
};
const patch = (id: string, body: object) => product.owner.patch(`/v1/channels/${id}`, body);
const settingsOf = async (id: string) =>
  (await product.owner.expect(200, product.owner.get(`/v1/channels/${id}`))).settings;

/** What may change alone. Whoever adds to it has thought about where the secrets of that kind go. */
const harmless: Record<string, string[]> = {
  discord: [],
  email: ['address', 'aliases', 'authServer', 'markSeen', 'name', 'senders', 'user'],
  irc: ['account', 'channels', 'nick'],
  slack: ['command', 'mode'],
  sms: ['maxParts', 'sender'],
  teams: [],
  telegram: ['receive'],
  web: ['color', 'files', 'greeting', 'origins', 'position', 'theme', 'title'],
  webhook: [],
  whatsapp: ['businessAccountId', 'phoneNumberId'],
  xmpp: ['contacts', 'nick', 'rooms'],
};

describe.each(channelCatalog)('$slug', ({ slug, fields }) => {
  const part = (name: 'credentials' | 'settings', value: (field: string) => unknown) =>
    Object.fromEntries(
      fields.filter((field) => field.in === name).map((field) => [field.name, value(field.name)]),
    );
  const secrets = fields.filter(({ secret }) => secret).map(({ name }) => name);
  const stored = part('credentials', (name) => `the stored ${name}`);
  const settings = part('settings', (name) => `https://${name.toLowerCase()}.example/v1`);

  it('says which settings are harmless as it was decided', () => {
    const said = fields.filter((field) => field.harmless).map(({ name }) => name);
    expect(said.sort()).toEqual(harmless[slug]);
  });

  it.each(fields.filter(({ secret }) => !secret).map((field) => [field.name, field] as const))(
    'changes %s only together with every secret, unless it is harmless',
    async (name, field) => {
      const id = await add(slug, stored, settings);
      // The schemas are left out here, so that any change is one; but what is required is there, and text is text.
      const others = [...(field.required ? [] : [null]), field.type === 'number' ? 1 : '1'];
      for (const value of ['https://elsewhere.example', 'none', ...others]) {
        const change = { [field.in]: { [name]: value } };
        if (field.harmless) {
          expect(await patch(id, change)).toMatchObject({ status: 200 });
          continue;
        }
        for (const left of secrets) {
          const others = Object.fromEntries(
            secrets.filter((secret) => secret !== left).map((secret) => [secret, 'known to the caller']),
          );
          const credentials = { ...others, ...(field.in === 'credentials' && { [name]: value }) };
          const refused = await patch(id, { ...change, credentials });
          expect(refused, `without ${left}`).toMatchObject({
            status: 400,
            body: { code: 'invalid_request' },
          });
          const paths = refused.body.errors.map(({ path }: { path: string }) => path);
          expect(paths).toEqual([`${field.in}.${name}`, `credentials.${left}`]);
        }
        expect(await settingsOf(id)).toEqual(settings);
      }
      const known = Object.fromEntries(secrets.map((secret) => [secret, 'known to the caller']));
      const both = {
        credentials: { ...known, ...(field.in === 'credentials' && { [name]: 'elsewhere' }) },
        ...(field.in === 'settings' && { settings: { [name]: 'elsewhere' } }),
      };
      expect(await patch(id, both)).toMatchObject({ status: 200 });
    },
  );

  it('keeps where its secrets go, in whatever order settings and secrets are changed', async () => {
    if (secrets.length === 0) return;
    const arbitrary = fc.array(
      fc.oneof(
        fc.record({ secret: fc.constantFrom(...secrets), value: fc.constantFrom('new', null) }),
        fc.record({
          setting: fc.constantFrom('url', ...Object.keys(settings)),
          value: fc.constantFrom('https://elsewhere.example', null),
        }),
      ),
      { minLength: 1, maxLength: 4 },
    );
    await fc.assert(
      fc.asyncProperty(arbitrary, async (changes) => {
        const id = await add(slug, stored, settings);
        const open = new Set(secrets);
        for (const change of changes) {
          if ('secret' in change) {
            await patch(id, { credentials: { [change.secret]: change.value } });
            // A secret that was replaced by its own is not the stored one any more.
            open.delete(change.secret);
          } else await patch(id, { settings: { [change.setting]: change.value } });
        }
        if (open.size === 0) return;
        const isGuarded = ([name]: [string, unknown]) => !harmless[slug]!.includes(name);
        const guarded = (all: object) => Object.fromEntries(Object.entries(all).filter(isGuarded));
        expect(guarded(await settingsOf(id))).toEqual(guarded(settings));
      }),
      { numRuns: 8 },
    );
  });
});

it('lets one of two through that change a secret and an address at once, and never both', async () => {
  for (let round = 0; round < 20; round += 1) {
    const id = await add('webhook', { secret: 'the stored one' }, { url: 'https://a.example' });
    const answers = await Promise.all([
      patch(id, { settings: { url: 'https://b.example' }, credentials: { secret: 'of b' } }),
      patch(id, { settings: { url: 'https://c.example' } }),
      patch(id, { credentials: { secret: 'of a' } }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 400, 200]);
    expect((await settingsOf(id)).url).toBe('https://b.example');
  }
});

describe('a provider credential', () => {
  const apiKey = 'sk-stored-0123456789-abcdefgh';
  const create = async (body: object): Promise<string> => {
    const { id } = await product.owner.expect(201, product.owner.post('/v1/provider-credentials', body));
    onTestFinished(async () => void (await product.owner.delete(`/v1/provider-credentials/${id}`)));
    return id;
  };
  const change = (id: string, body: object) => product.owner.patch(`/v1/provider-credentials/${id}`, body);
  const read = async (id: string) =>
    (await product.owner.get('/v1/provider-credentials?limit=200')).body.data.find(
      (each: { id: string }) => each.id === id,
    );

  it.each(vendors.filter(({ wire }) => wire !== 'demo').map((vendor) => [vendor.id, vendor] as const))(
    'of %s changes its address only together with the key',
    async (provider, vendor) => {
      const custom = vendor.baseUrl === null;
      const parameters = Object.fromEntries(Object.keys(vendor.parameters).map((name) => [name, 'ours']));
      const id = await create({
        provider,
        apiKey,
        parameters,
        label: provider,
        ...(custom && { name: `own-${provider.slice(0, 6)}`, baseUrl: 'https://own.example/v1' }),
      });
      const moves = [
        { baseUrl: 'https://elsewhere.example/v1' },
        ...(custom ? [{ baseUrl: 'http://own.example/v1' }, { baseUrl: 'https://own.example:444/v1' }] : []),
        ...Object.keys(parameters).map((name) => ({ parameters: { ...parameters, [name]: 'theirs' } })),
      ];
      for (const move of moves) {
        const refused = await change(id, move);
        expect(refused, JSON.stringify(move)).toMatchObject({
          status: 400,
          body: { errors: [{ path: Object.keys(move)[0] }, { path: 'apiKey' }] },
        });
      }
      expect(await read(id)).toMatchObject({ baseUrl: custom ? 'https://own.example/v1' : null, parameters });
      // What means the same may be spelled otherwise; the wire says how the same address is spoken to.
      if (custom) expect((await change(id, { baseUrl: 'HTTPS://OWN.example:443/v1/' })).status).toBe(200);
      if (wiresOf(vendor).length > 1)
        expect((await change(id, { parameters: { ...parameters, wire: wiresOf(vendor)[0] } })).status).toBe(
          200,
        );
      expect((await change(id, { label: `${provider} again`, weight: 2 })).status).toBe(200);
      for (const move of moves) expect((await change(id, { ...move, apiKey })).status).toBe(200);
    },
  );

  it('may move freely as long as it has no key', async () => {
    const id = await create({
      provider: 'openai-compatible',
      name: 'keyless',
      baseUrl: 'http://10.0.0.1:8000/v1',
    });
    expect((await change(id, { baseUrl: 'http://10.0.0.2:8000/v1' })).status).toBe(200);
  });
});

describe('a webhook', () => {
  const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
  const change = (id: string, body: object) => product.owner.patch(`/v1/webhooks/${id}`, body);
  const create = async (): Promise<string> => {
    const body = { url: 'https://127.0.0.1/in', events: ['run.finished'] };
    return (await product.owner.expect(201, product.owner.post('/v1/webhooks', body))).id;
  };

  it('moves together with a secret, given or made', async () => {
    const id = await create();
    const refused = await change(id, { url: 'https://127.0.0.1/elsewhere' });
    expect(refused).toMatchObject({ status: 400, body: { errors: [{ path: 'url' }, { path: 'secret' }] } });
    expect((await change(id, { url: 'https://127.0.0.1:443/in', events: ['run.finished'] })).status).toBe(
      200,
    );
    const given = await product.owner.expect(200, change(id, { url: 'https://127.0.0.1/b', secret }));
    expect(given).toMatchObject({ url: 'https://127.0.0.1/b', signingSecret: secret });
    const made = await change(id, { url: 'https://127.0.0.1/c', rotateSecret: true });
    expect(made).toMatchObject({ status: 200, body: { url: 'https://127.0.0.1/c' } });
    expect(made.body.signingSecret).not.toBe(secret);
    expect((await change(id, { rotateSecret: true, secret })).status).toBe(400);
  });
});

describe('a key of the environment', () => {
  const key = 'sk-environment-0123456789-abcdefgh';
  const requests: { url: string; headers: IncomingHttpHeaders }[] = [];
  let other: Product;
  let server: Server;
  let address: string;

  beforeAll(async () => {
    server = createServer(({ url = '', headers }, response) => {
      requests.push({ url, headers });
      // A redirect that would take the key along to where nobody has stored it.
      if (url.startsWith('/moved')) response.writeHead(307, { location: `${address}/elsewhere` });
      else response.writeHead(404);
      response.end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const variables = vendors.flatMap(({ env }) => env);
    other = await startProduct({ providerKeys: Object.fromEntries(variables.map((name) => [name, key])) });
  });
  afterAll(async () => {
    server.close();
    await other.close();
  });

  it.each(vendors.filter(({ local, wire }) => local && wire !== 'demo').map(({ id }) => id))(
    'goes to no address of a credential without a key: %s',
    async (provider) => {
      requests.length = 0;
      const made = other.owner.post('/v1/provider-credentials', { provider, baseUrl: `${address}/v1` });
      const { id } = await other.owner.expect(201, made);
      onTestFinished(async () => void (await other.owner.delete(`/v1/provider-credentials/${id}`)));
      await other.owner.post(`/v1/provider-credentials/${id}/test`, { model: 'any' });
      await other.owner.get(`/v1/catalog/models?provider=${provider}&live=true`);
      expect(requests.length).toBeGreaterThan(0);
      expect(JSON.stringify(requests)).not.toContain(key);
    },
  );

  it.each(['openai-compatible', 'anthropic-compatible'])(
    '%s: a redirect takes no key along',
    async (provider) => {
      requests.length = 0;
      const made = other.owner.post('/v1/provider-credentials', {
        provider,
        name: `moved-${provider.slice(0, 4)}`,
        baseUrl: `${address}/moved`,
        apiKey: 'sk-stored-0123456789-abcdefgh',
      });
      const { id } = await other.owner.expect(201, made);
      onTestFinished(async () => void (await other.owner.delete(`/v1/provider-credentials/${id}`)));
      await other.owner.post(`/v1/provider-credentials/${id}/test`, { model: 'any' });
      expect(requests.length).toBeGreaterThan(0);
      expect(requests.filter(({ url }) => url.startsWith('/elsewhere'))).toEqual([]);
    },
  );
});
