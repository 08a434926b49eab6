import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FetchFailure } from '@nightshift/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { isAllowEntry } from './address-policy.ts';
import { createGuardedFetch, type GuardedFetchOptions } from './guarded-fetch.ts';

let server: Server | undefined;
afterEach(
  () =>
    new Promise<void>((resolve) => {
      if (!server) return resolve();
      server.close(() => resolve());
      server.closeAllConnections();
      server = undefined;
    }),
);

/** @returns the port of a server on loopback, and how often it was reached */
async function listen(answer: RequestListener): Promise<{ port: number; reached: () => number }> {
  let count = 0;
  server = createServer((request, response) => {
    count += 1;
    answer(request, response);
  });
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, reached: () => count };
}

const ok: RequestListener = (_request, response) => response.end('inside');

async function failureOf(promise: Promise<unknown>): Promise<FetchFailure> {
  const error = await promise.then(
    () => undefined,
    (cause) => cause,
  );
  expect(error).toBeInstanceOf(FetchFailure);
  return error;
}

const guarded = (options: Partial<GuardedFetchOptions> = {}) => createGuardedFetch({ allow: [], ...options });

describe('what is not public', () => {
  it.each([
    '127.0.0.1',
    '127.1',
    '0177.0.0.1',
    '0x7f.0.0.1',
    '2130706433',
    '0x7f000001',
    '127.0.0.1.',
    '１２７.0.0.1',
    '0.0.0.0',
    'localhost',
    'LOCALHOST',
    '[::1]',
    '[::]',
    '[0:0:0:0:0:0:0:1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::127.0.0.1]',
    '[64:ff9b::127.0.0.1]',
    '[2002:7f00:1::]',
    '[fe80::1]',
    '[fd00::1]',
    '[fec0::1]',
    '[ff02::1]',
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '100.64.0.1',
    '169.254.169.254',
    '[fd00:ec2::254]',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
  ])('refuses %s, when it is saved and when it is sent', async (host) => {
    const { port, reached } = await listen(ok);
    const { fetch, check } = guarded();
    expect((await failureOf(fetch(`http://${host}:${port}/`))).reason).toBe('refused');
    expect((await failureOf(check(`https://${host}:${port}/`))).reason).toBe('refused');
    expect(reached()).toBe(0);
  });

  it.each(['93.184.215.14', '172.32.0.1', '100.128.0.1', '[2606:2800:21f:cb07:6820:80da:af6b:8b2c]'])(
    'has nothing against %s',
    async (host) => {
      await expect(guarded().check(`https://${host}/`)).resolves.toBeUndefined();
    },
  );

  it('refuses a name when one of its addresses is inside', async () => {
    const lookup = async () => [
      { address: '93.184.215.14', family: 4 },
      { address: '10.1.2.3', family: 4 },
    ];
    const { message, reason } = await failureOf(guarded({ lookup }).fetch('http://two.test/'));
    expect(reason).toBe('refused');
    expect(message).toContain('10.1.2.3');
  });

  it('connects to the address that was checked, whatever the name says next', async () => {
    const { port, reached } = await listen(ok);
    const answers = [[{ address: '127.0.0.1', family: 4 }], [{ address: '127.0.0.2', family: 4 }]];
    let lookups = 0;
    const lookup = async () => answers[lookups++]!;
    const { fetch } = guarded({ lookup, allow: ['127.0.0.1/32'] });
    expect(await (await fetch(`http://changes.test:${port}/`)).text()).toBe('inside');
    expect([lookups, reached()]).toEqual([1, 1]);
    expect((await failureOf(fetch(`http://changes.test:${port}/`))).reason).toBe('refused');
  });
});

