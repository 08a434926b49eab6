/**
 * Channels that are sent to over the connection that the connector holds: only the worker that is connected sends, and
 * while nobody is, what is to go out waits and says why. On a real IRC server, since a stand-in would have to be one.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createAgent, type Product, startProduct } from '../support/api/index.ts';
import { addConversation, type Written, wakeAll, writeDelivery } from '../support/channel/index.ts';
import { joinIrc, type Ngircd, type Person, startNgircd } from '../support/irc/index.ts';
import { describeWith } from '../support/programs.ts';

const wait = { timeout: 60_000 };

describeWith('ngircd', 'on ngircd', () => {
  let product: Product;
  let server: Ngircd;
  let ann: Person;
  let channelId: string;
  let conversation: string;

  beforeAll(async () => {
    product = await startProduct();
  });
  beforeEach(async () => {
    server = await startNgircd();
    ann = await joinIrc(server.port, 'ann', { rooms: ['#dev'] });
    const agentId = await createAgent(product.owner);
    const settings = { host: '127.0.0.1', port: server.port, encryption: 'none', nick: 'nightbot' };
    const body = { kind: 'irc', agentId, settings: { ...settings, channels: '#dev' } };
    channelId = (await product.owner.expect(201, product.owner.post('/v1/channels', body))).id;
    conversation = await addConversation(product, channelId);
    await product.sql(`UPDATE conversation SET thread = '{"target": "#dev"}' WHERE id = $1`, [conversation]);
  });
  afterEach(async () => {
    await product.owner.delete(`/v1/channels/${channelId}`);
    ann.close();
    await server.stop();
  });
  afterAll(() => product.close());

  const write = (text: string) =>
    writeDelivery(product, { kind: 'channel', id: channelId }, conversation, text);
  const read = async ({ id }: Written) =>
    product.owner.expect(200, product.owner.get(`/v1/deliveries/${id}`));
  const status = async (written: Written) => (await read(written)).status;
  const isConnected = async () =>
    (await product.owner.expect(200, product.owner.get(`/v1/channels/${channelId}`))).connected;

  it('sends through the one of two workers that is connected, in order and once', async () => {
    const workers = [await product.startWorker(), await product.startWorker()];
    await ann.sees(/^:nightbot!\S+ JOIN/);
    const written: Written[] = [];
    for (let count = 0; count < 6; count += 1) {
      written.push(await write(`message ${count}`));
      await wakeAll(product, written.slice(-1));
    }
    await expect.poll(() => Promise.all(written.map(status)), wait).toEqual(Array(6).fill('sent'));
    await ann.sync();
    expect(await Promise.all(written.map(async (each) => (await read(each)).attempts))).toEqual(
      Array(6).fill(1),
    );
    expect(ann.heard('#dev')).toEqual([0, 1, 2, 3, 4, 5].map((count) => `message ${count}`));
    await Promise.all(workers.map((worker) => worker.close()));
  });

  it('waits while the server is away, says why, and goes out when it is back', async () => {
    const worker = await product.startWorker();
    await ann.sees(/^:nightbot!\S+ JOIN/);
    await server.kill();
    const written = [await write('one'), await write('two')];
    await wakeAll(product, written);
    await expect.poll(async () => (await read(written[1]!)).error?.code, wait).toBe('not_connected');
    expect(await read(written[1]!)).toMatchObject({ status: 'pending', attempts: 0 });
    await server.start();
    ann = await joinIrc(server.port, 'ann', { rooms: ['#dev'] });
    await expect.poll(() => Promise.all(written.map(status)), wait).toEqual(['sent', 'sent']);
    expect((await read(written[0]!)).error).toBeNull();
    await ann.sync();
    expect(ann.heard('#dev')).toEqual(['one', 'two']);
    await worker.close();
  });

  it('waits for a worker, and a handover loses nothing', async () => {
    const before = await write('before');
    await wakeAll(product, [before]);
    const first = await product.startWorker();
    await expect.poll(() => status(before), wait).toBe('sent');
    await first.close();
    expect(await isConnected()).toBe(false);
    const between = await write('between');
    await wakeAll(product, [between]);
    const second = await product.startWorker();
    await expect.poll(() => status(between), wait).toBe('sent');
    await ann.sync();
    expect(ann.heard('#dev')).toEqual(['before', 'between']);
    await second.close();
  });

  it('needs attention once when the server refuses its password', async () => {
    await server.stop();
    server = await startNgircd({ password: 'door' });
    await product.owner.expect(
      200,
      product.owner.patch(`/v1/channels/${channelId}`, {
        settings: { port: server.port },
        credentials: { serverPassword: 'wrong-password' },
      }),
    );
    const worker = await product.startWorker();
    const channel = async () => (await product.owner.get(`/v1/channels/${channelId}`)).body;
    await expect.poll(async () => (await channel()).status, wait).toBe('attention');
    expect((await channel()).problem).toMatchObject({ code: 'credentials_refused' });
    const waiting = await write('later');
    await product.owner.expect(
      200,
      product.owner.patch(`/v1/channels/${channelId}`, { credentials: { serverPassword: 'door' } }),
    );
    await product.owner.expect(200, product.owner.post(`/v1/channels/${channelId}/resume`));
    await expect.poll(() => status(waiting), wait).toBe('sent');
    await worker.close();
  });
});
