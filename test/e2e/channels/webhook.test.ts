/** The walk of a webhook channel, on the installed product: connect, write, read the answer as the program received it. */
import { randomBytes } from 'node:crypto';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectModel, createAgent, createClient } from '../../support/api/index.ts';
import { type Program, startProgram } from '../../support/channel/index.ts';
import { type ModelServer, startModelServer } from '../../support/model-server/index.ts';
import { type RunningProduct, startProduct } from '../../support/product.ts';

const answer = [
  'Your order **42**',
  ' is on its way:\n\n',
  '- packed\n',
  '- handed over\n\n',
  '```js\nok();\n```',
];

let product: RunningProduct;
let models: ModelServer;
let program: Program;

beforeAll(async () => {
  models = await startModelServer();
  program = await startProgram();
  product = await startProduct({
    env: { OUTBOUND_ALLOW: '127.0.0.1', PUBLIC_URL: 'https://agents.example.com' },
  });
});
afterAll(async () => {
  await product?.stop();
  await Promise.all([program.close(), models.close()]);
});

it('goes from connecting over a signed message to the answer, as it grew', async () => {
  const owner = createClient(product.url, product.adminKey);
  const agentId = await createAgent(owner, { name: 'clerk', model: await connectModel(owner, models) });

  const catalog = await owner.expect(200, owner.get('/v1/catalog/channels'));
  const { fields } = catalog.data.find(({ slug }: { slug: string }) => slug === 'webhook');
  expect(fields.map(({ name, in: part, secret }: Record<string, unknown>) => [name, part, secret])).toEqual([
    ['url', 'settings', false],
    ['secret', 'credentials', true],
  ]);

  const channel = await owner.expect(
    201,
    owner.post('/v1/channels', { ...program.channel, name: 'Shop', agentId, live: true }),
  );
  expect(channel.webhookUrl).toMatch(/^https:\/\/agents\.example\.com\/v1\/hooks\/[\w-]{43}$/);
  expect(channel.nextSteps.join('\n')).toContain(channel.webhookUrl);
  expect(JSON.stringify(channel)).not.toContain(program.channel.credentials.secret);
  const test = await owner.expect(200, owner.post(`/v1/channels/${channel.id}/test`));
  expect(test).toEqual({
    ok: true,
    account: { id: null, name: new URL(program.receiver.url).host },
    problems: [],
  });
  expect(program.receiver.received.map(({ body }) => body.type)).toEqual(['ping']);

  models.script([{ text: answer, chunkMs: 500 }]);
  const hookUrl = product.url + new URL(channel.webhookUrl).pathname;
  const said = await program.say(hookUrl, 'Where is my order?');
  expect(said.status).toBe(200);
  await expect.poll(() => program.shown()[0]?.text).toBe(answer.join(''));
  const [message, ...others] = program.shown('order-42');
  expect(others).toEqual([]);
  expect(message!.history.length).toBeGreaterThan(1);

  // Whatever came is signed, as the specification's own library reads it.
  const verifier = new StandardWebhook(program.channel.credentials.secret);
  for (const { raw, headers } of program.receiver.received)
    expect(() => verifier.verify(raw, headers as Record<string, string>)).not.toThrow();

  // The last edit while it was written may have shown all of it.
  const outbound = async () => (await owner.get(`/v1/channels/${channel.id}/traffic`)).body.outbound;
  await expect.poll(async () => (await outbound())[0]?.status).toBe('sent');
  await program.say(hookUrl, '/status');
  await expect.poll(() => program.shown().at(-1)?.text).toContain('clerk is waiting for you');
  const traffic = await owner.expect(200, owner.get(`/v1/channels/${channel.id}/traffic`));
  expect(traffic.inbound.map(({ outcome }: { outcome: string }) => outcome)).toEqual(['command', 'accepted']);
  await expect
    .poll(async () => (await owner.get(`/v1/channels/${channel.id}`)).body.counts)
    .toMatchObject({ received: 2, refused: 0, sent: 2 });
});

it('makes a secret where none is given, and shows it this once', async () => {
  const owner = createClient(product.url, product.adminKey);
  const agentId = await createAgent(owner);
  const settings = { url: program.receiver.url };
  const channel = await owner.expect(201, owner.post('/v1/channels', { kind: 'webhook', agentId, settings }));
  expect(channel.generated.secret).toMatch(/^whsec_/);
  expect(channel).toMatchObject({ name: 'Webhook', access: { strangers: 'answer' }, live: false });
  const read = await owner.get(`/v1/channels/${channel.id}`);
  expect(read.text).not.toContain(channel.generated.secret);
  expect(read.body.credentials).toEqual({ secret: { set: true, last4: channel.generated.secret.slice(-4) } });

  const wrong = {
    kind: 'webhook',
    agentId,
    settings: { url: 'ftp://x', extra: 1 },
    credentials: { secret: 'short' },
  };
  expect((await owner.post('/v1/channels', wrong)).body).toMatchObject({
    status: 400,
    errors: [{ path: 'credentials.secret' }],
  });
  const other = { ...wrong, credentials: { secret: `whsec_${randomBytes(32).toString('base64')}` } };
  expect(
    (await owner.post('/v1/channels', other)).body.errors.map(({ path }: { path: string }) => path),
  ).toEqual(['settings.url', 'settings.extra']);
  expect((await owner.post('/v1/channels', { ...other, kind: 'pigeon' })).body.errors).toMatchObject([
    { path: 'kind' },
  ]);
});
