import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Answer, openRaw, type Product, rawHead, startProduct } from '../support/api/index.ts';

let product: Product;
let slow: Product;

beforeAll(async () => {
  [product, slow] = await Promise.all([startProduct(), startProduct({ requestTimeoutMs: 1_000 })]);
});

afterAll(() => Promise.all([product.close(), slow.close()]));

/** Whatever is wrong, the answer is a problem document and says which request it was. */
function expectProblem(answer: Answer, status: number, code: string): void {
  expect(answer.body).toMatchObject({
    type: 'about:blank',
    title: expect.any(String),
    status,
    code,
    detail: expect.any(String),
    requestId: answer.headers.get('x-request-id'),
  });
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(answer.text).not.toMatch(/node_modules|at .*\.ts:|SELECT|prisma/i);
}

const createWith = (body: unknown, headers?: Record<string, string>) =>
  product.owner.post('/v1/agents', body, headers);

describe('keys', () => {
  it('asks for a key where there is none', async () => {
    const answer = await product.client(null).get('/v1/agents');
    expectProblem(answer, 401, 'unauthorized');
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  });

  it.each([
    ['an unknown one', 'ns_wrong'],
    ['an empty one', ''],
    ['a long one', 'x'.repeat(8000)],
    ['one with high bytes', 'ns_\xe9\xff'],
  ])('refuses a wrong key: %s', async (_what, key) => {
    expectProblem(await product.client(key).get('/v1/agents'), 401, 'unauthorized');
  });

  it('takes a key as Bearer only, except on pages for browsers', async () => {
    const basic = `Basic ${Buffer.from(`any:${product.owner.key}`).toString('base64')}`;
    expectProblem(
      await product.client(null).get('/v1/agents', { authorization: basic }),
      401,
      'unauthorized',
    );
  });

  it('slows a guesser down, and never a caller with a good key behind the same address', async () => {
    const guarded = await startProduct();
    onTestFinished(() => guarded.close());
    // A good key is known by its first use.
    expect((await guarded.owner.get('/v1/agents')).status).toBe(200);
    const statuses: number[] = [];
    let last: Answer | undefined;
    // One more is let through every two seconds: on a slow machine a few are.
    while (last?.status !== 429 && statuses.length < 100) {
      last = await guarded.client(`ns_guess${statuses.length}`).get('/v1/agents');
      statuses.push(last.status);
    }
    expect(statuses.slice(0, 30)).toEqual(Array(30).fill(401));
    expectProblem(last!, 429, 'rate_limited');
    expect(Number(last!.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await guarded.owner.get('/v1/agents')).status).toBe(200);
  });

  it('limits the requests of one key and says when to come back', async () => {
    const limited = await startProduct({ rateLimitPerMinute: 3 });
    try {
      for (let request = 0; request < 3; request += 1) {
        expect((await limited.owner.get('/v1/team')).status).toBe(200);
      }
      const answer = await limited.owner.get('/v1/team');
      expectProblem(answer, 429, 'rate_limited');
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      const other = await limited.caller('viewer');
      expect((await other.get('/v1/team')).status).toBe(200);
      expect((await limited.client(null).get('/healthz')).status).toBe(200);
    } finally {
      await limited.close();
    }
  });
});

