/** Deliveries to webhooks: a receiver that knows a repetition by its id, so everything is sent until it is accepted. */
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, createAgent, type Product, startProduct } from '../support/api/index.ts';
import {
  addConversation,
  type Destination,
  type Receiver,
  startReceiver,
  wakeAll,
  writeDelivery,
} from '../support/channel/index.ts';

let product: Product;
let receiver: Receiver;
let webhookId: string;
let secret: string;
let destination: Destination;

const events = ['message.created', 'run.finished'];

beforeAll(async () => {
  product = await startProduct();
  await product.startWorker();
});
beforeEach(async () => {
  receiver = await startReceiver();
  const body = { url: `${receiver.url}/hook`, events };
  const created = await product.owner.expect(201, product.owner.post('/v1/webhooks', body));
  webhookId = created.id;
  secret = created.signingSecret;
  destination = { kind: 'webhook', id: webhookId };
});
afterEach(async () => {
  await product.sql('DELETE FROM webhook');
  await receiver.close();
});
afterAll(() => product.close());

const read = (id: string) => product.owner.expect(200, product.owner.get(`/v1/deliveries/${id}`));
const untilStatus = (id: string, status: string) =>
  expect.poll(async () => (await read(id)).status).toBe(status);
const texts = () => receiver.received.map(({ body }) => body.data.message.text);

/** Deliveries of one conversation, in order, and their lane woken. */
async function write(conversationId: string, ...all: string[]) {
  const written = [];
  for (const text of all) written.push(await writeDelivery(product, destination, conversationId, text));
  await wakeAll(product, written.slice(0, 1));
  return written;
}

describe('what a webhook is told', () => {
  it('is told of the answer and the end of a run, signed, in this order', async () => {
    const agentId = await createAgent(product.owner);
    const said = await ask(product.owner, agentId, 'Hello');
    await expect.poll(() => receiver.received.length).toBe(2);
    const [message, end] = receiver.received.map(
      ({ raw, headers }) =>
        // biome-ignore lint/suspicious/noExplicitAny: the bodies are what is looked at
        new StandardWebhook(secret).verify(raw, headers as Record<string, string>) as any,
    );
    const { conversationId, runId } = said;
    expect(message).toMatchObject({
      type: 'message.created',
      data: { conversationId, agentId, runId, message: { role: 'assistant', text: said.reply?.text } },
    });
    expect(end).toMatchObject({
      type: 'run.finished',
      data: {
        run: { id: runId, agentId, conversationId, status: 'succeeded', trigger: 'api', error: null },
        reply: { text: said.reply?.text },
      },
    });
    expect(receiver.received[0]?.path).toBe('/hook');
  });

  it('is told only of the events that it asked for', async () => {
    await product.owner.expect(
      200,
      product.owner.patch(`/v1/webhooks/${webhookId}`, { events: ['run.finished'] }),
    );
    const said = await ask(product.owner, await createAgent(product.owner), 'Hello');
    await expect.poll(() => receiver.received.length).toBe(1);
    expect(receiver.received[0]?.body.data.run.id).toBe(said.runId);
  });

  it('is signed with the new secret after a rotation, also when it was written before', async () => {
    receiver.react((_request, nth) => ({ status: nth === 1 ? 401 : 200 }));
    const [delivery] = await write(await addConversation(product), 'one');
    await expect.poll(() => receiver.received.length).toBeGreaterThan(0);
    const rotated = await product.owner.expect(
      200,
      product.owner.patch(`/v1/webhooks/${webhookId}`, { rotateSecret: true }),
    );
    await untilStatus(delivery!.id, 'sent');
    const { raw, headers } = receiver.received.at(-1)!;
    const verifyWith = (key: string) =>
      new StandardWebhook(key).verify(raw, headers as Record<string, string>);
    expect(() => verifyWith(rotated.signingSecret)).not.toThrow();
    expect(() => verifyWith(secret)).toThrow();
  });

  it('is not told of an end that a retry of the run has undone', async () => {
    const conversationId = await addConversation(product);
    const delivery = await writeDelivery(product, destination, conversationId, 'one', 'run.finished');
    await product.sql(`UPDATE run SET status = 'running', ended_at = NULL, attempt = 2 WHERE id = $1`, [
      delivery.runId,
    ]);
    // Somebody is at it, or else the sweep would take it up.
    await product.sql(`UPDATE conversation SET lease_until = now() + interval '1 hour' WHERE id = $1`, [
      conversationId,
    ]);
    await wakeAll(product, [delivery]);
    await untilStatus(delivery.id, 'dead');
    expect((await read(delivery.id)).error).toMatchObject({ code: 'rejected' });
    expect(receiver.received).toEqual([]);
  });
});

