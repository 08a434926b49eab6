import { expect, it } from 'vitest';
import { createClientCache } from './client-cache.ts';
import type { Endpoint } from './provider.ts';

const endpoint = (baseUrl: string, apiKey: string | null): Endpoint => ({
  provider: 'a',
  wire: 'openai-chat',
  baseUrl,
  apiKey,
  compat: {},
});

it('makes one client per base URL and key', async () => {
  let made = 0;
  const clientFor = createClientCache(async () => ({ number: ++made }));
  const first = await clientFor(endpoint('https://a.example', 'k1'));
  expect(await clientFor(endpoint('https://a.example', 'k1'))).toBe(first);
  expect(await clientFor(endpoint('https://a.example', 'k2'))).not.toBe(first);
  expect(await clientFor(endpoint('https://b.example', 'k1'))).not.toBe(first);
  expect(made).toBe(3);
});

it('keeps those in use and lets the oldest go', async () => {
  let made = 0;
  const clientFor = createClientCache(async () => ({ number: ++made }));
  const used = await clientFor(endpoint('https://a.example', 'used'));
  for (let i = 0; i < 200; i++) {
    await clientFor(endpoint('https://a.example', `k${i}`));
    expect(await clientFor(endpoint('https://a.example', 'used'))).toBe(used);
  }
  await clientFor(endpoint('https://a.example', 'k0'));
  expect(made).toBe(202);
});

it('does not keep a failure', async () => {
  let fail = true;
  const clientFor = createClientCache(async () => {
    if (fail) throw new Error('not now');
    return 'client';
  });
  await expect(clientFor(endpoint('https://a.example', 'k'))).rejects.toThrow('not now');
  fail = false;
  expect(await clientFor(endpoint('https://a.example', 'k'))).toBe('client');
});

it('makes another client where the same key goes into other headers', async () => {
  const clientFor = createClientCache(async () => ({}));
  const plain = endpoint('https://a.example', 'k');
  const client = await clientFor(plain);
  expect(await clientFor({ ...plain, compat: { xApiKey: true } })).not.toBe(client);
  expect(await clientFor({ ...plain, compat: { anthropicVersion: '2023-06-01' } })).not.toBe(client);
  expect(await clientFor({ ...plain, compat: { textOnly: true } })).toBe(client);
});
