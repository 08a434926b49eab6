/** Who may do what: every route the app documents, each role, and no key at all. */
import type { Role } from '@nightshift/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Client,
  documentedRoutes,
  type Product,
  type Route,
  startProduct,
  type Team,
} from '../support/api/index.ts';

/** Weaker than these nobody may call them. Any other route needs `viewer` to read and `member` to write. */
const stronger: Record<string, Role> = {
  'POST /v1/provider-credentials': 'admin',
  'PATCH /v1/provider-credentials/{id}': 'admin',
  'DELETE /v1/provider-credentials/{id}': 'admin',
  'POST /v1/provider-credentials/{id}/test': 'admin',
  'POST /v1/providers/health/reset': 'admin',
  'PATCH /v1/team': 'owner',
  'POST /v1/api-keys': 'admin',
  'GET /v1/api-keys': 'admin',
  'DELETE /v1/api-keys/{id}': 'admin',
  'POST /v1/channels': 'admin',
  'PUT /v1/channels/by-name/{name}': 'admin',
  'PATCH /v1/channels/{id}': 'admin',
  'DELETE /v1/channels/{id}': 'admin',
  'POST /v1/channels/{id}/pause': 'admin',
  'POST /v1/channels/{id}/resume': 'admin',
  'POST /v1/channels/{id}/test': 'admin',
  'PATCH /v1/channels/{id}/identities/{identityId}': 'admin',
  'POST /v1/channels/{id}/pairings': 'admin',
  'POST /v1/people/{id}/identities': 'admin',
  'DELETE /v1/people/{id}/identities/{identityId}': 'admin',
  'POST /v1/budgets': 'admin',
  'PUT /v1/budgets/by-name/{name}': 'admin',
  'PATCH /v1/budgets/{id}': 'admin',
  'DELETE /v1/budgets/{id}': 'admin',
  'POST /v1/webhooks': 'admin',
  'PUT /v1/webhooks/by-name/{name}': 'admin',
  'PATCH /v1/webhooks/{id}': 'admin',
  'DELETE /v1/webhooks/{id}': 'admin',
  'POST /v1/webhooks/{id}/test': 'admin',
};
const roles: Role[] = ['viewer', 'member', 'admin', 'owner'];
const nobody = '00000000-0000-7000-8000-000000000000';

let product: Product;
let routes: Route[];
let callers: Record<Role, Client>;

beforeAll(async () => {
  product = await startProduct();
  routes = await documentedRoutes(product.owner);
  callers = Object.fromEntries(
    await Promise.all(roles.map(async (role) => [role, await product.caller(role)] as const)),
  ) as Record<Role, Client>;
});

afterAll(() => product.close());

const neededBy = ({ name, method }: Route): Role =>
  stronger[name] ?? (method === 'GET' ? 'viewer' : 'member');

/** Without a body, and on ids that there are not: a call that is let through changes nothing. */
const call = (client: Client, { method, path }: Route) =>
  client.send(method, path.replaceAll(/\{\w+\}/g, nobody));

describe('every route', () => {
  it('needs a key, but for the health checks, what platforms sign, and the chat of web pages', async () => {
    const open = routes.filter((route) => route.public).map(({ name }) => name);
    expect(open.sort()).toEqual([
      'GET /healthz',
      'GET /readyz',
      'GET /v1/hooks/{hookKey}',
      'GET /v1/widget/{key}',
      'GET /v1/widget/{key}/events',
      'GET /v1/widget/{key}/messages',
      'POST /v1/hooks/{hookKey}',
      'POST /v1/widget/{key}/messages',
      'POST /v1/widget/{key}/sessions',
    ]);
    // On an api of its own, which from the thirtieth refusal on answers this address with 429.
    const guarded = await startProduct();
    try {
      const answers = await Promise.all(routes.map((route) => call(guarded.client(null), route)));
      const answered = routes.filter((_, index) => ![401, 429].includes(answers[index]!.status));
      expect(answered.map(({ name }) => name).sort()).toEqual(open);
    } finally {
      await guarded.close();
    }
  });

  it.each(roles)('lets %s do what the role may, and nothing else', async (role) => {
    const secured = routes.filter((route) => !route.public);
    const wrong: string[] = [];
    for (const route of secured) {
      const { status, body } = await call(callers[role], route);
      const allowed = roles.indexOf(role) >= roles.indexOf(neededBy(route));
      if (status >= 500 || status === 401) wrong.push(`${route.name}: ${status}`);
      if (allowed === (status === 403)) wrong.push(`${route.name}: ${status}, needs ${neededBy(route)}`);
      if (status === 403 && !route.path.startsWith('/openai/')) expect(body.code).toBe('forbidden');
    }
    expect(wrong).toEqual([]);
  });
});