describe('a receiver that fails', () => {
  it('gets a failed event again under the same id, and what follows in the conversation afterwards', async () => {
    receiver.react(({ body }, nth) => ({ status: body.data.message.text === 'one' && nth < 3 ? 500 : 204 }));
    const written = await write(await addConversation(product), 'one', 'two', 'three');
    await untilStatus(written[2]!.id, 'sent');
    expect(texts()).toEqual(['one', 'one', 'one', 'two', 'three']);
    expect(new Set(receiver.received.slice(0, 3).map(({ id }) => id))).toEqual(new Set([written[0]!.id]));
    expect(await read(written[0]!.id)).toMatchObject({
      status: 'sent',
      attempts: 3,
      error: null,
      receipts: [{ status: 204 }],
      endedAt: expect.any(String),
    });
  });

  it('does not hold up other conversations', async () => {
    const [stuck, free] = [await addConversation(product), await addConversation(product)];
    receiver.react(({ body }) => ({ status: body.data.conversationId === stuck ? 500 : 200 }));
    const [first] = await write(stuck, 'never');
    const [second] = await write(free, 'at once');
    await untilStatus(second!.id, 'sent');
    expect(await read(first!.id)).toMatchObject({ status: 'pending', error: { code: 'not_delivered' } });
  });

  it('follows no redirect, and takes it for a failure', async () => {
    receiver.react(() => ({ status: 302, headers: { location: `${receiver.url}/elsewhere` } }));
    const [delivery] = await write(await addConversation(product), 'one');
    await expect
      .poll(async () => (await read(delivery!.id)).error?.message)
      .toBe('The receiver answered 302.');
    expect(receiver.received.map(({ path }) => path)).not.toContain('/elsewhere');
  });

  it('is waited for as long as it asks, and other webhooks are not', async () => {
    const other = await startReceiver();
    try {
      const [later, now] = [await addConversation(product), await addConversation(product)];
      receiver.react((_request, nth) =>
        nth === 1 && receiver.received.length === 1
          ? { status: 429, headers: { 'retry-after': '3' } }
          : { status: 200 },
      );
      const [refused] = await write(later, 'one');
      await expect.poll(() => receiver.received.length).toBe(1);
      await expect.poll(async () => (await read(refused!.id)).status).toBe('pending');
      const { pausedUntil } = await product.owner.expect(200, product.owner.get(`/v1/webhooks/${webhookId}`));
      expect(Date.parse((await read(refused!.id)).dueAt) - Date.parse(pausedUntil)).toBeLessThan(1_000);

      // Another conversation of the same webhook waits too; another webhook does not.
      const [alsoLater] = await write(now, 'two');
      const created = await product.owner.expect(
        201,
        product.owner.post('/v1/webhooks', { url: other.url, events }),
      );
      const elsewhere = await writeDelivery(product, { kind: 'webhook', id: created.id }, now, 'three');
      await wakeAll(product, [elsewhere]);
      await untilStatus(elsewhere.id, 'sent');
      expect(receiver.received).toHaveLength(1);

      await untilStatus(refused!.id, 'sent');
      await untilStatus(alsoLater!.id, 'sent');
      // The run of an earlier test may end meanwhile, and tell this webhook too.
      const mine = [refused!.id, alsoLater!.id];
      const [asked, ...after] = receiver.received.filter(({ headers }) =>
        mine.includes(String(headers['webhook-id'])),
      );
      expect(after).toHaveLength(2);
      for (const { at } of after) expect(at - asked!.at).toBeGreaterThanOrEqual(3_000);
    } finally {
      await other.close();
    }
  });

  it('gets it when it listens again, or on a new address', async () => {
    await receiver.shut();
    const [delivery] = await write(await addConversation(product), 'one');
    await expect
      .poll(async () => (await read(delivery!.id)).error?.message)
      .toEqual(expect.stringContaining('ECONNREFUSED'));
    await receiver.open();
    await untilStatus(delivery!.id, 'sent');
    expect(texts()).toEqual(['one']);
  });

  it('gets it again when it took it and broke off, or did not answer in time', async () => {
    receiver.react((_request, nth) => (nth === 1 ? 'drop' : nth === 2 ? 'hang' : { status: 200 }));
    const [delivery] = await write(await addConversation(product), 'one');
    await untilStatus(delivery!.id, 'sent');
    expect(receiver.received.map(({ id }) => id)).toEqual(Array(3).fill(delivery!.id));
  });

  it('is given up after a day, and the conversation goes on; a retry by hand begins anew', async () => {
    receiver.react(({ body }) => ({ status: body.data.message.text === 'one' ? 503 : 200 }));
    const [delivery, next] = await write(await addConversation(product), 'one', 'two');
    await expect.poll(async () => (await read(delivery!.id)).attempts).toBeGreaterThan(0);
    await product.sql(
      `UPDATE delivery SET created_at = now() - interval '24 hours', due_at = now() WHERE id = $1`,
      [delivery!.id],
    );
    await untilStatus(delivery!.id, 'dead');
    await untilStatus(next!.id, 'sent');
    expect(await read(delivery!.id)).toMatchObject({
      error: { code: 'not_delivered', message: 'The receiver answered 503.' },
    });

    const attempts = receiver.received.length;
    await product.owner.expect(202, product.owner.post(`/v1/deliveries/${delivery!.id}/retry`));
    await expect.poll(() => receiver.received.length).toBeGreaterThan(attempts);
    await expect.poll(async () => (await read(delivery!.id)).status).toBe('pending');
    receiver.react(() => ({ status: 200 }));
    await untilStatus(delivery!.id, 'sent');
  });
});

