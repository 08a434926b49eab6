/** Channels that we connect to: one worker at a time, nothing lost and nothing twice when it changes. */
import { adapterSource, type ChannelAdapter } from '@nightshift/channels';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createAgent, type Product, startProduct } from '../support/api/index.ts';
import {
  createPollChannel,
  type PollPlatform,
  type Receiver,
  startPollPlatform,
  startReceiver,
} from '../support/channel/index.ts';

const adapters = adapterSource([createPollChannel() as ChannelAdapter]);
let product: Product;
let platform: PollPlatform;
let receiver: Receiver;
let channelId: string;

beforeAll(async () => {
  product = await startProduct({ adapters });
});
beforeEach(async () => {
  platform = await startPollPlatform();
  receiver = await startReceiver();
  const agentId = await createAgent(product.owner);
  const settings = { url: receiver.url, pollUrl: platform.url };
  const body = { kind: 'test-poll', agentId, credentials: { token: 'first-token-0001' }, settings };
  const access = { strangers: 'answer' };
  channelId = (await product.owner.expect(201, product.owner.post('/v1/channels', { ...body, access }))).id;
});
afterEach(async () => {
  await product.owner.delete(`/v1/channels/${channelId}`);
  await platform.close();
  await receiver.close();
});
afterAll(() => product.close());

const read = () => product.owner.expect(200, product.owner.get(`/v1/channels/${channelId}`));
const said = async (): Promise<string[]> =>
  (
    await product.sql(
      `SELECT m.content->0->>'text' AS text FROM message m JOIN conversation c ON c.id = m.conversation_id
       WHERE c.channel_id = $1 AND m.role = 'user' ORDER BY m.seq`,
      [channelId],
    )
  ).map(({ text }) => text);
const untilSaid = (texts: string[], timeout = 20_000) => expect.poll(said, { timeout }).toEqual(texts);
const untilStatus = (status: string) => expect.poll(async () => (await read()).status).toBe(status);
const owner = async () =>
  (await product.sql('SELECT lease_owner, epoch FROM channel WHERE id = $1', [channelId]))[0];

it('is read by one of two workers, in order; the other takes over at once on drain, from where it stopped', async () => {
  const workers = [await product.startWorker({ adapters }), await product.startWorker({ adapters })];
  platform.say('one');
  platform.say('two');
  await untilSaid(['one', 'two']);
  expect((await read()).connected).toBe(true);
  const { lease_owner: before, epoch } = await owner();
  await workers[0]!.close();
  platform.say('three');
  await untilSaid(['one', 'two', 'three']);
  const after = await owner();
  if (after.epoch !== epoch) {
    expect(after.lease_owner).not.toBe(before);
    // It did not begin anew.
    expect(platform.offsets.lastIndexOf(0)).toBeLessThan(platform.offsets.indexOf(2));
  }
  await workers[1]!.close();
  expect((await owner()).lease_owner).toBeNull();
});

it('a worker that lost its lease commits nothing, and another goes on', async () => {
  const worker = await product.startWorker({ adapters });
  platform.say('one');
  await untilSaid(['one']);
  // As if another worker had claimed it, and died.
  await product.sql(
    `UPDATE channel SET epoch = epoch + 1, lease_owner = 'another', lease_until = now() + interval '3 seconds' WHERE id = $1`,
    [channelId],
  );
  platform.say('two');
  await untilSaid(['one', 'two']);
  expect((await owner()).lease_owner).not.toBe('another');
  await worker.close();
});

it('connects again after errors, and says so while it cannot', async () => {
  const worker = await product.startWorker({ adapters });
  platform.say('one');
  await untilSaid(['one']);
  platform.fail(true);
  platform.say('two');
  await expect.poll(() => platform.offsets.length).toBeGreaterThan(2);
  platform.fail(false);
  await untilSaid(['one', 'two']);
  expect((await read()).status).toBe('active');
  await worker.close();
});

