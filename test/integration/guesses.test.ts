/** Who guesses keys: slowed down by address, without a question to the database, and at nobody else's cost. */
import { randomBytes } from 'node:crypto';
import { generateApiKey } from '@nightshift/core/api-keys';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createClient, type Product, startProduct } from '../support/api/index.ts';

let product: Product;
const queries = { keys: 0 };

beforeAll(async () => {
  product = await startProduct({ trustedProxies: ['127.0.0.1'] });
  // Counts the questions for a key; the rest of the database is as it is.
  const { query } = product.db;
  product.db.query = ((statement, ...rest) => {
    if (/FROM api_key WHERE hash/.test(statement.text)) queries.keys += 1;
    return query(statement, ...rest);
  }) as typeof query;
});
afterAll(() => product.close());

const ask = async (key: string, from: string) =>
  (await createClient(product.url, key).get('/v1/me', { 'x-forwarded-for': from })).status;
const times = <T>(count: number, each: (at: number) => T) =>
  Array.from({ length: count }, (_, at) => each(at));
const group = () => randomBytes(2).toString('hex');
/** An address that has not guessed before. */
const newAddress = () => `10.${randomBytes(3).join('.')}`;

it.each([
  [
    'every host of an IPv6 /64',
    () => {
      const network = `2001:db8:${group()}:${group()}`;
      return () => `${network}:${group()}:${group()}:${group()}:${group()}`;
    },
  ],
  [
    'every spelling of an IPv4 address',
    () => {
      const address = newAddress();
      const [a, b] = Buffer.from(address.split('.').map(Number)).toString('hex').match(/.{4}/g)!;
      const spellings = [address, `::ffff:${address}`, `::ffff:${a}:${b}`];
      return () => spellings[Math.floor(Math.random() * 3)]!;
    },
  ],
])('counts %s as one', async (_what, addressesOf) => {
  const address = addressesOf();
  const statuses = [];
  for (let at = 0; at < 40; at += 1) statuses.push(await ask(generateApiKey(), address()));
  expect(statuses).toEqual([...Array(30).fill(401), ...Array(10).fill(429)]);
});

it('counts hosts of different networks apart', async () => {
  const network = `2001:db8:${group()}`;
  const statuses = await Promise.all(
    times(60, (at) => ask(generateApiKey(), `${network}:${at.toString(16)}::1`)),
  );
  expect(new Set(statuses)).toEqual(new Set([401]));
});

it('asks the database for the guesses that are let through, however many come at once', async () => {
  const from = newAddress();
  const before = queries.keys;
  const statuses = await Promise.all(times(300, () => ask(generateApiKey(), from)));
  expect(statuses.filter((status) => status === 401)).toHaveLength(30);
  expect(statuses.filter((status) => status === 429)).toHaveLength(270);
  expect(queries.keys - before).toBe(30);
});

it('asks it for nothing that has not the form of a key', async () => {
  const from = newAddress();
  const before = queries.keys;
  const wrong = [
    'nonsense',
    'ns_',
    'ns_short',
    `sk_${'x'.repeat(43)}`,
    `ns_${'x'.repeat(42)}!`,
    `ns_${'x'.repeat(9_000)}`,
  ];
  for (const key of wrong) expect(await ask(key, from)).toBe(401);
  expect(queries.keys).toBe(before);
});

it('never holds up a good key behind a guesser, also one that was never used, or made meanwhile', async () => {
  const from = newAddress();
  const unused = await product.caller('viewer');
  const flood = () => Promise.all(times(100, () => ask(generateApiKey(), from)));
  await flood();
  expect(await ask(product.owner.key!, from)).toBe(200);
  // The api is told of a new key within a moment.
  await expect.poll(() => ask(unused.key!, from)).toBe(200);
  const made = await product.caller('viewer');
  await expect.poll(() => ask(made.key!, from)).toBe(200);
  expect(new Set(await flood())).toEqual(new Set([429]));
});

it('lets a key that was just made come in many requests at once', async () => {
  const from = newAddress();
  const { key } = await product.owner.expect(
    201,
    product.owner.post('/v1/api-keys', { name: 'busy', role: 'member' }),
  );
  const statuses = await Promise.all(times(100, () => ask(key, from)));
  expect(new Set(statuses)).toEqual(new Set([200]));
});

it('counts a key that was revoked as a guess', async () => {
  const from = newAddress();
  const caller = await product.caller('viewer');
  const { key } = (await caller.get('/v1/me')).body;
  await product.owner.expect(204, product.owner.delete(`/v1/api-keys/${key.id}`));
  const statuses = [];
  for (let at = 0; at < 32; at += 1) statuses.push(await ask(caller.key!, from));
  expect(statuses.slice(0, 30)).toEqual(Array(30).fill(401));
  expect(statuses.at(-1)).toBe(429);
});

it('keeps counting who guesses on while a flood of other addresses guesses', async () => {
  const from = newAddress();
  for (let at = 0; at < 31; at += 1) await ask('x', from);
  for (let round = 0; round < 20; round += 1) {
    const network = `2001:db8:${group()}`;
    await Promise.all(times(50, (at) => ask('x', `${network}:${at.toString(16)}::1`)));
    expect(await ask('x', from)).toBe(429);
  }
});