describe('what the operator allows', () => {
  it.each([
    ['127.0.0.1', true],
    ['127.0.0.1:PORT', true],
    ['127.0.0.0/8', true],
    ['0177.0.0.1', true],
    ['127.0.0.1:1', false],
    ['127.0.0.2', false],
    ['localhost', false],
    ['10.0.0.0/8', false],
  ])('%s opens 127.0.0.1: %s', async (entry, opens) => {
    const { port } = await listen(ok);
    const { fetch } = guarded({ allow: [entry.replace('PORT', String(port))] });
    const attempt = fetch(`http://127.0.0.1:${port}/`).then(({ status }) => status);
    if (opens) expect(await attempt).toBe(200);
    else expect((await failureOf(attempt)).message).toContain(`OUTBOUND_ALLOW=127.0.0.1:${port}`);
  });

  it('may be a name', async () => {
    const { port } = await listen(ok);
    const { fetch } = guarded({ allow: ['localhost'] });
    expect(await (await fetch(`http://localhost:${port}/`)).text()).toBe('inside');
  });

  it.each([
    ['host.example', true],
    ['host.example:8080', true],
    ['[::1]:80', true],
    ['::1/128', true],
    ['10.0.0.0/33', false],
    ['http://host', false],
    ['a/b', false],
    ['user@host', false],
    ['', false],
  ])('reads the entry "%s": %s', (entry, fine) => {
    expect(isAllowEntry(entry)).toBe(fine);
  });
});

describe('a lookup for a socket', () => {
  /** What `net.connect` would hear: an address, or a failure's reason. */
  const lookUp = (
    host: string,
    { port, ...options }: Partial<GuardedFetchOptions> & { port?: number } = {},
  ): Promise<unknown> =>
    new Promise((resolve) =>
      guarded(options).lookup(host, { ...(port && { port }) }, (error, address) =>
        resolve(error instanceof FetchFailure ? error.reason : address),
      ),
    );

  it('refuses what a request is refused', async () => {
    for (const host of ['127.0.0.1', '0177.1', '::1', 'localhost', '10.0.0.1', 'a/b', 'user@host', ''])
      expect(await lookUp(host)).toBe('refused');
    const lookup = async () => [{ address: '10.1.2.3', family: 4 }];
    expect(await lookUp('inside.test', { lookup })).toBe('refused');
  });

  it('finds what is public, and what the operator allows', async () => {
    const lookup = async () => [{ address: '93.184.215.14', family: 4 }];
    expect(await lookUp('mail.test', { lookup })).toBe('93.184.215.14');
    expect(await lookUp('93.184.215.14')).toBe('93.184.215.14');
    expect(await lookUp('127.0.0.1', { allow: ['127.0.0.0/8'] })).toBe('127.0.0.1');
    const allow = ['127.0.0.1:143'];
    expect(await lookUp('127.0.0.1', { allow, port: 143 })).toBe('127.0.0.1');
    expect(await lookUp('127.0.0.1', { allow, port: 144 })).toBe('refused');
    expect(await lookUp('127.0.0.1', { allow })).toBe('refused');
  });

  it('gives the addresses of the family that is asked for', async () => {
    const addresses = [
      { address: '93.184.215.14', family: 4 },
      { address: '2606:2800:21f:cb07:6820:80da:af6b:8b2c', family: 6 },
    ];
    const { lookup } = guarded({ lookup: async () => addresses });
    const ask = (family: number | undefined, all: boolean) =>
      new Promise((resolve) =>
        lookup('two.test', { ...(family && { family }), all }, (error, found) => resolve(error ?? found)),
      );
    expect(await ask(undefined, true)).toEqual(addresses);
    expect(await ask(6, true)).toEqual([addresses[1]]);
    expect(await ask(6, false)).toBe(addresses[1]!.address);
    expect(await lookUp('nobody.invalid')).toBe('unreachable');
  });
});

describe('what is no address at all', () => {
  it.each([
    'file:///etc/passwd',
    'ftp://host.example/',
    'http://user:pass@host.example/',
    'nonsense',
    'http://',
  ])('refuses %s', async (url) => {
    expect((await failureOf(guarded().fetch(url))).reason).toBe('refused');
    expect((await failureOf(guarded().check(url))).reason).toBe('refused');
  });

  it('cannot say anything of a name that does not resolve: it may be saved, and fails when it is sent', async () => {
    const { fetch, check } = guarded();
    await expect(check('https://nobody.invalid/')).resolves.toBeUndefined();
    expect((await failureOf(fetch('https://nobody.invalid/'))).reason).toBe('unreachable');
  });
});

