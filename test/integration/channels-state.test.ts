/** What a channel says of itself is what was last observed, not what is hoped. */
import { adapterSource, type ChannelAdapter } from '@nightshift/channels';
import { noteConnection } from '@nightshift/core/connectors';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAgent, type Product, startProduct } from '../support/api/index.ts';
import {
  addConversation,
  connectProgram,
  createPollChannel,
  type PollPlatform,
  type Program,
  startPollPlatform,
  startProgram,
  wakeAll,
  writeDelivery,
} from '../support/channel/index.ts';
import { type Ngircd, startNgircd } from '../support/irc/index.ts';
import { describeWith } from '../support/programs.ts';

const wait = { timeout: 60_000 };
const readIn = (product: Product, id: string) =>
  product.owner.expect(200, product.owner.get(`/v1/channels/${id}`));

describe('a channel that we connect to', () => {
  const adapters = adapterSource([createPollChannel() as ChannelAdapter]);
  let product: Product;
  let platform: PollPlatform;
  let id: string;

  beforeAll(async () => {
    product = await startProduct({ adapters });
  });
  beforeEach(async () => {
    platform = await startPollPlatform();
    const agentId = await createAgent(product.owner);
    const settings = { url: platform.url, pollUrl: platform.url };
    const body = { kind: 'test-poll', agentId, credentials: { token: 'the-token-0001' }, settings };
    id = (await product.owner.expect(201, product.owner.post('/v1/channels', body))).id;
  });
  afterEach(async () => {
    await product.owner.delete(`/v1/channels/${id}`);
    await platform.close();
  });
  afterAll(() => product.close());

  const read = () => readIn(product, id);
  const untilState = (state: object) =>
    expect.poll(async () => (await read()).state, wait).toMatchObject(state);
  const metric = async () => (await product.owner.get('/metrics')).text as string;

  it('says that no worker has tried, that it is connected, why it is not, and when it is tried again', async () => {
    expect(await read()).toMatchObject({
      connected: false,
      state: { status: 'never_connected', since: null, lastConnectedAt: null, error: null, nextTryAt: null },
    });
    platform.fail(true);
    const worker = await product.startWorker({ adapters });
    const error = { code: 'not_connected', message: 'It answered 500.', at: expect.any(String) };
    await untilState({ status: 'disconnected', error, lastConnectedAt: null, nextTryAt: expect.any(String) });
    expect((await read()).connected).toBe(false);
    const { since } = (await read()).state;
    // An outage is as old as it is, however often it was tried.
    const polls = platform.offsets.length;
    await expect.poll(() => platform.offsets.length, wait).toBeGreaterThan(polls + 1);
    expect((await read()).state).toMatchObject({ status: 'disconnected', since });

    platform.fail(false);
    await untilState({ status: 'connected', error: null, nextTryAt: null });
    const connected = await read();
    expect(connected.connected).toBe(true);
    expect(connected.state.lastConnectedAt).toBe(connected.state.since);
    expect(Date.parse(connected.state.since)).toBeGreaterThan(Date.parse(since));

    platform.fail(true);
    await untilState({ status: 'disconnected', error, lastConnectedAt: connected.state.lastConnectedAt });
    const { data } = await product.owner.expect(200, product.owner.get('/v1/channels'));
    expect(data.find((each: { id: string }) => each.id === id)).toMatchObject({
      connected: false,
      state: { status: 'disconnected', error },
    });
    await worker.close();
    expect((await read()).state).toMatchObject({ status: 'unattended', error });
  });

  it('does not stay connected when its worker dies, nor while a claim has observed nothing', async () => {
    const worker = await product.startWorker({ adapters });
    await untilState({ status: 'connected' });
    await worker.close();
    // As a worker leaves it that was killed: the lease stands until it runs out.
    await product.sql(
      `UPDATE channel SET lease_owner = 'dead', lease_until = now() + interval '1 second' WHERE id = $1`,
      [id],
    );
    expect(await read()).toMatchObject({ connected: true });
    await untilState({ status: 'unattended' });
    expect(await read()).toMatchObject({ connected: false });
    await product.sql(
      `UPDATE channel SET lease_owner = 'next', epoch = epoch + 1, lease_until = now() + interval '1 minute' WHERE id = $1`,
      [id],
    );
    expect(await read()).toMatchObject({ connected: false, state: { status: 'connecting' } });
  });

  it('what a worker has observed that was taken over changes nothing', async () => {
    await product.sql(
      `UPDATE channel SET lease_owner = 'first', epoch = 7, lease_until = now() + interval '1 minute' WHERE id = $1`,
      [id],
    );
    const lease = { channelId: id, teamId: product.id, epoch: 7 };
    expect(await noteConnection(product.db, lease, { status: 'connected' })).toBe(true);
    const { since } = (await read()).state;
    expect(await noteConnection(product.db, lease, { status: 'connected' })).toBe(true);
    expect((await read()).state).toMatchObject({ status: 'connected', since });
    await product.sql(`UPDATE channel SET lease_owner = 'second', epoch = 8 WHERE id = $1`, [id]);
    const failed = { status: 'disconnected', error: { code: 'not_connected', message: 'No.' } } as const;
    expect(await noteConnection(product.db, { ...lease, epoch: 8 }, failed)).toBe(true);
    expect(await noteConnection(product.db, lease, { status: 'connected' })).toBe(false);
    expect((await read()).state).toMatchObject({ status: 'disconnected', error: failed.error });
    await product.sql('UPDATE channel SET lease_owner = NULL, lease_until = NULL WHERE id = $1', [id]);
    expect(await noteConnection(product.db, { ...lease, epoch: 8 }, { status: 'connected' })).toBe(false);
  });

  it('says that the token is refused, and when it is paused', async () => {
    platform.revoke('the-token-0001');
    const worker = await product.startWorker({ adapters });
    const error = { code: 'credentials_refused', message: 'The platform refuses the token.' };
    await untilState({ status: 'refused', error, since: expect.any(String) });
    expect(await metric()).toMatch(/nightshift_channels\{kind="test-poll",state="refused",[^}]*\} 1/);
    await product.owner.expect(
      200,
      product.owner.patch(`/v1/channels/${id}`, { credentials: { token: 'another-0002' } }),
    );
    await untilState({ status: 'connected', error: null });
    expect(await metric()).toMatch(/nightshift_channels\{kind="test-poll",state="connected",[^}]*\} 1/);
    await product.owner.expect(200, product.owner.post(`/v1/channels/${id}/pause`));
    expect(await read()).toMatchObject({ connected: false, state: { status: 'paused' } });
    await product.owner.expect(200, product.owner.post(`/v1/channels/${id}/resume`));
    await untilState({ status: 'connected' });
    await worker.close();
  });
});

