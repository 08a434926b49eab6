/** Webhooks and deliveries over the API: who may, what is shown, what is refused. */
import { newId } from '@nightshift/core/database';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Product, startProduct } from '../support/api/index.ts';
import { addConversation, type Receiver, startReceiver, writeDelivery } from '../support/channel/index.ts';

let product: Product;
let receiver: Receiver;

beforeAll(async () => {
  product = await startProduct();
});
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(async () => {
  await product.sql('DELETE FROM webhook');
  await receiver.close();
});
afterAll(() => product.close());

const events = ['run.finished'];
const create = (body: object = {}) =>
  product.owner.post('/v1/webhooks', { url: receiver.url, events, ...body });
const created = (body?: object) => product.owner.expect(201, create(body));
const read = (id: string) => product.owner.expect(200, product.owner.get(`/v1/webhooks/${id}`));
const change = (id: string, body: object) => product.owner.patch(`/v1/webhooks/${id}`, body);

describe('webhooks', () => {
  it('show a secret once, and its last four characters afterwards', async () => {
    const { signingSecret, ...webhook } = await created({ events: ['run.finished', 'run.finished'] });
    expect(signingSecret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(webhook).toMatchObject({
      url: receiver.url,
      events: ['run.finished'],
      secret: { set: true, last4: signingSecret.slice(-5, -1) },
      pausedUntil: null,
    });
    expect(await read(webhook.id)).toEqual(webhook);
    expect((await product.owner.get('/v1/webhooks')).body).toEqual({ data: [webhook], nextCursor: null });
    const [row] = await product.sql('SELECT secret::text FROM webhook');
    expect(row.secret).not.toContain(signingSecret.slice(6));
  });

  it('take a secret that the receiver has already', async () => {
    const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
    expect((await created({ secret })).signingSecret).toBe(secret);
  });

  it('are changed field by field; a rotation shows the new secret, other changes none', async () => {
    const { id, signingSecret } = await created();
    await product.sql(`UPDATE webhook SET paused_until = now() + interval '1 hour'`);
    const same = await product.owner.expect(200, change(id, { events }));
    expect(same).not.toHaveProperty('signingSecret');
    const move = { url: `${receiver.url}/new`, secret: signingSecret };
    const moved = await product.owner.expect(200, change(id, move));
    expect(moved).toMatchObject({ url: move.url, events, pausedUntil: null, signingSecret });
    const rotated = await product.owner.expect(200, change(id, { rotateSecret: true }));
    expect(rotated.signingSecret).not.toBe(signingSecret);
    expect((await read(id)).secret.last4).toBe(rotated.signingSecret.slice(-5, -1));
    expect(await change(id, {})).toMatchObject({ status: 400 });
  });

  it.each([
    ['an event that there is none of', { events: ['run.exploded'] }, 'events'],
    ['no event', { events: [] }, 'events'],
    ['a URL that is none', { url: 'receiver' }, 'url'],
    ['another scheme', { url: 'ftp://receiver.example/' }, 'url'],
    ['a URL with a password', { url: 'https://user:pass@receiver.example/' }, 'url'],
    ['a URL with a fragment', { url: 'https://receiver.example/#a' }, 'url'],
    ['a private address', { url: 'http://10.0.0.1/' }, 'url'],
    ['the metadata service', { url: 'http://169.254.169.254/latest/meta-data' }, 'url'],
    ['loopback by another spelling', { url: 'http://[::ffff:127.0.0.1]/' }, 'url'],
    ['a name of loopback', { url: 'http://localhost/' }, 'url'],
    ['a short secret', { secret: 'whsec_c2hvcnQ=' }, 'secret'],
    ['a secret without its prefix', { secret: Buffer.alloc(32).toString('base64') }, 'secret'],
    ['a field that there is none of', { label: 'x' }, 'label'],
  ])('refuse %s', async (_what, body, field) => {
    const answer = await create(body);
    expect(answer.status).toBe(400);
    expect(answer.body.detail).toContain(field);
    const { id } = await created();
    expect((await change(id, body)).status).toBe(400);
  });

  it('say how an operator allows a private address', async () => {
    expect((await create({ url: 'http://10.0.0.1:8080/' })).body).toMatchObject({
      code: 'invalid_request',
      detail: expect.stringContaining('OUTBOUND_ALLOW=10.0.0.1:8080'),
    });
  });

  it('are made by admins, read by viewers, and are nobody else’s', async () => {
    const { id } = await created();
    const [member, viewer] = await Promise.all([product.caller('member'), product.caller('viewer')]);
    const { owner: stranger } = await product.addTeam('strangers');
    expect((await member.post('/v1/webhooks', { url: receiver.url, events })).status).toBe(403);
    expect((await member.post(`/v1/webhooks/${id}/test`)).status).toBe(403);
    expect((await viewer.get(`/v1/webhooks/${id}`)).status).toBe(200);
    for (const answer of [
      stranger.get(`/v1/webhooks/${id}`),
      stranger.patch(`/v1/webhooks/${id}`, { events }),
      stranger.delete(`/v1/webhooks/${id}`),
      stranger.post(`/v1/webhooks/${id}/test`),
    ]) {
      expect((await answer).status).toBe(404);
    }
    expect((await stranger.get('/v1/webhooks')).body.data).toEqual([]);
    expect((await product.owner.delete(`/v1/webhooks/${id}`)).status).toBe(204);
    expect((await product.owner.get(`/v1/webhooks/${id}`)).status).toBe(404);
  });
});

describe('a test of a webhook', () => {
  const test = async (id: string) => product.owner.expect(200, product.owner.post(`/v1/webhooks/${id}/test`));

  it('sends a signed ping and says what came back', async () => {
    const { id, signingSecret } = await created();
    expect(await test(id)).toEqual({
      ok: true,
      status: 200,
      durationMs: expect.any(Number),
      body: '{"ok":true}',
      error: null,
    });
    const [{ raw, headers }] = receiver.received as [Receiver['received'][0]];
    expect(new StandardWebhook(signingSecret).verify(raw, headers as Record<string, string>)).toMatchObject({
      type: 'ping',
      data: { webhookId: id },
    });
  });

  it('says what went wrong, in so many words', async () => {
    const { id } = await created();
    receiver.react(() => ({ status: 500, body: 'x'.repeat(100_000) }));
    const failed = await test(id);
    expect(failed).toMatchObject({ ok: false, status: 500, error: 'The receiver answered 500.' });
    expect(failed.body).toHaveLength(1_000);
    await receiver.shut();
    expect(await test(id)).toMatchObject({
      ok: false,
      status: null,
      error: expect.stringContaining('ECONNREFUSED'),
    });
    await product.sql(`UPDATE webhook SET url = 'http://10.0.0.1/'`);
    expect(await test(id)).toMatchObject({ ok: false, error: expect.stringContaining('no public address') });
  });
});

describe('deliveries', () => {
  it('are listed newest first, by status, conversation and webhook, for their own team alone', async () => {
    const [one, two] = [await created(), await created()];
    const [here, there] = [await addConversation(product), await addConversation(product)];
    const first = await writeDelivery(product, { kind: 'webhook', id: one.id }, here, 'first');
    const second = await writeDelivery(product, { kind: 'webhook', id: two.id }, here, 'second');
    const third = await writeDelivery(product, { kind: 'webhook', id: two.id }, there, 'third');
    await product.sql(`UPDATE delivery SET status = 'dead', error = $2, ended_at = now() WHERE id = $1`, [
      second.id,
      JSON.stringify({ code: 'rejected', message: 'No.' }),
    ]);
    const list = async (query: string) =>
      (await product.owner.expect(200, product.owner.get(`/v1/deliveries${query}`))).data.map(
        ({ id }: { id: string }) => id,
      );
    expect(await list('')).toEqual([third.id, second.id, first.id]);
    expect(await list('?limit=1')).toEqual([third.id]);
    expect(await list('?status=dead')).toEqual([second.id]);
    expect(await list(`?conversationId=${here}`)).toEqual([second.id, first.id]);
    expect(await list(`?webhookId=${two.id}&status=pending`)).toEqual([third.id]);
    expect((await product.owner.get('/v1/deliveries?status=lost')).status).toBe(400);

    const { owner: stranger } = await product.addTeam('others');
    expect((await stranger.get('/v1/deliveries')).body.data).toEqual([]);
    expect((await stranger.get(`/v1/deliveries/${second.id}`)).status).toBe(404);
    expect((await stranger.post(`/v1/deliveries/${second.id}/retry`)).status).toBe(404);
    expect((await product.owner.get(`/v1/deliveries/${newId()}`)).status).toBe(404);

    expect((await product.owner.get(`/v1/deliveries/${second.id}`)).body).toMatchObject({
      event: 'message.created',
      status: 'dead',
      channelId: null,
      webhookId: two.id,
      conversationId: here,
      runId: second.runId,
      error: { code: 'rejected', message: 'No.' },
      receipts: [],
    });
  });

  it('are retried when they are dead or unknown, by members', async () => {
    const { id } = await created();
    const delivery = await writeDelivery(
      product,
      { kind: 'webhook', id },
      await addConversation(product),
      'one',
    );
    const retry = async () => (await product.caller('member')).post(`/v1/deliveries/${delivery.id}/retry`);
    const refused = await retry();
    expect([refused.status, refused.body.code]).toEqual([409, 'conflict']);
    const viewer = await product.caller('viewer');
    expect((await viewer.post(`/v1/deliveries/${delivery.id}/retry`)).status).toBe(403);
    for (const status of ['dead', 'unknown']) {
      await product.sql(`UPDATE delivery SET status = $2::delivery_status, ended_at = now() WHERE id = $1`, [
        delivery.id,
        status,
      ]);
      expect(await retry()).toMatchObject({ status: 202, body: { status: 'pending', endedAt: null } });
    }
  });
});

it('is measured: the lane of the outbox that waits longest', async () => {
  const { id } = await created();
  const delivery = await writeDelivery(
    product,
    { kind: 'webhook', id },
    await addConversation(product),
    'one',
  );
  await product.sql(`UPDATE delivery SET due_at = now() - interval '90 s' WHERE id = $1`, [delivery.id]);
  const { text } = await product.owner.get('/metrics');
  const [, seconds] = /^nightshift_oldest_due_delivery_seconds\{[^}]*\} ([\d.]+)$/m.exec(text) ?? [];
  expect(Number(seconds)).toBeGreaterThanOrEqual(90);
});
