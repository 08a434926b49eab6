/** The walk of an IRC channel, on the installed product and a real server, as somebody there sees it. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectModel, createAgent, createClient } from '../../support/api/index.ts';
import { joinIrc, type Ngircd, type Person, startNgircd } from '../../support/irc/index.ts';
import { type ModelServer, startModelServer } from '../../support/model-server/index.ts';
import { type RunningProduct, startProduct } from '../../support/product.ts';
import { describeWith } from '../../support/programs.ts';

const wait = { timeout: 60_000 };

describeWith('ngircd', 'with ngircd', () => {
  let product: RunningProduct;
  let models: ModelServer;
  let server: Ngircd;
  let ann: Person;

  beforeAll(async () => {
    models = await startModelServer();
    server = await startNgircd();
    ann = await joinIrc(server.port, 'ann', { rooms: ['#shop'] });
    product = await startProduct({ env: { OUTBOUND_ALLOW: '127.0.0.1' } });
  });
  afterAll(async () => {
    await product?.stop();
    ann.close();
    await Promise.all([server.stop(), models.close()]);
  });

  it('goes from connecting over a mention in a channel to the formatted answer', async () => {
    const owner = createClient(product.url, product.adminKey);
    const agentId = await createAgent(owner, { name: 'clerk', model: await connectModel(owner, models) });
    const settings = {
      host: '127.0.0.1',
      port: server.port,
      encryption: 'none',
      nick: 'clerk',
      channels: '#shop',
    };
    const channel = await owner.expect(
      201,
      owner.post('/v1/channels', {
        kind: 'irc',
        agentId,
        settings,
        access: { groups: { open: ['#shop'] } },
      }),
    );
    expect(channel.nextSteps.length).toBeGreaterThan(0);
    const test = await owner.expect(200, owner.post(`/v1/channels/${channel.id}/test`));
    expect(test).toEqual({ ok: true, account: { id: null, name: 'clerk on 127.0.0.1' }, problems: [] });

    await ann.sees(/^:clerk!\S+ JOIN/);
    models.script([{ text: 'Your order **42** is\n\n- packed\n- *handed over*\n\n```js\nok();\n```' }]);
    ann.say('#shop', 'nobody is asked here');
    ann.say('#shop', 'clerk: where is my order?');
    const answer = ['Your order \x0242\x02 is', '• packed', '• \x1dhanded over\x1d', '\x11ok();\x11'];
    await expect.poll(() => ann.heard('#shop'), wait).toEqual(answer);
    expect(models.requests.length).toBe(1);

    // Whom nobody has approved gets a code alone, and no answer.
    ann.say('clerk', 'and what of me?');
    await expect.poll(() => ann.heard().join('\n'), wait).toMatch(/[A-Z0-9]{4,}/);
    expect(models.requests.length).toBe(1);

    // Much more than a channel takes: it hears the beginning, and how much is missing.
    models.script([{ text: `${'wörter 👋 '.repeat(5_000)}end` }]);
    ann.say('#shop', 'clerk: tell me everything');
    await expect
      .poll(() => ann.heard('#shop').at(-1), { timeout: 90_000 })
      .toMatch(/^\(Cut here.* \d+ % .*missing\. Ask me to go on\.\)$/);
    expect(ann.heard('#shop').length).toBeLessThanOrEqual(4 + 8 * 5);
    for (const line of ann.lines) expect(Buffer.byteLength(`${line}\r\n`)).toBeLessThanOrEqual(512);
    const counts = async () => (await owner.get(`/v1/channels/${channel.id}`)).body.counts;
    await expect.poll(counts, wait).toMatchObject({ sent: 3 });
  });
});