describe('a channel whose platform pushes', () => {
  let product: Product;
  let program: Program;

  beforeAll(async () => {
    product = await startProduct();
    await product.startWorker();
  });
  beforeEach(async () => {
    program = await startProgram();
  });
  afterEach(() => program.close());
  afterAll(() => product.close());

  it('says what came last, what was refused, what was sent and what was not', async () => {
    const { id, hookUrl } = await connectProgram(product, program, { access: { strangers: 'ignore' } });
    const state = async () => (await readIn(product, id)).state;
    expect(await state()).toEqual({
      status: 'never_called',
      ...{ since: null, lastConnectedAt: null, error: null, nextTryAt: null, lastVerifiedAt: null },
      ...{ lastRefused: null, lastSentAt: null, lastSendError: null },
    });
    const other = await startProgram();
    expect((await other.say(hookUrl, 'Hello')).status).toBe(401);
    await expect
      .poll(state, wait)
      .toMatchObject({ status: 'never_called', lastRefused: { reason: expect.stringContaining('sign') } });
    await other.close();
    // A message that is not answered came all the same.
    expect((await program.say(hookUrl, 'Hello')).status).toBe(200);
    await expect.poll(state, wait).toMatchObject({ status: 'receiving', lastVerifiedAt: expect.any(String) });

    const thread = await addConversation(product, id);
    await wakeAll(product, [await writeDelivery(product, { kind: 'channel', id }, thread, 'one')]);
    await expect.poll(state, wait).toMatchObject({ lastSentAt: expect.any(String), lastSendError: null });
    await program.close();
    await wakeAll(product, [await writeDelivery(product, { kind: 'channel', id }, thread, 'two')]);
    await expect
      .poll(state, wait)
      .toMatchObject({ lastSendError: { code: 'not_delivered', message: expect.any(String) } });
    program = await startProgram();
  });
});

describeWith('ngircd', 'on a real server', () => {
  let product: Product;
  let server: Ngircd;

  beforeAll(async () => {
    product = await startProduct();
  });
  afterAll(() => product.close());

  it('says within seconds that the server is dead, and that it is back', async () => {
    server = await startNgircd();
    const agentId = await createAgent(product.owner);
    const settings = { host: '127.0.0.1', port: server.port, encryption: 'none', nick: 'nightbot' };
    const { id } = await product.owner.expect(
      201,
      product.owner.post('/v1/channels', { kind: 'irc', agentId, settings }),
    );
    const worker = await product.startWorker();
    const untilState = (state: object) =>
      expect.poll(async () => (await readIn(product, id)).state, wait).toMatchObject(state);
    await untilState({ status: 'connected' });
    await server.kill();
    await untilState({
      status: 'disconnected',
      error: { message: expect.stringMatching(/\S/) },
      nextTryAt: expect.any(String),
    });
    expect((await readIn(product, id)).connected).toBe(false);
    await server.start();
    await untilState({ status: 'connected', error: null });
    await worker.close();
    await server.stop();
  });
});