describe('an exchange', () => {
  const here = { allow: ['127.0.0.1'] };

  it('sends the method, headers and body, and reads the answer', async () => {
    const { port } = await listen((request, response) => {
      response.writeHead(418, { 'x-seen': `${request.method} ${request.url} ${request.headers['x-own']}` });
      request.pipe(response);
    });
    const init = { method: 'PUT', headers: { 'x-own': 'yes' }, body: 'körper' };
    const response = await guarded(here).fetch(`http://127.0.0.1:${port}/a?b=c`, init);
    expect([response.status, response.headers.get('x-seen')]).toEqual([418, 'PUT /a?b=c yes']);
    expect(await response.text()).toBe('körper');
  });

  it('may have its answer left unread', async () => {
    const { port } = await listen(ok);
    for (let count = 0; count < 3; count += 1) {
      const response = await guarded(here).fetch(`http://127.0.0.1:${port}/`);
      await response.body!.cancel();
    }
  });

  it('follows no redirect', async () => {
    const { port, reached } = await listen((_request, response) =>
      response.writeHead(302, { location: 'http://169.254.169.254/' }).end(),
    );
    expect((await guarded(here).fetch(`http://127.0.0.1:${port}/`)).status).toBe(302);
    expect(reached()).toBe(1);
  });

  it.each([204, 304])('has no body with status %i', async (status) => {
    const { port } = await listen((_request, response) => response.writeHead(status).end());
    const response = await guarded(here).fetch(`http://127.0.0.1:${port}/`);
    expect([response.status, response.body]).toEqual([status, null]);
  });

  it('knows that nothing was sent where nobody listens', async () => {
    const { port } = await listen(ok);
    await new Promise((resolve) => server!.close(resolve));
    server = undefined;
    const failure = await failureOf(guarded(here).fetch(`http://127.0.0.1:${port}/`));
    expect([failure.reason, failure.message]).toEqual([
      'unreachable',
      expect.stringContaining('ECONNREFUSED'),
    ]);
  });

  it('knows that it may have arrived where the connection breaks off, or TLS is not spoken', async () => {
    const { port } = await listen((request) => request.socket.destroy());
    const broken = await failureOf(guarded(here).fetch(`http://127.0.0.1:${port}/`));
    const noTls = await failureOf(guarded(here).fetch(`https://127.0.0.1:${port}/`));
    expect([broken.reason, noTls.reason]).toEqual(['interrupted', 'unreachable']);
  });

  it('ends in time: before the answer, in the middle of it, and when the caller says so', async () => {
    const { port } = await listen(({ url }, response) => {
      if (url === '/half') response.write('half');
    });
    const { fetch } = guarded({ ...here, timeoutMs: 300 });
    const before = await failureOf(fetch(`http://127.0.0.1:${port}/`));
    const half = await fetch(`http://127.0.0.1:${port}/half`);
    const inside = await failureOf(half.text());
    const told = await failureOf(
      guarded(here).fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(100) }),
    );
    expect([before, inside, told].map(({ reason }) => reason)).toEqual(Array(3).fill('interrupted'));
  });

  it('reads no more than its limit', async () => {
    const { port } = await listen((_request, response) => response.end('x'.repeat(2_000)));
    const response = await guarded({ ...here, maxBytes: 1_000 }).fetch(`http://127.0.0.1:${port}/`);
    expect((await failureOf(response.text())).message).toContain('larger than 1000 bytes');
  });

  it('does not unpack what is packed', async () => {
    const { port } = await listen((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end('not gzip at all'),
    );
    expect(await (await guarded(here).fetch(`http://127.0.0.1:${port}/`)).text()).toBe('not gzip at all');
  });
});
