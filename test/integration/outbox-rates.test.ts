/** How fast a platform takes messages, whichever worker sends them, and what of an answer waits for it. */
import { adapterSource, type ChannelAdapter, type SendRates } from '@nightshift/channels';
import { createChannel } from '@nightshift/core/channels';
import { takeTurn } from '@nightshift/core/outbox';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Product, startProduct } from '../support/api/index.ts';
import {
  addConversation,
  createTestChannel,
  type Destination,
  type Receiver,
  startReceiver,
  wakeAll,
  writeDelivery,
} from '../support/channel/index.ts';

const hour = 3_600_000;

function limited(kind: string, rates: SendRates): ChannelAdapter {
  const channel = createTestChannel({ idempotentSend: true });
  return { ...channel, kind, capabilities: { ...channel.capabilities, rates } } as ChannelAdapter;
}

/** One in 300 ms, three at once. */
const everyMs = 300;
const burst = 3;
const adapters = adapterSource([
  limited('paced', {
    chat: ['chat'],
    direct: { messages: 1, perMs: everyMs, burst },
    group: { messages: 1, perMs: hour, burst: 1 },
    edits: false,
  }),
  limited('slow', { chat: ['chat'], direct: { messages: 1, perMs: hour, burst }, edits: false }),
]);

let product: Product;
let platform: Receiver;

beforeAll(async () => {
  product = await startProduct();
  await Promise.all([1, 2].map(() => product.startWorker({ adapters })));
});
beforeEach(async () => {
  platform = await startReceiver();
});
afterEach(() => platform.close());
afterAll(() => product.close());

async function connect(kind: string): Promise<Destination> {
  const id = await createChannel(product.db, product.deps.kek, product.id, {
    kind,
    name: 'Test',
    credentials: { token: 'secret' },
    settings: { url: platform.url },
  });
  return { kind: 'channel', id };
}

/** A thread of the chat. */
async function thread(chat: string, direct = true): Promise<string> {
  const id = await addConversation(product);
  await product.sql(`UPDATE conversation SET thread = $2, direct = $3 WHERE id = $1`, [
    id,
    JSON.stringify({ chat, thread: id }),
    direct,
  ]);
  return id;
}

const read = (id: string) => product.owner.expect(200, product.owner.get(`/v1/deliveries/${id}`));
const untilStatus = (id: string, status: string) =>
  expect.poll(async () => (await read(id)).status).toBe(status);
const texts = () => platform.received.map(({ body }) => body.text);

it('two workers together send no faster to one chat than it takes', async () => {
  const channel = await connect('paced');
  const threads = await Promise.all([1, 2, 3].map(() => thread('one')));
  const begun = performance.now();
  const written = [];
  for (const text of ['A', 'B', 'C', 'D'])
    for (const conversation of threads)
      written.push(await writeDelivery(product, channel, conversation, text));
  await wakeAll(product, written);
  for (const { id } of written) await untilStatus(id, 'sent');
  expect(platform.received).toHaveLength(12);
  expect(platform.received.at(-1)!.at - begun).toBeGreaterThanOrEqual((12 - burst) * everyMs);
  for (const conversation of threads) {
    const said = platform.received.filter(({ body }) => body.thread === conversation);
    expect(said.map(({ body }) => body.text)).toEqual(['A', 'B', 'C', 'D']);
  }
});

it('a long answer begins at once; what waits says why, and another chat does not wait', async () => {
  const channel = await connect('slow');
  const text = ['First', 'Second', 'Third', 'Fourth'].map((word) => `${word} paragraph.`).join('\n\n');
  const long = await writeDelivery(product, channel, await thread('one'), text);
  await wakeAll(product, [long]);
  await expect.poll(async () => (await read(long.id)).error).toMatchObject({ code: 'rate_limited' });
  expect(await read(long.id)).toMatchObject({ status: 'pending', partsSent: 3 });
  expect(Date.parse((await read(long.id)).dueAt)).toBeGreaterThan(Date.now() + hour / 2);
  const other = await writeDelivery(product, channel, await thread('two'), 'Elsewhere');
  await wakeAll(product, [other]);
  await untilStatus(other.id, 'sent');

  // The time has come.
  await product.sql(`UPDATE send_rate SET full_at = now() WHERE key LIKE $1`, [`${channel.id}/%`]);
  await product.sql(`UPDATE delivery SET due_at = now() WHERE id = $1`, [long.id]);
  await wakeAll(product, [long]);
  await untilStatus(long.id, 'sent');
  expect(await read(long.id)).toMatchObject({ error: null, partsSent: 4 });
  expect(texts()).toEqual([
    'First paragraph.',
    'Second paragraph.',
    'Third paragraph.',
    'Elsewhere',
    'Fourth paragraph.',
  ]);
});

it('a group has a limit of its own', async () => {
  const channel = await connect('paced');
  const group = await thread('many', false);
  const [first, second] = [
    await writeDelivery(product, channel, group, 'One'),
    await writeDelivery(product, channel, group, 'Two'),
  ];
  await wakeAll(product, [first]);
  await untilStatus(first.id, 'sent');
  await expect.poll(async () => (await read(second.id)).error).toMatchObject({ code: 'rate_limited' });
});

describe('turns', () => {
  const limit = (key: string, most: number) => ({ key, everyMs: hour, burst: most });

  it('are as many as the burst has, however many ask at once', async () => {
    const key = 'crowd';
    await takeTurn(product.db, [limit(key, 5)]);
    const waits = await Promise.all(Array.from({ length: 20 }, () => takeTurn(product.db, [limit(key, 5)])));
    expect(waits.filter((ms) => ms === 0)).toHaveLength(4);
    for (const ms of waits.filter((each) => each > 0)) expect(ms).toBeLessThanOrEqual(hour);
  });

  it('are taken of all limits or of none', async () => {
    const both = [limit('chat', 2), limit('connection', 1)];
    expect(await takeTurn(product.db, both)).toBe(0);
    expect(await takeTurn(product.db, both)).toBeGreaterThan(hour / 2);
    expect(await takeTurn(product.db, [limit('chat', 2)])).toBe(0);
  });

  it('cost nothing where there are no limits', async () => {
    expect(await takeTurn(product.db, [])).toBe(0);
  });
});
