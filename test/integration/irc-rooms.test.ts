/** Channels of a real IRC server without accounts: nobody is believed there, and programs do not talk for ever. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { connectModel, createAgent, type Product, startProduct } from '../support/api/index.ts';
import { until } from '../support/faults/index.ts';
import { joinIrc, type Ngircd, type Person, startNgircd } from '../support/irc/index.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';
import { describeWith } from '../support/programs.ts';

const wait = { timeout: 60_000, interval: 100 };

describeWith('ngircd', 'with ngircd', () => {
  let product: Product;
  let server: Ngircd;
  let models: ModelServer;
  let channelId: string;
  const people: Person[] = [];

  beforeEach(async () => {
    server = await startNgircd();
    models = await startModelServer();
    product = await startProduct();
    await product.startWorker();
    models.script(() => ({ text: 'robot: and what do you think of that, then?' }));
    const agentId = await createAgent(product.owner, { model: await connectModel(product.owner, models) });
    const settings = {
      host: '127.0.0.1',
      port: server.port,
      encryption: 'none',
      nick: 'ada',
      channels: '#lounge, #open',
    };
    const access = { groups: { open: ['#open'] } };
    const body = { kind: 'irc', agentId, settings, access };
    const host = await join('host');
    ({ id: channelId } = await product.owner.expect(201, product.owner.post('/v1/channels', body)));
    const isIn = (name: string) =>
      host.lines.some((line) => new RegExp(`^:ada!\\S+ JOIN :?${name}$`).test(line));
    await until('the agent is there', () => isIn('#lounge') && isIn('#open'));
  });
  afterEach(async () => {
    for (const person of people.splice(0)) person.close();
    await product.close();
    await Promise.all([server.stop(), models.close()]);
  });
  const read = async () => (await product.owner.get(`/v1/channels/${channelId}`)).body;
  const join = async (nick: string) => {
    const person = await joinIrc(server.port, nick, { rooms: ['#lounge', '#open'] });
    people.push(person);
    return person;
  };

  it('a nick is told how to be known, cannot be approved, and is answered where everybody is', async () => {
    const ann = await join('ann');
    ann.say('ada', 'hello');
    await expect.poll(() => ann.heard().join(' '), wait).toContain('Log in to your account');
    expect(ann.heard().join(' ')).not.toMatch(/[0-9A-Z]{4}-[0-9A-Z]{4}/);
    const [identity, ...others] = (await product.owner.get(`/v1/channels/${channelId}/identities`)).body.data;
    expect([identity.vouched, others]).toEqual([false, []]);
    const path = `/v1/channels/${channelId}/identities/${identity.id}`;
    const refused = await product.owner.patch(path, { status: 'approved' });
    expect([refused.status, refused.body.detail]).toEqual([409, expect.stringContaining('Nobody vouches')]);
    // Nor is it trusted for being named in the rules.
    const access = { people: [identity.externalId], groups: { open: ['#open'] } };
    await product.owner.expect(200, product.owner.patch(`/v1/channels/${channelId}`, { access }));
    const { ignored } = (await read()).counts;
    ann.say('#lounge', 'ada: hello');
    await expect.poll(async () => (await read()).counts.ignored, wait).toBeGreaterThan(ignored);
    expect(models.requests).toHaveLength(0);
    ann.say('#open', 'I told ada yesterday');
    ann.say('#open', 'ada: hello');
    await expect.poll(() => ann.heard('#open').length, wait).toBe(1);
    expect(models.requests).toHaveLength(1);
  });

  it('a program that nobody marks gets a few answers, and no more', async () => {
    const robot = await join('robot');
    const before = models.requests.length;
    let answered = robot.heard('#open').length;
    const timer = setInterval(() => {
      for (const heard = robot.heard('#open').length; answered < heard; answered += 1)
        robot.say('#open', `ada: this is what I make of it, ${'very '.repeat(answered + 1)}much so.`);
    }, 20);
    try {
      robot.say('#open', 'ada: shall we talk?');
      const suspects = () =>
        product.sql(`SELECT id FROM conversation WHERE channel_id = $1 AND suspects IS NOT NULL`, [
          channelId,
        ]);
      await expect.poll(async () => (await suspects()).length, wait).toBe(1);
      const asked = models.requests.length - before;
      expect(asked).toBeGreaterThan(5);
      expect(asked).toBeLessThanOrEqual(10);
    } finally {
      clearInterval(timer);
    }
  });
});