it('needs attention when its token is revoked, tells its owner once, and begins anew with another token', async () => {
  const webhook = await startReceiver();
  const { id: webhookId } = await product.owner.expect(
    201,
    product.owner.post('/v1/webhooks', { url: webhook.url, events: ['channel.attention'] }),
  );
  const workers = [await product.startWorker({ adapters }), await product.startWorker({ adapters })];
  platform.say('one');
  await untilSaid(['one']);
  platform.revoke('first-token-0001');
  await untilStatus('attention');
  expect((await read()).problem).toEqual({
    code: 'credentials_refused',
    message: 'The platform refuses the token.',
  });
  await expect.poll(() => webhook.received.length).toBe(1);
  expect(webhook.received[0]!.body).toMatchObject({
    type: 'channel.attention',
    data: { channel: { id: channelId, kind: 'test-poll', problem: { code: 'credentials_refused' } } },
  });
  const polls = platform.offsets.length;
  platform.say('two');
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  expect(platform.offsets.length).toBe(polls);

  await product.owner.expect(
    200,
    product.owner.patch(`/v1/channels/${channelId}`, { credentials: { token: 'second-token-0002' } }),
  );
  expect(await read()).toMatchObject({
    status: 'active',
    problem: null,
    // No catalogue says that machines make it.
    credentials: { token: { set: true, last4: null } },
  });
  await untilSaid(['one', 'two']);
  // The offset of the first token says nothing of the second; what came twice was dropped.
  expect(platform.offsets.slice(polls)[0]).toBe(0);
  expect(webhook.received).toHaveLength(1);
  await Promise.all(workers.map((worker) => worker.close()));
  await product.owner.delete(`/v1/webhooks/${webhookId}`);
  await webhook.close();
});

it('is left alone while it is paused', async () => {
  const worker = await product.startWorker({ adapters });
  platform.say('one');
  await untilSaid(['one']);
  await product.owner.expect(200, product.owner.post(`/v1/channels/${channelId}/pause`));
  await expect.poll(async () => (await read()).connected).toBe(false);
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  const polls = platform.offsets.length;
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect(platform.offsets.length).toBe(polls);
  platform.say('two');
  await product.owner.expect(200, product.owner.post(`/v1/channels/${channelId}/resume`));
  await untilSaid(['one', 'two']);
  await worker.close();
});

it('workers share the connections, whoever comes and goes, and nothing is lost or twice', async () => {
  const agentId = await createAgent(product.owner);
  const body = { kind: 'test-poll', agentId, credentials: { token: 'first-token-0001' } };
  const platforms = [platform];
  for (let at = 1; at < 6; at += 1) {
    const another = await startPollPlatform();
    platforms.push(another);
    const settings = { url: receiver.url, pollUrl: another.url };
    const access = { strangers: 'answer' };
    await product.owner.expect(201, product.owner.post('/v1/channels', { ...body, settings, access }));
  }
  const shares = async () =>
    (
      await product.sql(
        `SELECT count(*)::int AS n FROM channel WHERE deleted_at IS NULL AND lease_owner IS NOT NULL GROUP BY lease_owner ORDER BY 1`,
      )
    ).map(({ n }) => n);
  const untilShared = (expected: number[]) => expect.poll(shares).toEqual(expected);
  const all: string[] = [];
  const sayEverywhere = (text: string) => {
    for (const [at, each] of platforms.entries()) {
      each.say(`${text} ${at}`);
      all.push(`${text} ${at}`);
    }
  };

  const first = await product.startWorker({ adapters });
  await untilShared([6]);
  sayEverywhere('one worker');
  const second = await product.startWorker({ adapters });
  sayEverywhere('two workers');
  await untilShared([3, 3]);
  const third = await product.startWorker({ adapters });
  sayEverywhere('three workers');
  await untilShared([2, 2, 2]);
  await first.close();
  sayEverywhere('two again');
  await untilShared([3, 3]);
  const texts = async () =>
    (
      await product.sql(
        `SELECT m.content->0->>'text' AS text FROM message m JOIN conversation c ON c.id = m.conversation_id
         JOIN channel h ON h.id = c.channel_id WHERE h.deleted_at IS NULL AND m.role = 'user'`,
      )
    )
      .map(({ text }) => text)
      .sort();
  await expect.poll(texts).toEqual(all.sort());

  for (const { id } of await product.sql(`SELECT id FROM channel WHERE deleted_at IS NULL AND id <> $1`, [
    channelId,
  ]))
    await product.owner.delete(`/v1/channels/${id}`);
  await Promise.all([second.close(), third.close()]);
  await Promise.all(platforms.slice(1).map((each) => each.close()));
});
