/** What callers below the role that manages things are not shown: addresses that open something, and what is a secret. */
import type { Role } from '@nightshift/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, createAgent, type Product, startProduct } from '../support/api/index.ts';

const token = 'T0PSECRETTOKENINTHEPATH';
const address = `https://127.0.0.1/services/${token}?key=${token}`;
const password = `Tr0ub4dor-${token}`;

let product: Product;
const callers = {} as Record<Role, Client>;
const hookKeys: string[] = [];
/** Every list and every record that there is for a reader. */
let paths: string[];

beforeAll(async () => {
  product = await startProduct();
  for (const role of ['admin', 'member', 'viewer'] as const) callers[role] = await product.caller(role);
  callers.owner = product.owner;
  const agentId = await createAgent(product.owner);
  const make = (path: string, body: object) => product.owner.expect(201, product.owner.post(path, body));
  const channel = (kind: string, settings: object, credentials: object = {}) =>
    make('/v1/channels', { kind, agentId, settings, credentials });
  const made = [
    await channel('webhook', { url: address }),
    await channel('web', { origins: 'https://www.example.com' }),
    await channel('irc', { host: 'irc.example.com', nick: 'bot', channels: `#dev ${token}` }, { password }),
    await channel(
      'xmpp',
      { address: 'bot@example.org', rooms: `a@rooms.example.org ${token}` },
      { password },
    ),
    await channel(
      'telegram',
      { apiUrl: `https://127.0.0.1/${token}` },
      { token: `123456:${'A'.repeat(30)}`, webhookSecret: `${password}-012345678901234567890` },
    ),
    await channel(
      'email',
      { address: 'a@example.com', imapHost: 'i.example.com', smtpHost: 's.example.com', tokenUrl: address },
      { password },
    ),
  ];
  const webhook = await make('/v1/webhooks', { url: address, events: ['run.finished'] });
  await make('/v1/provider-credentials', {
    provider: 'openai-compatible',
    name: 'lab',
    baseUrl: `https://127.0.0.1/${token}/v1`,
    apiKey: password,
  });
  for (const row of await product.sql('SELECT hook_key FROM channel')) hookKeys.push(row.hook_key);
  paths = [
    '/v1/channels',
    ...made.flatMap(({ id }) => [`/v1/channels/${id}`, `/v1/channels/${id}/traffic`]),
    ...made.map(({ id }) => `/v1/channels/${id}/identities`),
    '/v1/webhooks',
    `/v1/webhooks/${webhook.id}`,
    '/v1/provider-credentials',
    ...['/v1/deliveries', '/v1/people', '/v1/runs', '/v1/usage', '/v1/team', '/v1/me', '/v1/agents'],
    ...['/v1/catalog/providers', '/v1/catalog/channels', '/v1/budgets', '/v1/schedules', '/v1/conversations'],
  ];
});
afterAll(() => product.close());

describe.each(['member', 'viewer'] as const)('a %s', (role) => {
  it('is shown no address that opens something, and no password in a setting', async () => {
    for (const path of paths) {
      const { status, text } = await callers[role].get(path);
      expect(status, path).toBeLessThan(400);
      expect(text, path).not.toContain(token);
      for (const key of hookKeys) expect(text, path).not.toContain(key);
    }
  });

  it('is shown where things are', async () => {
    const webhooks = (await callers[role].get('/v1/webhooks')).body.data;
    expect(webhooks[0].url).toBe('https://127.0.0.1/…');
    const channels = (await callers[role].get('/v1/channels')).body.data;
    const of = (kind: string) => channels.find((each: { kind: string }) => each.kind === kind);
    expect(of('webhook')).toMatchObject({
      settings: { url: 'https://127.0.0.1/…' },
      webhookUrl: 'http://nightshift.test/…',
    });
    expect(of('web')).toMatchObject({ settings: { origins: ['https://www.example.com'] }, snippet: null });
    expect(of('irc').settings).toMatchObject({ host: 'irc.example.com', channels: '…' });
    expect(of('xmpp').settings).toMatchObject({ address: 'bot@example.org', rooms: '…' });
    const [credential] = (await callers[role].get('/v1/provider-credentials')).body.data;
    expect(credential.baseUrl).toBe('https://127.0.0.1/…');
  });
});

it('shows who manages them all of it but the secrets', async () => {
  const webhooks = (await callers.admin.get('/v1/webhooks')).body.data;
  expect(webhooks[0].url).toBe(address);
  const text = (await callers.admin.get('/v1/channels')).text;
  expect(text).toContain(`#dev ${token}`);
  // Of the webhook and of the web chat; the others connect by themselves.
  expect(hookKeys.filter((key) => text.includes(key))).toHaveLength(2);
});

describe('the last four characters', () => {
  const last4 = async () =>
    Object.fromEntries(
      (await callers.owner.get('/v1/channels')).body.data.map(
        ({ kind, credentials }: { kind: string; credentials: object }) => [kind, credentials],
      ),
    );

  it('are shown of what machines make, and of nothing that a person may have chosen', async () => {
    const shown = await last4();
    expect(shown).toMatchObject({
      telegram: { token: { set: true, last4: 'AAAA' }, webhookSecret: { set: true, last4: null } },
      irc: { password: { set: true, last4: null } },
      xmpp: { password: { set: true, last4: null } },
      email: { password: { set: true, last4: null } },
      web: { secret: { set: true, last4: null } },
      webhook: { secret: { set: true, last4: expect.stringMatching(/^.{4}$/) } },
    });
    const [credential] = (await callers.owner.get('/v1/provider-credentials')).body.data;
    expect(credential.apiKey).toEqual({ set: true, last4: null });
    const rows = await product.sql(
      'SELECT last4::text FROM channel UNION SELECT last4 FROM provider_credential',
    );
    for (const row of rows) expect(row.last4 ?? '').not.toContain(password.slice(-4));
  });

  it('are not shown where an earlier version has kept them', async () => {
    await product.sql(`UPDATE channel SET last4 = '{"password": "PATH"}' WHERE kind IN ('irc', 'email')`);
    await product.sql(`UPDATE provider_credential SET last4 = 'PATH'`);
    expect(await last4()).toMatchObject({
      irc: { password: { last4: null } },
      email: { password: { last4: null } },
    });
    const [credential] = (await callers.owner.get('/v1/provider-credentials')).body.data;
    expect(credential.apiKey.last4).toBeNull();
  });
});