describe('API keys', () => {
  const make = (client: Client, role: Role) => client.post('/v1/api-keys', { name: `a ${role}`, role });

  it('are shown once, work at once, and stop at once when they are revoked', async () => {
    const { id, key, ...shown } = await product.owner.expect(201, make(product.owner, 'member'));
    expect(shown).toEqual({
      name: 'a member',
      role: 'member',
      last4: key.slice(-4),
      createdAt: expect.any(String),
      lastUsedAt: null,
    });
    expect(key).toMatch(/^ns_[A-Za-z0-9_-]{43}$/);
    const client = product.client(key);
    expect((await client.get('/v1/me')).body).toMatchObject({
      team: { name: 'test' },
      key: { id, role: 'member' },
    });
    const list = await product.owner.get('/v1/api-keys');
    expect(list.text).not.toContain(key);
    expect(list.body.data.find((listed: { id: string }) => listed.id === id).lastUsedAt).toEqual(
      expect.any(String),
    );

    await product.owner.expect(204, product.owner.delete(`/v1/api-keys/${id}`));
    expect((await client.get('/v1/me')).status).toBe(401);
    expect((await product.owner.delete(`/v1/api-keys/${id}`)).status).toBe(404);
    expect((await product.owner.get('/v1/api-keys')).text).not.toContain(id);
  });

  it('are stored as a hash only', async () => {
    const { key } = await product.owner.expect(201, make(product.owner, 'viewer'));
    const rows = await product.sql('SELECT row_to_json(k)::text AS row FROM api_key k');
    for (const { row } of rows) expect(row).not.toContain(key.slice(3, -4));
  });

  it('cannot make or revoke stronger ones', async () => {
    expect((await make(callers.admin, 'admin')).status).toBe(201);
    expect(await make(callers.admin, 'owner')).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    const owner = (await product.owner.get('/v1/me')).body.key.id;
    expect(await callers.admin.delete(`/v1/api-keys/${owner}`)).toMatchObject({ status: 403 });
  });

  it('refuse a role that there is not, and unknown fields', async () => {
    expect((await make(product.owner, 'root' as Role)).body.errors).toMatchObject([{ path: 'role' }]);
    const answer = await product.owner.post('/v1/api-keys', { name: 'a', role: 'viewer', key: 'ns_mine' });
    expect(answer).toMatchObject({ status: 400 });
  });

  describe('of owners', () => {
    let team: Team;
    const idOf = async (client: Client) => (await client.get('/v1/me')).body.key.id;

    beforeAll(async () => {
      team = await product.addTeam('owners');
    });

    it('keep the last one', async () => {
      const answer = await team.owner.delete(`/v1/api-keys/${await idOf(team.owner)}`);
      expect(answer).toMatchObject({ status: 409, body: { code: 'conflict' } });
      expect((await team.owner.get('/v1/me')).status).toBe(200);
    });

    it('keep one when two revoke each other at once', async () => {
      const other = await team.caller('owner');
      const [mine, theirs] = await Promise.all([idOf(team.owner), idOf(other)]);
      const answers = await Promise.all([
        team.owner.delete(`/v1/api-keys/${theirs}`),
        other.delete(`/v1/api-keys/${mine}`),
      ]);
      expect(answers.filter(({ status }) => status === 204)).toHaveLength(1);
      const [left] = await product.sql(
        `SELECT count(*)::int AS n FROM api_key WHERE team_id = $1 AND role = 'owner' AND revoked_at IS NULL`,
        [team.id],
      );
      expect(left.n).toBe(1);
    });
  });
});
