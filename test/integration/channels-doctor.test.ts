/** `nightshift doctor` and `nightshift channels`, as processes: what is wrong with a channel, in words. */
import { randomUUID } from 'node:crypto';
import { adapterSource, builtInAdapters, type ChannelAdapter } from '@nightshift/channels';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createAgent, type Product, startProduct } from '../support/api/index.ts';
import {
  addConversation,
  connectProgram,
  createPollChannel,
  type PollPlatform,
  type Program,
  startPollPlatform,
  startProgram,
  writeDelivery,
} from '../support/channel/index.ts';
import { envFor, runCli } from '../support/cli.ts';

const polled = createPollChannel() as ChannelAdapter;
const adapters = {
  ...builtInAdapters,
  kinds: [...builtInAdapters.kinds, polled.kind],
  load: async (kind: string) => (await adapterSource([polled]).load(kind)) ?? builtInAdapters.load(kind),
};
const wait = { timeout: 60_000 };

let host: Product;
let product: Product;
let program: Program;
let platform: PollPlatform;

beforeAll(async () => {
  host = await startProduct({ adapters });
  [program, platform] = await Promise.all([startProgram(), startPollPlatform()]);
});
beforeEach(async () => {
  // A team of its own for each test.
  product = { ...host, ...(await host.addTeam(`doctor ${randomUUID()}`)) };
  await createAgent(product.owner, { name: 'assistant', model: 'demo/guide' });
});
afterAll(() => Promise.all([host.close(), program.close(), platform.close()]));

const nightshift = (args: string[], key = product.owner.key!) =>
  runCli(args, { env: envFor(product.url, key) });

interface Found {
  name: string;
  status: string;
  detail: string;
  advice?: string;
}
const findings = async (key?: string): Promise<Found[]> =>
  (JSON.parse((await nightshift(['doctor', '--json'], key)).stdout).findings as Found[]).filter(
    ({ name }) => name === 'channel',
  );
const about = (found: readonly Found[], name: string) =>
  found.filter(({ detail }) => detail.startsWith(`${name} (`));
const connectPolled = async (name: string, token: string) => {
  const agentId = await createAgent(product.owner);
  const settings = { url: program.receiver.url, pollUrl: platform.url };
  const body = { kind: 'test-poll', name, agentId, credentials: { token }, settings };
  return (await product.owner.expect(201, product.owner.post('/v1/channels', body))).id as string;
};
const stateOf = async (id: string) => (await product.owner.get(`/v1/channels/${id}`)).body.state;

it('asks each channel, and says of each what is wrong and what to do', async () => {
  const { id: hooked } = await connectProgram(product, program, { name: 'Shop' });
  const lonely = await connectPolled('Lonely', 'good-token-0001');
  // No worker runs: nothing is connected, however often it is said to be set up.
  let found = await findings();
  expect(about(found, 'Lonely')).toMatchObject([
    {
      status: 'failed',
      detail: expect.stringContaining('no worker has connected'),
      advice: expect.stringContaining('worker running'),
    },
  ]);
  expect(about(found, 'Shop')).toMatchObject([
    { status: 'ok', detail: expect.stringMatching(/works as .*has sent nothing yet since it was made/) },
  ]);

  const worker = await product.startWorker({ adapters });
  await expect.poll(async () => (await stateOf(lonely)).status, wait).toBe('connected');
  found = await findings();
  expect(about(found, 'Lonely')).toMatchObject([
    { status: 'ok', detail: expect.stringMatching(/works as the test bot, connected/) },
  ]);

  // A dead server: IRC on a port where nothing listens.
  const agentId = await createAgent(product.owner);
  const dead = { host: '127.0.0.1', port: 9, encryption: 'none', nick: 'nightbot' };
  const irc = await product.owner.expect(
    201,
    product.owner.post('/v1/channels', { kind: 'irc', name: 'Dead', agentId, settings: dead }),
  );
  await expect.poll(async () => (await stateOf(irc.id)).status, wait).toBe('disconnected');
  // A junk token.
  const junk = await connectPolled('Junk', 'junk-token-0001');
  platform.revoke('junk-token-0001');
  await expect.poll(async () => (await stateOf(junk)).status, wait).toBe('refused');
  // What is signed wrongly, what was given up, and what waits for long.
  const stranger = await startProgram();
  const { webhookUrl } = (await product.owner.get(`/v1/channels/${hooked}`)).body;
  const shopUrl = product.url + new URL(webhookUrl).pathname;
  await stranger.say(shopUrl, 'Hello');
  await stranger.close();
  await expect.poll(async () => (await stateOf(hooked)).lastRefused, wait).not.toBeNull();
  // The platform asked us to wait.
  await product.sql(`UPDATE channel SET paused_until = now() + interval '1 hour' WHERE id = $1`, [hooked]);
  const thread = await addConversation(product, hooked);
  const given = await writeDelivery(product, { kind: 'channel', id: hooked }, thread, 'one');
  const late = await writeDelivery(
    product,
    { kind: 'channel', id: hooked },
    await addConversation(product, hooked),
    'two',
  );
  await product.sql(
    `UPDATE delivery SET status = 'dead', ended_at = now(), error = '{"code": "rejected", "message": "They left."}' WHERE id = $1`,
    [given.id],
  );
  await product.sql(`UPDATE delivery SET created_at = now() - interval '1 hour' WHERE id = $1`, [late.id]);

  const report = await nightshift(['doctor']);
  expect(report.code).toBe(1);
  expect(report.stdout).toMatch(/^✗ channel +Dead \(irc\): /m);
  found = await findings();
  expect(about(found, 'Dead')).toMatchObject([{ status: 'failed', advice: expect.any(String) }]);
  expect(about(found, 'Junk')).toMatchObject([{ status: 'failed', advice: expect.any(String) }]);
  expect(about(found, 'Shop').map(({ status, detail }) => `${status} ${detail}`)).toEqual([
    expect.stringMatching(/^warning Shop .*refused: /),
    expect.stringMatching(/^warning Shop .*1 messages were given up within a day, the last: They left\./),
    expect.stringMatching(/^warning Shop .*1 messages wait to be sent, the oldest since 1h ago/),
  ]);

  // Whoever may not ask the platforms is told what was observed.
  const viewer = await product.caller('viewer');
  const seen = await findings(viewer.key!);
  expect(about(seen, 'Dead')).toMatchObject([
    { status: 'failed', detail: expect.stringMatching(/not connected since .*; (next try in|trying again)/) },
  ]);
  expect(about(seen, 'Junk')).toMatchObject([
    { status: 'failed', detail: expect.stringContaining('The platform refuses the token') },
  ]);

  // Those of `addConversation` are no agents that could be read.
  await product.sql(`UPDATE agent SET deleted_at = now() WHERE limits = '{}'`);
  const list = await nightshift(['channels', 'list']);
  expect(list).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('STATE') });
  expect(list.stdout).toMatch(/^Dead: not connected since .*/m);
  expect(list.stdout).toMatch(/^Junk: the platform refuses it since .*: The platform refuses the token\.$/m);
  expect(list.stdout).not.toMatch(/^Lonely: /m);
  const shown = await nightshift(['channels', 'show', 'Dead']);
  expect(shown.stdout).toMatch(/state +not connected since /);
  expect((await nightshift(['channels', 'show', 'Shop'])).stdout).toMatch(
    /trouble +a request to its address was refused/,
  );
  await worker.close();
});