it('sends again, under the same id, what a worker had begun to send when it died', async () => {
  const delivery = await writeDelivery(product, destination, await addConversation(product), 'one');
  await product.sql(
    `UPDATE delivery SET status = 'sending', attempts = 1, lease_until = now() - interval '1 second' WHERE id = $1`,
    [delivery.id],
  );
  // The sweep finds it by itself: nobody wakes the lane.
  await untilStatus(delivery.id, 'sent');
  expect(receiver.received.map(({ id }) => id)).toEqual([delivery.id]);
  expect((await read(delivery.id)).attempts).toBe(2);
});

it('takes what waits along when a webhook is deleted, also in the middle of a send', async () => {
  receiver.react(() => ({ status: 200, afterMs: 1_000 }));
  const written = await write(await addConversation(product), 'one', 'two');
  await expect.poll(() => receiver.received.length).toBe(1);
  await product.owner.expect(204, product.owner.delete(`/v1/webhooks/${webhookId}`));
  for (const { id } of written) expect((await product.owner.get(`/v1/deliveries/${id}`)).status).toBe(404);
  // The worker goes on with others after that.
  const created = await product.owner.expect(
    201,
    product.owner.post('/v1/webhooks', { url: receiver.url, events }),
  );
  const after = await writeDelivery(
    product,
    { kind: 'webhook', id: created.id },
    await addConversation(product),
    'after',
  );
  await wakeAll(product, [after]);
  await untilStatus(after.id, 'sent');
  expect(texts()).toEqual(['one', 'after']);
});

it('asks an address again at each send: one that has become private is refused', async () => {
  await product.sql(`UPDATE webhook SET url = 'http://169.254.169.254/latest' WHERE id = $1`, [webhookId]);
  const [delivery] = await write(await addConversation(product), 'one');
  await untilStatus(delivery!.id, 'dead');
  expect((await read(delivery!.id)).error).toMatchObject({
    code: 'rejected',
    message: expect.stringContaining('169.254.169.254 is no public address'),
  });
});
