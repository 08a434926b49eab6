/** Deliveries to chat platforms: most of them cannot tell a repetition, so what may have arrived is not sent again. */
import { createChannel } from '@nightshift/core/channels';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, createAgent, type Product, say, startProduct } from '../support/api/index.ts';
import {
  addConversation,
  type Destination,
  type Receiver,
  startReceiver,
  testChannels,
  wakeAll,
  writeDelivery,
} from '../support/channel/index.ts';

let product: Product;
let platform: Receiver;

beforeAll(async () => {
  product = await startProduct({ adapters: testChannels });
  // Two, so that every test is also one of two workers that share the lanes.
  await Promise.all([1, 2].map(() => product.startWorker({ adapters: testChannels })));
});
beforeEach(async () => {
  platform = await startReceiver();
});
afterEach(() => platform.close());
afterAll(() => product.close());

async function connect(kind: 'test' | 'test-idempotent' = 'test'): Promise<Destination> {
  const id = await createChannel(product.db, product.deps.kek, product.id, {
    kind,
    name: 'Test',
    credentials: { token: 'secret' },
    settings: { url: platform.url },
  });
  return { kind: 'channel', id };
}

const read = (id: string) => product.owner.expect(200, product.owner.get(`/v1/deliveries/${id}`));
const untilStatus = (id: string, status: string) =>
  expect.poll(async () => (await read(id)).status).toBe(status);
const texts = () => platform.received.map(({ body }) => body.text);

async function write(destination: Destination, conversationId: string, ...all: string[]) {
  const written = [];
  for (const text of all) written.push(await writeDelivery(product, destination, conversationId, text));
  await wakeAll(product, written.slice(0, 1));
  return written;
}

const abandon = (id: string, partsSent = 0) =>
  product.sql(
    `UPDATE delivery SET status = 'sending', attempts = 1, parts_sent = $2, lease_until = now() - interval '1 second'
     WHERE id = $1`,
    [id, partsSent],
  );

it('sends an answer to the thread in which its conversation is held', async () => {
  const channel = await connect();
  const agentId = await createAgent(product.owner);
  const { conversationId } = await say(product.owner, agentId, 'Hello');
  await product.sql(
    `UPDATE conversation SET channel_id = $2, thread = $3, thread_key = 'here' WHERE id = $1`,
    [conversationId, channel.id, JSON.stringify({ thread: 'here' })],
  );
  const { reply } = await ask(product.owner, agentId, 'And again', conversationId);
  const words = (text: string) => text.replaceAll(/\s/g, '');
  await expect.poll(() => words(texts().join(''))).toContain(words(reply?.text ?? 'no answer').slice(0, 300));
  expect(platform.received.every(({ body }) => body.thread === 'here')).toBe(true);
  expect(platform.received[0]?.headers.authorization).toBe('Bearer secret');
});

it('is sent with the credentials that the channel has at that moment', async () => {
  const channel = await connect();
  const conversation = await addConversation(product);
  const [first] = await write(channel, conversation, 'Before');
  await untilStatus(first!.id, 'sent');
  await product.owner.expect(
    200,
    product.owner.patch(`/v1/channels/${channel.id}`, { credentials: { token: 'another' } }),
  );
  const [second] = await write(channel, conversation, 'After');
  await untilStatus(second!.id, 'sent');
  expect(platform.received.map(({ headers }) => headers.authorization)).toEqual([
    'Bearer secret',
    'Bearer another',
  ]);
});

describe('parts', () => {
  it('splits what is too long, sends the parts in order, and goes on after those that were sent', async () => {
    platform.react(({ body }, nth) => ({ status: body.text.startsWith('Second') && nth === 1 ? 503 : 200 }));
    const [delivery] = await write(
      await connect(),
      await addConversation(product),
      'First paragraph.\n\nSecond paragraph.\n\nThird.',
    );
    await untilStatus(delivery!.id, 'sent');
    expect(texts()).toEqual(['First paragraph.', 'Second paragraph.', 'Second paragraph.', 'Third.']);
    expect(new Set(platform.received.map(({ id }) => id)).size).toBe(3);
    expect(await read(delivery!.id)).toMatchObject({
      partsSent: 3,
      attempts: 2,
      receipts: [
        { id: 'posted First paragraph.' },
        { id: 'posted Second paragraph.' },
        { id: 'posted Third.' },
      ],
    });
  });

  it('sends nothing for an answer of blanks', async () => {
    const [delivery] = await write(await connect(), await addConversation(product), ' \n ');
    await untilStatus(delivery!.id, 'sent');
    expect(platform.received).toEqual([]);
  });
});