describe('bodies', () => {
  it.each([
    ['broken JSON', '{"name": '],
    ['text after the JSON', '{"name": "a"} x'],
    ['no object', '"name"'],
    ['null', 'null'],
    ['a list', '[]'],
    ['nothing', ''],
    ['10,000 levels of lists', `{"name": ${'['.repeat(10_000)}${']'.repeat(10_000)}}`],
    ['10,000 levels of objects', `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`],
    ['10,000 levels left open', '['.repeat(10_000)],
    ['__proto__', '{"name": "a", "__proto__": {"role": "owner"}}'],
    ['escaped __proto__', '{"name": "a", "\\u005f_proto__": {}}'],
    ['constructor.prototype', '{"name": "a", "constructor": {"prototype": {}}}'],
    ['a NUL', '{"name": "a\\u0000b"}'],
    ['a NUL in a key', '{"name": "a", "tools": {"a\\u0000b": "allow"}}'],
    ['half a surrogate pair', '{"name": "a\\ud800"}'],
    ['half a surrogate pair in a key', '{"name": "a", "tools": {"\\udc00": "allow"}}'],
  ])('refuses %s', async (_what, body) => {
    expectProblem(await createWith(body), 400, 'invalid_request');
  });

  it('refuses invalid UTF-8', async () => {
    const bytes = Uint8Array.from([...Buffer.from('{"name":"'), 0xc3, 0x28, ...Buffer.from('"}')]);
    expectProblem(await createWith(bytes), 400, 'invalid_request');
  });

  it('takes the pair that the halves would make', async () => {
    const owl = randomUUID();
    const { body } = await createWith(`{"name": "\\ud83e\\udd89 ${owl}"}`);
    expect(body.name).toBe(`🦉 ${owl}`);
  });

  it('refuses a body over the limit, before it is read', async () => {
    expectProblem(await createWith(`{"name": "${'x'.repeat(20 * 1024 * 1024)}"}`), 413, 'body_too_large');
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'nonsense'])(
    'refuses the content type %s',
    async (type) => {
      expectProblem(
        await createWith('{"name": "a"}', { 'content-type': type }),
        415,
        'unsupported_media_type',
      );
    },
  );

  it('names an unknown field, also inside another', async () => {
    const answer = await createWith({ name: 'a', limits: { maxSteps: 1, maxDays: 2 } });
    expectProblem(answer, 400, 'invalid_request');
    expect(answer.body.detail).toContain('maxDays');
    expect((await createWith({ name: 'a', colour: 'red' })).body.detail).toContain('colour');
  });

  it.each([
    ['name', { name: 7 }],
    ['name', { name: '   ' }],
    ['name', { name: 'x'.repeat(101) }],
    ['model', { name: 'a', model: 'gpt' }],
    ['tools', { name: 'a', tools: ['time.now'] }],
    ['tools.time.now', { name: 'a', tools: { 'time.now': 'ask' } }],
    ['limits.maxSteps', { name: 'a', limits: { maxSteps: 0 } }],
    ['limits.maxSteps', { name: 'a', limits: { maxSteps: 1.5 } }],
    ['limits.maxTokens', { name: 'a', limits: { maxTokens: 1e99 } }],
  ])('names the wrong field: %s in %j', async (path, body) => {
    const answer = await createWith(body);
    expectProblem(answer, 400, 'invalid_request');
    expect(new Set(answer.body.errors.map((error: { path: string }) => error.path))).toEqual(new Set([path]));
  });
});

describe('paths and queries', () => {
  it.each([
    ['/v1/agents/%00', 404, 'not_found'],
    ['/v1/agents/nonsense', 404, 'not_found'],
    ['/v1/agents/00000000-0000-7000-8000-000000000000', 404, 'not_found'],
    [`/v1/agents/${'x'.repeat(400)}`, 404, 'not_found'],
    ['/v1/agents/%ff', 400, 'invalid_request'],
    ['/v1/nothing', 404, 'not_found'],
    ['/v1/nothing/%00', 404, 'not_found'],
    ['/v1/agents?cursor=%00', 400, 'invalid_request'],
    ['/v1/agents?cursor=nonsense', 400, 'invalid_request'],
    ['/v1/agents?limit=0', 400, 'invalid_request'],
    ['/v1/agents?limit=201', 400, 'invalid_request'],
    ['/v1/agents?limit=ten', 400, 'invalid_request'],
    ['/v1/agents?limit=1&limit=2', 400, 'invalid_request'],
    ['/v1/agents?colour=red', 400, 'invalid_request'],
    ['/v1/runs?agentId=%00', 400, 'invalid_request'],
    ['/v1/runs?status=nonsense', 400, 'invalid_request'],
  ])('answers GET %s with %i %s', async (path, status, code) => {
    expectProblem(await product.owner.get(path), status, code);
  });

  it('takes a NUL in a query for a value that matches nothing', async () => {
    expect((await product.owner.get('/v1/catalog/models?provider=%00')).body).toEqual({
      data: [],
      problem: null,
    });
  });

  it('never fails over what no text and no time of the database is, in whatever query takes it', async () => {
    const { paths } = (await product.owner.get('/openapi.json')).body;
    const asked = Object.entries<Record<string, { parameters?: { in: string; name: string }[] }>>(
      paths,
    ).flatMap(([path, { get }]) =>
      (get?.parameters ?? [])
        .filter((parameter) => parameter.in === 'query' && !/\/(events|metrics)$/.test(path))
        .flatMap(({ name }) =>
          ['%00', 'a%00b', '0000-01-01T00:00:00Z', '9999-12-31T23:59:59-01:00'].map(
            (value) => `${path.replaceAll(/\{[^}]*\}/g, 'assistant')}?${name}=${value}`,
          ),
        ),
    );
    expect(asked.length).toBeGreaterThan(100);
    const failed: string[] = [];
    for (const path of asked) if ((await product.owner.get(path)).status >= 500) failed.push(path);
    expect(failed).toEqual([]);
  });

  it.each(['agents', 'channels', 'schedules', 'webhooks', 'budgets'])(
    'gives no name with a NUL to %s',
    async (collection) => {
      const bodies: Record<string, object> = {
        agents: {},
        channels: { kind: 'webhook', agentId: 'assistant', settings: { url: 'https://x.test/' } },
        schedules: { agentId: 'assistant', prompt: 'x', everySeconds: 3600 },
        webhooks: { url: 'https://x.test/', events: ['run.finished'] },
        budgets: { scope: 'team', window: 'day', unit: 'usd', max: '5' },
      };
      for (const name of ['%00', 'a%00b'])
        expectProblem(
          await product.owner.send('PUT', `/v1/${collection}/by-name/${name}`, bodies[collection]),
          404,
          'not_found',
        );
    },
  );

  it('says 404 at the OpenAI door for a model name that cannot exist', async () => {
    const answer = await product.owner.get('/openai/v1/models/%00');
    expect(answer.status).toBe(404);
    expect(answer.body.error.code).toBe('not_found');
  });

  it('knows no agent by a name that cannot exist', async () => {
    for (const name of ['%00', '%20', 'nobody', 'x'.repeat(250)]) {
      expectProblem(await product.owner.post(`/v1/agents/${name}/messages`, { text: 'x' }), 404, 'not_found');
    }
  });

  it('refuses a method that a path does not have', async () => {
    expectProblem(await product.owner.send('PUT', '/v1/agents', { name: 'a' }), 404, 'not_found');
  });
});

