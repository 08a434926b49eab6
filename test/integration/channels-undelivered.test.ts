/** What a platform took and then could not deliver: the delivery says so, and can be sent again. */
import { createChannel } from '@nightshift/core/channels';
import { acceptEvents } from '@nightshift/core/inbox';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type Product, startProduct } from '../support/api/index.ts';
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
let channel: Destination;

beforeAll(async () => {
  product = await startProduct();
  platform = await startReceiver();
  await product.startWorker({ adapters: testChannels });
});
beforeEach(async () => {
  platform.react(() => ({ status: 200 }));
  platform.received.length = 0;
  const id = await createChannel(product.db, product.deps.kek, product.id, {
    kind: 'test',
    name: 'Test',
    credentials: { token: 'secret' },
    settings: { url: platform.url },
  });
  channel = { kind: 'channel', id };
});
afterAll(async () => {
  await product.close();
  await platform.close();
});

const reason = { code: '30003', message: 'The phone is off.' };

async function report(text: string) {
  const access = { strangers: 'pair', people: [], programs: 'ignore' } as never;
  const scope = {
    id: channel.id,
    teamId: product.id,
    agentId: null,
    access,
    routes: [],
    kek: product.deps.kek,
  };
  const event = {
    type: 'undelivered',
    externalId: `${text}:failed`,
    sent: { id: `posted ${text}` },
    reason,
  } as const;
  const { dropped, taken } = await acceptEvents(product.db, scope, [event], {
    onDefect: (error) => {
      throw error;
    },
  });
  return taken > 0 ? 'taken' : [...dropped.keys()][0];
}

async function write(text: string): Promise<string> {
  const written = await writeDelivery(product, channel, await addConversation(product), text);
  await wakeAll(product, [written]);
  return written.id;
}

const read = (id: string) => product.owner.expect(200, product.owner.get(`/v1/deliveries/${id}`));
const untilStatus = (id: string, status: string) =>
  expect.poll(async () => (await read(id)).status).toBe(status);
const texts = () => platform.received.map(({ body }) => body.text);

it('the delivery has failed, says why, and is sent again from the part that did not arrive', async () => {
  const id = await write('First paragraph.\n\nSecond paragraph.\n\nThird paragraph.');
  await untilStatus(id, 'sent');
  expect(await report('Second paragraph.')).toBe('taken');
  expect(await report('Second paragraph.')).toBe('duplicate');
  expect(await read(id)).toMatchObject({ status: 'failed', error: reason, partsSent: 1 });
  const traffic = await product.owner.expect(
    200,
    product.owner.get(`/v1/channels/${channel.id}/traffic?errors=true`),
  );
  expect(traffic.outbound).toMatchObject([{ id, status: 'failed', error: reason }]);
  const listed = await product.owner.expect(200, product.owner.get('/v1/deliveries?status=failed'));
  expect(listed.data.map((each: { id: string }) => each.id)).toEqual([id]);

  await product.owner.expect(202, product.owner.post(`/v1/deliveries/${id}/retry`));
  await untilStatus(id, 'sent');
  expect(await read(id)).toMatchObject({ error: null, partsSent: 3 });
  expect(texts()).toEqual([
    'First paragraph.',
    'Second paragraph.',
    'Third paragraph.',
    'Second paragraph.',
    'Third paragraph.',
  ]);
});

it('a report that comes before the platform has answered is not lost', async () => {
  let reported: Promise<unknown> = Promise.resolve();
  platform.react(({ body }) => {
    reported = report(body.text);
    return { status: 200, afterMs: 1_000 };
  });
  const id = await write('Early');
  await untilStatus(id, 'failed');
  expect(await reported).toBe('not_ours');
  expect(await read(id)).toMatchObject({ error: reason });
});

it('a report of something that is not ours changes nothing', async () => {
  const id = await write('Mine');
  await untilStatus(id, 'sent');
  expect(await report('Somebody else')).toBe('not_ours');
  expect((await read(id)).status).toBe('sent');
});
