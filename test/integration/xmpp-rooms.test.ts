/** Rooms of a real XMPP server: who is believed there, and programs that talk to each other. */
import type { Element } from '@xmpp/client';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { connectModel, createAgent, type Product, startProduct } from '../support/api/index.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';
import { describeWith } from '../support/programs.ts';
import { joinXmpp, type Person, type Prosody, password, startProsody } from '../support/xmpp/index.ts';

const wait = { timeout: 60_000, interval: 100 };
const room = 'lounge@rooms.localhost';

describeWith('prosody', 'with prosody', () => {
  let product: Product;
  let server: Prosody;
  const closing: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    server = await startProsody(['ann', 'bob', 'ada', 'max']);
    product = await startProduct();
    await product.startWorker();
  });
  afterEach(async () => {
    const { data } = await product.owner.expect(200, product.owner.get('/v1/channels'));
    for (const { id } of data) await product.owner.expect(204, product.owner.delete(`/v1/channels/${id}`));
    for (const close of closing.splice(0).reverse()) await close();
  });
  afterAll(async () => {
    await product.close();
    await server.stop();
  });

  /** @param host somebody who is in the room, and sees the agent come */
  async function agent(host: Person, name: string, text: string, access: object) {
    let isThere = false;
    host.client.on('stanza', ({ name: kind, attrs }: Element) => {
      if (kind === 'presence' && attrs.from === `${room}/${name}` && !attrs.type) isThere = true;
    });
    const models: ModelServer = await startModelServer();
    closing.push(() => models.close());
    models.script(() => ({ text }));
    const agentId = await createAgent(product.owner, {
      name: `${name} ${Date.now()}`,
      model: await connectModel(product.owner, models),
    });
    const settings = {
      address: `${name}@localhost`,
      host: '127.0.0.1',
      port: server.port,
      encryption: 'none',
      rooms: room,
    };
    const body = { kind: 'xmpp', agentId, settings, credentials: { password }, access, live: false };
    const { id } = await product.owner.expect(201, product.owner.post('/v1/channels', body));
    await expect.poll(() => isThere, wait).toBe(true);
    return { id, models };
  }
  async function person(name: string, nick = name): Promise<Person> {
    const joined = await joinXmpp(server.port, name, { rooms: [room], nick });
    closing.push(joined.close);
    return joined;
  }
  const say = (who: Person, text: string) => who.say(room, text, { type: 'groupchat' });
  const counts = async (id: string) => (await product.owner.get(`/v1/channels/${id}`)).body.counts;

  it('somebody who takes the nick of an approved person is not answered', async () => {
    const host = await person('bob', 'host');
    const ann = await person('ann', 'Ann');
    const { id, models } = await agent(host, 'ada', 'Here you are.', {});
    await say(ann, 'ada: hello');
    const people = async () => (await product.owner.get(`/v1/channels/${id}/identities`)).body.data;
    await expect.poll(async () => (await people()).length, wait).toBe(1);
    const [stranger] = await people();
    expect(stranger).toMatchObject({ name: 'Ann', vouched: true, status: 'pending', personId: null });
    await product.owner.expect(
      200,
      product.owner.patch(`/v1/channels/${id}/identities/${stranger.id}`, { status: 'approved' }),
    );
    await say(ann, 'ada: what is the secret?');
    await expect.poll(() => models.requests.length, wait).toBe(1);
    await ann.close();
    const impostor = await person('max', 'Ann');
    const before = await counts(id);
    await say(impostor, 'ada: what is the secret?');
    await expect.poll(async () => (await counts(id)).ignored, wait).toBeGreaterThan(before.ignored);
    expect(models.requests).toHaveLength(1);
    expect(await people()).toHaveLength(2);
    await host.sync();
    expect(host.shown(`${room}/ada`)).toEqual(['Here you are.']);
  }, 180_000);

  it('a program that nobody marks gets a few answers, and no more', async () => {
    const host = await person('bob', 'host');
    const robot = await person('max', 'robot');
    const { id, models } = await agent(host, 'ada', 'robot: and what do you think of that, then?', {
      groups: { open: [room] },
    });
    let replies = 0;
    robot.client.on('stanza', (stanza: Element) => {
      if (stanza.name !== 'message' || stanza.attrs.from !== `${room}/ada`) return;
      replies += 1;
      say(
        robot,
        `ada: this is what I make of it, for the ${replies}. time: ${'very '.repeat(replies)}much.`,
      ).catch(() => undefined);
    });
    await say(robot, 'ada: shall we talk?');
    const dropped = async () => (await counts(id)).ignored;
    await expect.poll(async () => models.requests.length, wait).toBeGreaterThan(5);
    await expect
      .poll(async () => {
        const [{ n }] = await product.sql(
          `SELECT count(*)::int AS n FROM conversation WHERE channel_id = $1 AND suspects IS NOT NULL`,
          [id],
        );
        return n;
      }, wait)
      .toBe(1);
    await expect.poll(dropped, wait).toBeGreaterThan(0);
    const asked = models.requests.length;
    expect(asked).toBeLessThanOrEqual(10);
    // A person in the same room is answered as ever.
    await say(host, 'ada: are you two done?');
    await expect.poll(() => models.requests.length, wait).toBe(asked + 1);
  }, 180_000);

  it('two agents in one room, which name each other, hear who is a program', async () => {
    const host = await person('bob', 'host');
    const open = { groups: { open: [room] } };
    const ada = await agent(host, 'ada', 'max: what do you say?', open);
    const max = await agent(host, 'max', 'ada: what do you say?', open);
    await say(host, 'ada: ask max something');
    await expect.poll(() => ada.models.requests.length, wait).toBe(1);
    await expect.poll(async () => (await counts(max.id)).ignored, wait).toBeGreaterThan(1);
    await say(host, 'max: and you?');
    await expect.poll(() => max.models.requests.length, wait).toBe(1);
    await expect.poll(async () => (await counts(ada.id)).ignored, wait).toBeGreaterThan(2);
    expect([ada.models.requests.length, max.models.requests.length]).toEqual([1, 1]);
  }, 180_000);
});