describe('what does not even arrive', () => {
  /** Sends bytes as they are, `pauseMs` between them, and returns what comes back until the server closes. */
  function sendRaw(chunks: readonly string[], pauseMs = 0): Promise<string> {
    const { hostname, port } = new URL(slow.url);
    return new Promise((resolve, reject) => {
      const socket = connect(Number(port), hostname);
      let received = '';
      let sent = 0;
      const timer = setInterval(() => {
        if (sent < chunks.length) socket.write(chunks[sent++]!);
      }, pauseMs);
      socket.on('data', (data) => {
        received += data;
      });
      socket.on('error', reject);
      socket.on('close', () => {
        clearInterval(timer);
        resolve(received);
      });
    });
  }

  function expectRawProblem(answer: string, status: number, code: string): void {
    const [head = '', body = ''] = answer.split('\r\n\r\n', 2);
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(head).toMatch(/content-type: application\/problem\+json/i);
    expect(JSON.parse(body)).toMatchObject({ status, code, requestId: expect.any(String) });
  }

  const head = (length: number) =>
    `POST /v1/agents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${slow.owner.key}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;

  it('gives up on a body that comes byte by byte', async () => {
    expectRawProblem(await sendRaw([head(100), ...'{"name": "a'], 250), 408, 'request_timeout');
  });

  it('gives up on headers that come byte by byte', async () => {
    expectRawProblem(await sendRaw([...head(100)], 100), 408, 'request_timeout');
  });

  it('refuses what is no HTTP', async () => {
    expectRawProblem(await sendRaw(['nonsense\r\n\r\n']), 400, 'invalid_request');
  });

  it('refuses headers over the limit', async () => {
    const answer = await sendRaw([`GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(100_000)}\r\n\r\n`]);
    expectRawProblem(answer, 431, 'headers_too_large');
  });
});

describe('requests that are sent ahead of their answers', () => {
  it('are answered in order, as long as they are few', async () => {
    const raw = openRaw(product.url);
    for (let round = 0; round < 3; round += 1) {
      const paths = ['/healthz', '/nowhere', '/healthz', '/v1/agents', '/healthz'];
      raw.send(paths.map((path) => rawHead('GET', path)).join(''));
      const statuses: number[] = [];
      for (const _ of paths) statuses.push((await raw.answer()).status);
      expect(statuses).toEqual([200, 404, 200, 401, 200]);
    }
    raw.socket.destroy();
  });

  it('end the connection when they are many, and nobody else waits for them', async () => {
    const raw = openRaw(product.url);
    raw.send(rawHead('GET', '/openapi.json').repeat(2_000));
    await raw.closed;
    expect(raw.received().match(/^HTTP\/1\.1 /gm)?.length ?? 0).toBeLessThanOrEqual(16);
    expect((await product.owner.get('/v1/agents')).status).toBe(200);
  });
});