describe('a send that may have arrived', () => {
  it('is not repeated where the platform could not tell, and the conversation goes on', async () => {
    platform.react(({ body }) =>
      body.text === 'hang' ? 'hang' : body.text === 'drop' ? 'drop' : { status: 200 },
    );
    const channel = await connect();
    const [hung, afterHung] = await write(channel, await addConversation(product), 'hang', 'after');
    const [dropped, afterDropped] = await write(channel, await addConversation(product), 'drop', 'after');
    await untilStatus(afterDropped!.id, 'sent');
    await untilStatus(afterHung!.id, 'sent');
    for (const { id } of [hung!, dropped!]) {
      expect(await read(id)).toMatchObject({
        status: 'unknown',
        error: { code: 'unconfirmed' },
        attempts: 1,
      });
    }
    expect(texts().toSorted()).toEqual(['after', 'after', 'drop', 'hang']);
  });

  it('is repeated under the same key where the platform can tell', async () => {
    platform.react((_request, nth) => (nth === 1 ? 'drop' : { status: 200 }));
    const [delivery] = await write(await connect('test-idempotent'), await addConversation(product), 'once');
    await untilStatus(delivery!.id, 'sent');
    expect(platform.received.map(({ id }) => id)).toEqual([`${delivery!.id}:0`, `${delivery!.id}:0`]);
  });

  it('of a worker that died is not repeated either', async () => {
    const [channel, conversation] = [await connect(), await addConversation(product)];
    const lost = await writeDelivery(product, channel, conversation, 'perhaps');
    const next = await writeDelivery(product, channel, conversation, 'next');
    await abandon(lost.id);
    await untilStatus(next.id, 'sent');
    expect((await read(lost.id)).status).toBe('unknown');
    expect(texts()).toEqual(['next']);
  });

  it('of a worker that died after the last part was written down is no question', async () => {
    const delivery = await writeDelivery(
      product,
      await connect(),
      await addConversation(product),
      'all of it',
    );
    await abandon(delivery.id, 1);
    await untilStatus(delivery.id, 'sent');
    expect(platform.received).toEqual([]);
  });

  it('goes out again when somebody asks for it, before what waits behind it', async () => {
    platform.react(({ body }) => ({ status: body.text === 'one' ? 500 : 503 }));
    const [one, two] = await write(await connect(), await addConversation(product), 'one', 'two');
    await untilStatus(one!.id, 'unknown');
    await expect.poll(async () => (await read(two!.id)).attempts).toBeGreaterThan(0);
    platform.react(() => ({ status: 200 }));
    await product.owner.expect(202, product.owner.post(`/v1/deliveries/${one!.id}/retry`));
    await untilStatus(two!.id, 'sent');
    const sent = texts();
    expect(sent.slice(sent.lastIndexOf('one'))).toEqual(['one', 'two']);
    expect((await read(one!.id)).status).toBe('sent');
  });
});

