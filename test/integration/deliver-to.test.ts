/** Schedules whose answers go to a place of a channel, chosen from what the channel knows. */
import { createChannel } from '@nightshift/core/channels';
import { newId } from '@nightshift/core/database';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectModel, createAgent, type Product, startProduct } from '../support/api/index.ts';
import {
  connectProgram,
  type Receiver,
  startProgram,
  startReceiver,
  testChannels,
} from '../support/channel/index.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';

let product: Product;
let server: ModelServer;
let platform: Receiver;
let agentId: string;

beforeAll(async () => {
  [product, server] = await Promise.all([startProduct({ adapters: testChannels }), startModelServer()]);
  await product.startWorker({ adapters: testChannels });
});
beforeEach(async () => {
  platform = await startReceiver();
  agentId = await createAgent(product.owner, { model: await connectModel(product.owner, server) });
});
afterEach(() => platform.close());
afterAll(() => Promise.all([product.close(), server.close()]));

const get = (path: string) => product.owner.expect(200, product.owner.get(path));
let serial = 0;

async function connect(kind = 'test', name = `Team ${++serial}`): Promise<{ id: string; name: string }> {
  const channel = { kind, name, agentId, credentials: { token: 'secret' }, settings: { url: platform.url } };
  return { id: await createChannel(product.db, product.deps.kek, product.id, channel), name };
}

interface Held {
  thread: Record<string, string>;
  key: string;
  place?: { kind: string; name: string | null };
  direct?: boolean;
  agent?: string;
  personId?: string;
}

/** A conversation as the inbox leaves it. */
async function hold(channelId: string, { thread, key, place, direct = false, agent, personId }: Held) {
  const id = newId();
  await product.sql(
    `INSERT INTO conversation (id, team_id, agent_id, channel_id, thread, thread_key, direct, place, next_seq)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 2)`,
    [
      id,
      product.id,
      agent ?? agentId,
      channelId,
      JSON.stringify(thread),
      key,
      direct,
      place && JSON.stringify(place),
    ],
  );
  if (personId)
    await product.sql(
      `INSERT INTO message (id, conversation_id, seq, role, content, person_id) VALUES ($1, $2, 1, 'user', '[]', $3)`,
      [newId(), id, personId],
    );
  return id;
}

async function meet(channelId: string, externalId: string, name: string, more: { thread?: object } = {}) {
  const [personId, id] = [newId(), newId()];
  await product.sql(`INSERT INTO person (id, team_id, name) VALUES ($1, $2, $3)`, [
    personId,
    product.id,
    name,
  ]);
  await product.sql(
    `INSERT INTO identity (id, channel_id, person_id, external_id, name, status, thread) VALUES ($1, $2, $3, $4, $5, 'approved', $6)`,
    [id, channelId, personId, externalId, name, more.thread && JSON.stringify(more.thread)],
  );
  return personId;
}

const schedule = (deliverTo: unknown, more: object = {}) =>
  product.owner.post('/v1/schedules', {
    ...{ agentId, name: `Brief ${++serial}`, prompt: 'Say what is new.', everySeconds: 86_400, deliverTo },
    ...more,
  });

