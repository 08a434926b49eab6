/** What is there for browsers, orchestrators and dashboards rather than for API clients. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, createAgent, type Product, say, startProduct } from '../support/api/index.ts';

let product: Product;
let draining = false;

beforeAll(async () => {
  product = await startProduct({ isDraining: () => draining });
});

afterAll(() => product.close());

const basic = (client: Client) => ({
  authorization: `Basic ${Buffer.from(`any name:${client.key}`).toString('base64')}`,
});
const anybody = () => product.client(null);

describe('/', () => {
  it('welcomes a browser and gives nothing away', async () => {
    const { status, headers, text } = await anybody().get('/');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(headers.get('content-security-policy')).toContain("default-src 'self'");
    expect(text).toContain('Up and ready');
    expect(text).toContain('http://nightshift.test');
    expect(text).not.toContain(product.id);
  });

  it('runs no script and takes no markup from the public URL', async () => {
    const hostile = await startProduct({ publicUrl: 'http://x/"><script>alert(1)</script>' });
    try {
      expect((await hostile.client(null).get('/')).text).not.toContain('<script');
    } finally {
      await hostile.close();
    }
  });
});

describe('health', () => {
  it('is alive', async () => {
    expect(await anybody().get('/healthz')).toMatchObject({ status: 200, body: { ok: true } });
  });

  it('is ready when everything that it needs answers', async () => {
    const { status, body } = await anybody().get('/readyz');
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { ready: true, checks: { process: 'ok', database: 'ok', events: 'ok', queue: 'ok' } },
    });
  });

  it('is not ready while it stops, and stays alive', async () => {
    draining = true;
    expect(await anybody().get('/readyz')).toMatchObject({
      status: 503,
      body: { ready: false, checks: { process: 'stopping', database: 'ok' } },
    });
    expect((await anybody().get('/healthz')).status).toBe(200);
    expect((await anybody().get('/')).text).toContain('Not ready: process stopping');
    draining = false;
  });

  it('is not ready while its event connection is gone, and is again by itself', async () => {
    await product.sql(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'nightshift events'`,
    );
    await expect.poll(async () => (await anybody().get('/readyz')).body.checks.events).toBe('not connected');
    await expect.poll(async () => (await anybody().get('/readyz')).status).toBe(200);
  });
});

describe('/metrics', () => {
  it('has requests by route, never by path, for those with a key', async () => {
    const { id } = (await product.owner.post('/v1/agents', { name: 'measured' })).body;
    await product.owner.get(`/v1/agents/${id}`);
    const { status, headers, text } = await product.owner.get('/metrics');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toMatch(/^text\/plain/);
    expect(text).toMatch(
      /nightshift_http_request_seconds_count\{.*route="\/v1\/agents\/:id",status="200".*\} 1/,
    );
    expect(text).not.toContain(id);
  });

  it('takes the key as a password too, as Prometheus sends it', async () => {
    expect((await anybody().get('/metrics')).status).toBe(401);
    expect((await anybody().get('/metrics', basic(product.owner))).status).toBe(200);
  });
});

describe('/docs', () => {
  it('renders the calls, from this server alone', async () => {
    const { status, text, headers } = await anybody().get('/docs/');
    expect(status).toBe(200);
    expect(text).toContain('Nightshift API');
    expect(text).not.toMatch(/(src|href)="https?:/);
    expect(headers.get('content-security-policy')).toContain("script-src 'self'");
    for (const [, path] of text.matchAll(/(?:src|href)="([^"]+)"/g)) {
      const asset = new URL(path!, `${product.url}/docs/`);
      expect((await anybody().get(asset.pathname)).status, path).toBe(200);
    }
  });
});

describe('/queues', () => {
  it('is for admins, who sign in with their key as the password', async () => {
    const [member, admin] = await Promise.all([product.caller('member'), product.caller('admin')]);
    const closed = await anybody().get('/queues');
    expect(closed.status).toBe(401);
    expect(closed.headers.get('www-authenticate')).toMatch(/^Basic realm="/);
    expect(closed.body).toMatchObject({ code: 'unauthorized' });
    expect((await anybody().get('/queues', basic(member))).status).toBe(403);
    const open = await anybody().get('/queues', basic(admin));
    expect(open.status).toBe(200);
    expect(open.headers.get('content-type')).toMatch(/^text\/html/);
  });

  const stateOf = async () => {
    const { queue } = product.deps.conversations;
    return {
      paused: await queue.isPaused(),
      jobs: await queue.getJobCounts(),
      concurrency: await queue.getGlobalConcurrency(),
    };
  };

  it('shows what waits, and no text of any team', async () => {
    await say(product.owner, await createAgent(product.owner), 'a private matter');
    const waiting = async () => {
      const { waiting = 0, prioritized = 0 } = (await stateOf()).jobs;
      return waiting + prioritized;
    };
    await expect.poll(waiting).toBe(1);
    const path = '/queues/api/queues?activeQueue=conversation&status=latest';
    const { status, body, text } = await anybody().get(path, basic(product.owner));
    expect(status).toBe(200);
    expect(body.queues[0]).toMatchObject({ name: 'conversation', jobs: [expect.anything()] });
    expect(text).not.toContain('private');
  });

  it.each([
    ['PUT', '/queues/api/queues/pause'],
    ['PUT', '/queues/api/queues/conversation/pause'],
    ['PUT', '/queues/api/queues/conversation/empty'],
    ['PUT', '/queues/api/queues/conversation/obliterate'],
    ['PUT', '/queues/api/queues/conversation/concurrency'],
    ['POST', '/queues/api/queues/conversation/add'],
  ])('changes nothing: %s %s', async (method, path) => {
    const before = await stateOf();
    const body = { name: 'conversation', data: {}, concurrency: 1 };
    const answer = await anybody().send(method, path, body, basic(product.owner));
    expect(answer.status).not.toBe(401);
    expect(await stateOf()).toEqual(before);
  });
});