describe('a platform that refuses', () => {
  it('is not asked again, and the conversation goes on; the run keeps its result', async () => {
    platform.react(({ body }) => ({ status: body.text === 'bad' ? 400 : 200 }));
    const [bad, good] = await write(await connect(), await addConversation(product), 'bad', 'good');
    await untilStatus(good!.id, 'sent');
    expect(await read(bad!.id)).toMatchObject({ status: 'dead', error: { code: 'rejected' }, attempts: 1 });
    expect((await product.owner.get(`/v1/runs/${bad!.runId}`)).body.status).toBe('succeeded');
  });

  it('is asked again when it is the credentials: they can be mended', async () => {
    platform.react((_request, nth) => ({ status: nth === 1 ? 401 : 200 }));
    const [delivery] = await write(await connect(), await addConversation(product), 'one');
    await expect.poll(async () => (await read(delivery!.id)).error?.code).toBe('credentials_refused');
    await untilStatus(delivery!.id, 'sent');
  });

  it('is asked at once when somebody has mended it, however long the next attempt was away', async () => {
    platform.react(() => ({ status: 401 }));
    const channel = await connect();
    const written = await write(channel, await addConversation(product), 'one', 'two');
    await expect.poll(async () => (await read(written[0]!.id)).error?.code).toBe('credentials_refused');
    await product.sql(
      `UPDATE delivery SET due_at = now() + interval '15 minutes' WHERE channel_id = $1 AND status = 'pending'`,
      [channel.id],
    );
    platform.react(() => ({ status: 200 }));
    await product.owner.expect(200, product.owner.post(`/v1/channels/${channel.id}/resume`));
    for (const { id } of written) await untilStatus(id, 'sent');
    expect(texts().slice(-2)).toEqual(['one', 'two']);
  });

  it('gives a message up after six hours', async () => {
    platform.react(() => ({ status: 503 }));
    const [delivery] = await write(await connect(), await addConversation(product), 'one');
    await expect.poll(async () => (await read(delivery!.id)).attempts).toBeGreaterThan(0);
    await product.sql(
      `UPDATE delivery SET created_at = now() - interval '6 hours', due_at = now() WHERE id = $1`,
      [delivery!.id],
    );
    await untilStatus(delivery!.id, 'dead');
  });

  it.each([
    ['the whole channel', undefined, 1],
    ['one thread', 'thread', 2],
  ])('is waited for, where it asks that for %s', async (_what, scope, sentMeanwhile) => {
    const channel = await connect();
    const [slow, other] = [await addConversation(product), await addConversation(product)];
    platform.react((_request, nth) =>
      platform.received.length === 1 && nth === 1
        ? { status: 429, headers: { 'retry-after': '2', ...(scope && { 'x-scope': scope }) } }
        : { status: 200 },
    );
    const [refused] = await write(channel, slow, 'one');
    await expect.poll(async () => (await read(refused!.id)).error?.message).toContain('429');
    const [second] = await write(channel, other, 'two');
    await untilStatus(refused!.id, 'sent');
    await untilStatus(second!.id, 'sent');
    const [asked, ...after] = platform.received;
    const early = after.filter(({ at }) => at - asked!.at < 2_000).map(({ body }) => body.text);
    expect(early).toEqual(sentMeanwhile === 2 ? ['two'] : []);
  });
});

it('keeps the order of each conversation and sends nothing twice, whoever wakes whom', async () => {
  const channel = await connect();
  const conversations = await Promise.all(Array.from({ length: 8 }, () => addConversation(product)));
  let failures = 0;
  // Refusals without a pattern, the same ones each time.
  platform.react(({ id }, nth) => {
    const refuse = nth === 1 && id.charCodeAt(0) % 2 === 0 && id.charCodeAt(35) % 5 === 0;
    if (refuse) failures += 1;
    return { status: refuse ? 503 : 200, afterMs: id.charCodeAt(34) % 7 };
  });
  const written = await Promise.all(
    conversations.map(async (conversation) => {
      const lane = [];
      for (let n = 0; n < 15; n += 1) {
        const delivery = await writeDelivery(product, channel, conversation, `${n}`);
        await wakeAll(product, [delivery, delivery]);
        lane.push(delivery);
      }
      return lane;
    }),
  );
  for (const lane of written) await untilStatus(lane.at(-1)!.id, 'sent');
  const accepted = new Map<string, string[]>();
  const seen = new Set<string>();
  for (const [index, { id, body }] of platform.received.entries()) {
    const isLast = platform.received.findLastIndex((other) => other.id === id) === index;
    if (!isLast) continue;
    expect(seen.has(id)).toBe(false);
    seen.add(id);
    accepted.set(body.thread, [...(accepted.get(body.thread) ?? []), body.text]);
  }
  const inOrder = Array.from({ length: 15 }, (_, n) => `${n}`);
  for (const conversation of conversations) expect(accepted.get(conversation)).toEqual(inOrder);
  expect(platform.received).toHaveLength(conversations.length * 15 + failures);
  expect(failures).toBeGreaterThan(0);
});