describe('a place', () => {
  it('is chosen by what people call it, by a person, or by the platform’s own address', async () => {
    const slack = await connect('slack');
    await hold(slack.id, {
      thread: { channel: 'C1', thread_ts: '1.2' },
      key: 'C1:1.2',
      place: { kind: 'thread', name: '#sales' },
    });
    await hold(slack.id, {
      thread: { channel: 'C1', thread_ts: '1.3' },
      key: 'C1:1.3',
      place: { kind: 'thread', name: '#sales' },
    });
    const ann = await meet(slack.id, 'U7', 'Ann Lee');
    await hold(slack.id, { thread: { channel: 'D9' }, key: 'D9', direct: true, personId: ann });
    const places = await get(`/v1/channels/${encodeURIComponent(slack.name)}/places`);
    expect(places.data).toMatchObject([
      {
        kind: 'direct',
        name: 'Ann Lee',
        address: 'D9',
        people: [{ id: ann, name: 'Ann Lee', handle: 'U7' }],
      },
      { kind: 'channel', name: '#sales', address: 'C1' },
    ]);
    for (const [place, address] of [
      ['#sales', 'C1'],
      ['sales', 'C1'],
      ['#SALES', 'C1'],
      ['C1', 'C1'],
      ['Ann Lee', 'D9'],
      ['@ann lee', 'D9'],
      ['U7', 'D9'],
      ['D9', 'D9'],
    ]) {
      for (const channel of [slack.name, slack.id, slack.id.slice(-8)]) {
        const made = await product.owner.expect(201, schedule({ channel, place }));
        expect(made.deliverTo).toMatchObject({ channel: slack, place: { address } });
        const [row] = await product.sql(`SELECT thread, thread_key FROM conversation WHERE id = $1`, [
          made.deliverTo.conversationId,
        ]);
        // The room itself, and none of its threads.
        expect(row).toEqual({ thread: { channel: address }, thread_key: address });
        await product.owner.expect(204, product.owner.send('DELETE', `/v1/schedules/${made.id}`));
      }
    }
  });

  it('that is unknown or means several is refused with what there is', async () => {
    const { id } = await connect();
    expect(await schedule({ channel: id, place: 'x' })).toMatchObject({ status: 400 });
    await hold(id, { thread: { thread: 'a' }, key: 'a', place: { kind: 'group', name: 'Family' } });
    await hold(id, { thread: { thread: 'b' }, key: 'b', place: { kind: 'group', name: 'family' } });
    const unknown = await schedule({ channel: id, place: '#nowhere' });
    expect(unknown).toMatchObject({ status: 400, body: { errors: [{ path: 'deliverTo.place' }] } });
    expect(unknown.body.candidates).toHaveLength(2);
    const several = await schedule({ channel: id, place: 'FAMILY' });
    expect(several.status).toBe(400);
    expect(several.body.candidates.map((each: { id: string }) => each.id).sort()).toEqual(['a', 'b']);
    // Written exactly so, it is one.
    expect(await schedule({ channel: id, place: 'Family' })).toMatchObject({ status: 201 });
    expect(await schedule({ channel: 'no such channel', place: 'a' })).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'deliverTo.channel' }] },
    });
    expect(await schedule({ channel: id })).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'deliverTo.place' }] },
    });
  });

  it('is found by any name that a group can have', async () => {
    const { id } = await connect();
    const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).map((text) => text.trim());
    await fc.assert(
      fc.asyncProperty(name, async (text) => {
        if (text === '' || text.includes('\0') || !text.isWellFormed()) return;
        const key = newId();
        const held = await hold(id, { thread: { thread: key }, key, place: { kind: 'group', name: text } });
        const made = await product.owner.expect(201, schedule({ channel: id, place: text }));
        expect(made.deliverTo).toMatchObject({ conversationId: held, place: { name: text } });
        await product.sql(`UPDATE conversation SET channel_id = NULL WHERE id = $1`, [held]);
      }),
      { numRuns: 25 },
    );
  });

  it('is listed in pages, by kind, and by a part of a name', async () => {
    const { id } = await connect();
    for (const key of ['a', 'b', 'c', 'd', 'e'])
      await hold(id, {
        thread: { thread: key },
        key,
        direct: key === 'e',
        place: { kind: 'group', name: `Room ${key}` },
      });
    const list = `/v1/channels/${id}/places`;
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: { data: { address: string }[]; nextCursor: string | null } = await get(
        `${list}?limit=2${cursor && `&cursor=${cursor}`}`,
      );
      seen.push(...page.data.map(({ address }) => address));
      cursor = page.nextCursor;
    }
    expect(seen.toSorted()).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect((await get(`${list}?q=room%20C`)).data).toMatchObject([{ address: 'c' }]);
    expect((await get(`${list}?kind=direct`)).data).toMatchObject([{ address: 'e' }]);
    expect((await product.owner.get(`${list}?cursor=x`)).status).toBe(400);
  });

  it('can be a person whose address the platform’s id is, before they were written to', async () => {
    const { id } = await connect('sms');
    await meet(id, '+4915112345', 'Bo');
    const made = await product.owner.expect(201, schedule({ channel: id, place: 'bo' }));
    expect(made.deliverTo.place).toEqual({ kind: 'direct', name: 'Bo', address: '+4915112345' });
    await product.sql(`UPDATE identity SET status = 'blocked' WHERE channel_id = $1`, [id]);
    const blocked = await schedule({ channel: id, place: '+4915112399' });
    expect(blocked.status).toBe(400);
  });
});

