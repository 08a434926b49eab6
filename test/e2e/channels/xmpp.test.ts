/** The walk of an XMPP channel, on the installed product and a real server, as somebody there sees it. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectModel, createAgent, createClient } from '../../support/api/index.ts';
import { type ModelServer, startModelServer } from '../../support/model-server/index.ts';
import { type RunningProduct, startProduct } from '../../support/product.ts';
import { describeWith } from '../../support/programs.ts';
import { joinXmpp, type Person, type Prosody, password, startProsody } from '../../support/xmpp/index.ts';

const wait = { timeout: 60_000 };
const room = 'shop@rooms.localhost';

describeWith('prosody', 'with prosody', () => {
  let product: RunningProduct;
  let models: ModelServer;
  let server: Prosody;
  let ann: Person;

  beforeAll(async () => {
    models = await startModelServer();
    server = await startProsody(['ann', 'clerk']);
    ann = await joinXmpp(server.port, 'ann', { rooms: [room] });
    product = await startProduct({ env: { OUTBOUND_ALLOW: '127.0.0.1' } });
  });
  afterAll(async () => {
    await product?.stop();
    await ann.close();
    await Promise.all([server.stop(), models.close()]);
  });

  it('goes from connecting over a message to the formatted answer, as it grew', async () => {
    const owner = createClient(product.url, product.adminKey);
    const agentId = await createAgent(owner, { name: 'clerk', model: await connectModel(owner, models) });
    const settings = {
      address: 'clerk@localhost',
      host: '127.0.0.1',
      port: server.port,
      encryption: 'none',
      rooms: room,
    };
    const channel = await owner.expect(
      201,
      owner.post('/v1/channels', {
        kind: 'xmpp',
        agentId,
        settings,
        credentials: { password },
        access: { people: ['ann@localhost'], groups: { open: [room] } },
      }),
    );
    expect(channel).toMatchObject({ live: true, webhookUrl: null });
    const test = await owner.expect(200, owner.post(`/v1/channels/${channel.id}/test`));
    expect(test).toMatchObject({ ok: true, account: { id: 'clerk@localhost', name: 'clerk@localhost' } });
    const isConnected = async () => (await owner.get(`/v1/channels/${channel.id}`)).body.connected;
    await expect.poll(isConnected, wait).toBe(true);

    const answer = [
      'Your order **42**',
      ' is on its way:\n\n',
      '- packed\n',
      '- handed over\n\n',
      '```js\nok();\n```',
    ];
    const shown = 'Your order *42* is on its way:\n\n• packed\n• handed over\n\n```js\nok();\n```';
    models.script([{ text: answer, chunkMs: 500 }]);
    await ann.say('clerk@localhost', 'Where is my order?', { id: 'q1' });
    await expect.poll(() => ann.shown('clerk@localhost'), wait).toEqual([shown]);
    // It was there before it was complete, as one message.
    expect(ann.corrections()).toBeGreaterThan(0);
    const states = ann.messages.filter((message) => message.getChild('composing'));
    expect(states.length).toBeGreaterThan(0);

    models.script([{ text: 'In *stock*.' }]);
    await ann.say(room, 'nobody is asked here', { type: 'groupchat' });
    await ann.say(room, 'clerk: is it there?', { type: 'groupchat' });
    await expect.poll(() => ann.shown(`${room}/clerk`), wait).toEqual(['In _stock_.']);
    const counts = async () => (await owner.get(`/v1/channels/${channel.id}`)).body.counts;
    await expect.poll(counts, wait).toMatchObject({ sent: 2 });

    // A server that goes away loses nothing: what was accepted is answered when it is back.
    models.script([{ text: 'Later, then.', chunkMs: 3_000 }]);
    await ann.say('clerk@localhost', 'And when the server goes?', { id: 'q2' });
    const requests = () => models.requests.length;
    await expect.poll(requests, wait).toBe(3);
    const before = ann;
    await server.kill();
    await server.start();
    ann = await joinXmpp(server.port, 'ann');
    const last = () => [before, ann].flatMap((person) => person.shown('clerk@localhost')).at(-1);
    await expect.poll(last).toBe('Later, then.');
  });
});
