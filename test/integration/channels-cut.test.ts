/** Answers that are too long for a place: the person and the model know where they end, and REST shows it. */
import { randomBytes } from 'node:crypto';
import { type AdapterSource, builtInAdapters } from '@nightshift/channels';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { connectModel, createAgent, type Product, startProduct } from '../support/api/index.ts';
import { connectProgram, startProgram } from '../support/channel/index.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';
import {
  accountSid,
  authToken,
  type FakeTwilio,
  ourNumber,
  received,
  signed,
  startFakeTwilio,
} from '../support/twilio/index.ts';

/** The webhook channel, of messages that are shorter than usual. */
const adapters: AdapterSource = {
  ...builtInAdapters,
  async load(kind) {
    const adapter = await builtInAdapters.load(kind);
    if (!adapter || kind !== 'webhook') return adapter;
    return { ...adapter, capabilities: { ...adapter.capabilities, limit: { max: 300, unit: 'utf16' } } };
  },
};
const wait = { timeout: 60_000 };

let product: Product;
let models: ModelServer;
let twilio: FakeTwilio;
let agentId: string;

beforeAll(async () => {
  product = await startProduct({ adapters });
  models = await startModelServer();
  agentId = await createAgent(product.owner, { model: await connectModel(product.owner, models) });
  await product.startWorker({ adapters });
});
beforeEach(async () => {
  twilio = await startFakeTwilio();
});
afterEach(async () => {
  models.reset();
  await twilio.close();
});
afterAll(async () => {
  await product.close();
  await models.close();
});

async function connectSms(settings: object = {}) {
  const channel = await product.owner.expect(
    201,
    product.owner.post('/v1/channels', {
      kind: 'sms',
      agentId,
      credentials: { authToken },
      settings: { accountSid, sender: ourNumber, apiUrl: twilio.url, ...settings },
      access: { strangers: 'answer' },
    }),
  );
  const say = async (Body: string) => {
    const sid = `SM${randomBytes(16).toString('hex')}`;
    const body = received({ Body, MessageSid: sid, SmsMessageSid: sid, SmsSid: sid });
    const { headers } = signed(Buffer.from(body), channel.webhookUrl);
    const response = await fetch(product.url + new URL(channel.webhookUrl).pathname, {
      method: 'POST',
      headers: headers as Record<string, string>,
      body,
    });
    expect(response.status).toBe(200);
  };
  return { id: channel.id as string, say };
}
const deliveries = async (channelId: string) =>
  (await product.owner.expect(200, product.owner.get(`/v1/deliveries?channelId=${channelId}`))).data;
const systemOf = (at: number): string => {
  const { messages } = models.requests[at]!.body;
  return messages
    .filter(({ role }: { role: string }) => role === 'system' || role === 'developer')
    .map(({ content }: { content: unknown }) =>
      typeof content === 'string' ? content : JSON.stringify(content),
    )
    .join('\n');
};
const sentence = (nth: number) => `This is sentence number ${nth} of the answer. `;
const long = Array.from({ length: 400 }, (_, nth) => sentence(nth)).join('');

it('a text message is cut after three, says so, and the model goes on from there', async () => {
  models.script(({ userText }) => ({ text: userText.includes('go on') ? 'The rest.' : long }));
  const { id, say } = await connectSms();
  await say('Tell me all');
  await expect.poll(async () => (await deliveries(id))[0]?.status, wait).toBe('sent');
  expect(twilio.sent).toHaveLength(3);
  expect(twilio.sent.reduce((sum, { segments }) => sum + segments, 0)).toBeLessThanOrEqual(30);
  expect(twilio.sent.at(-1)!.text).toMatch(
    /\(Cut here: .* 7\d % of this one is missing\. Ask me to go on\.\)$/,
  );
  const [{ cut, partsSent }] = await deliveries(id);
  expect(partsSent).toBe(3);
  expect(cut).toMatchObject({ as: 'parts', parts: 3 });
  expect(cut.percent).toBeGreaterThan(20);
  expect(cut.percent).toBeLessThan(30);
  // The last words before the note are those that are named.
  expect(twilio.sent.at(-1)!.text).toContain(cut.end.trim());

  // Before it wrote, the model knew how much would arrive.
  const limit = Number(/At most about ([\d,]+) characters/.exec(systemOf(0))![1]!.replace(',', ''));
  expect(limit).toBeGreaterThan(4_000);
  expect(limit).toBeLessThanOrEqual(4_800);
  expect(systemOf(0)).not.toContain('was cut');

  await say('go on');
  await expect.poll(() => twilio.sent.length, wait).toBe(4);
  expect(systemOf(1)).toContain(`the person has read only its first ${cut.percent} %`);
  expect(systemOf(1)).toContain(JSON.stringify(cut.end));
});

it('as many as the channel says, and in another alphabet no more segments', async () => {
  models.script(() => ({ text: 'Это длинный ответ на вопрос. '.repeat(300) }));
  const { id, say } = await connectSms({ maxParts: 2 });
  await say('Tell me all');
  await expect.poll(async () => (await deliveries(id))[0]?.status, wait).toBe('sent');
  expect(twilio.sent).toHaveLength(2);
  for (const { segments } of twilio.sent) expect(segments).toBeLessThanOrEqual(10);
  expect((await deliveries(id))[0].cut).toMatchObject({ as: 'parts', parts: 2 });
  const refused = await product.owner.patch(`/v1/channels/${id}`, { settings: { maxParts: 0 } });
  expect(refused.status).toBe(400);
});

it('what fits is not cut, and nothing is said of it', async () => {
  models.script(() => ({ text: 'Short.' }));
  const { id, say } = await connectSms();
  await say('Hello');
  await expect.poll(async () => (await deliveries(id))[0]?.status, wait).toBe('sent');
  expect((await deliveries(id))[0].cut).toBeNull();
  await say('Hello again');
  await expect.poll(() => twilio.sent.length, wait).toBe(2);
  expect(systemOf(1)).not.toContain('was cut');
});

it('of an answer that goes as a file the model knows as well', async () => {
  const program = await startProgram();
  models.script(({ userText }) => ({ text: userText === 'More' ? 'Fine.' : long }));
  const { id, hookUrl } = await connectProgram(product, program, {
    agentId,
    access: { strangers: 'answer' },
  });
  await product.owner.expect(200, product.owner.patch(`/v1/channels/${id}`, { agentId }));
  await program.say(hookUrl, 'Tell me all');
  await expect.poll(async () => (await deliveries(id))[0]?.status, wait).toBe('sent');
  expect((await deliveries(id))[0].cut).toMatchObject({ as: 'file', percent: 100, end: '' });
  await program.say(hookUrl, 'More');
  await expect.poll(() => models.requests.length, wait).toBe(2);
  expect(systemOf(1)).toContain('went to the person as the file answer.md');
  await program.close();
});