describe('an answer', () => {
  it('goes there, and the fire says how it fared', async () => {
    const { id } = await connect();
    await hold(id, { thread: { thread: 'room' }, key: 'room', place: { kind: 'group', name: 'Room' } });
    const made = await product.owner.expect(201, schedule({ channel: id, place: 'Room' }));
    await product.owner.expect(202, product.owner.post(`/v1/schedules/${made.id}/run`));
    await expect.poll(() => platform.received.length).toBeGreaterThan(0);
    const fires = `/v1/schedules/${made.id}/fires`;
    await expect
      .poll(async () => (await get(fires)).data[0])
      .toMatchObject({ runStatus: 'succeeded', delivery: { status: 'sent', error: null } });
    platform.react(() => ({ status: 400 }));
    await product.owner.expect(202, product.owner.post(`/v1/schedules/${made.id}/run`));
    await expect
      .poll(async () => (await get(fires)).data[0])
      .toMatchObject({ delivery: { status: 'dead', error: { message: 'The platform answered 400.' } } });
  });

  it('is given in the conversation that is there, also after people began another one', async () => {
    const { id } = await connect();
    const first = await hold(id, { thread: { thread: 'room' }, key: 'room' });
    const made = await product.owner.expect(201, schedule({ channel: id, place: 'room' }));
    expect(made.deliverTo.conversationId).toBe(first);
    await product.sql(`UPDATE conversation SET left_at = now() WHERE id = $1`, [first]);
    const second = await hold(id, { thread: { thread: 'room' }, key: 'room' });
    await product.owner.expect(202, product.owner.post(`/v1/schedules/${made.id}/run`));
    await expect.poll(async () => (await get(`/v1/runs?conversationId=${second}`)).data.length).toBe(1);
    expect((await get(`/v1/schedules/${made.id}`)).deliverTo.conversationId).toBe(second);
  });

  it('of one agent goes to a room that another one talks in, beside its conversation', async () => {
    const { id } = await connect();
    const other = await createAgent(product.owner);
    const theirs = await hold(id, { thread: { thread: 'room' }, key: 'room', agent: other });
    const made = await product.owner.expect(201, schedule({ channel: id, place: 'room' }));
    expect(made.deliverTo.conversationId).not.toBe(theirs);
    await product.owner.expect(202, product.owner.post(`/v1/schedules/${made.id}/run`));
    await expect.poll(() => platform.received.length).toBeGreaterThan(0);
    const [row] = await product.sql(
      `SELECT count(*)::int AS open FROM conversation WHERE channel_id = $1 AND thread_key = 'room' AND left_at IS NULL`,
      [id],
    );
    expect(row.open).toBe(1);
    await product.owner.expect(202, product.owner.post(`/v1/schedules/${made.id}/run`));
    await expect
      .poll(async () => (await get(`/v1/runs?conversationId=${made.deliverTo.conversationId}`)).data.length)
      .toBe(2);
  });

  it('goes elsewhere when it is told, and the old shape still works', async () => {
    const { id } = await connect();
    const held = await hold(id, { thread: { thread: 'room' }, key: 'room' });
    const made = await product.owner.expect(201, schedule({ conversationId: held }));
    expect(made.deliverTo).toEqual({ conversationId: held });
    await hold(id, { thread: { thread: 'hall' }, key: 'hall' });
    const path = `/v1/schedules/${made.id}`;
    const moved = await product.owner.expect(
      200,
      product.owner.patch(path, { deliverTo: { channel: id, place: 'hall' } }),
    );
    expect(moved.deliverTo.place.address).toBe('hall');
    expect((await get(`/v1/schedules?channelId=${id}`)).data).toMatchObject([{ id: made.id }]);
    const own = await product.owner.expect(200, product.owner.patch(path, { deliverTo: null }));
    expect(own).toMatchObject({ deliverTo: null, conversationId: null });
  });
});

it('takes what a channel has really heard', async () => {
  const [house, program] = await Promise.all([startProduct(), startProgram()]);
  try {
    const worker = await house.startWorker();
    const agentId = await createAgent(house.owner, { model: await connectModel(house.owner, server) });
    const channel = await connectProgram(house, program, { agentId, access: { strangers: 'answer' } });
    const places = async () =>
      (await house.owner.expect(200, house.owner.get(`/v1/channels/${channel.id}/places`))).data;
    await program.say(channel.hookUrl, 'Hello', { thread: 'order-42', sender: { id: 'ann', name: 'Ann' } });
    await expect
      .poll(async () => (await places())[0])
      .toMatchObject({
        kind: 'direct',
        address: 'order-42',
        people: [{ name: 'Ann', handle: 'ann' }],
      });
    const made = await house.owner.expect(
      201,
      house.owner.post('/v1/schedules', {
        ...{ agentId, name: 'Brief', prompt: 'Say what is new.', everySeconds: 86_400 },
        deliverTo: { channel: channel.id, place: 'Ann' },
      }),
    );
    await house.owner.expect(202, house.owner.post(`/v1/schedules/${made.id}/run`));
    await expect.poll(() => program.shown('order-42').length).toBeGreaterThan(1);
    await worker.close();
  } finally {
    await Promise.all([program.close(), house.close()]);
  }
});
