/** Answers as a chat shows them while they are written, and what of it stands when something breaks. */

import { setTimeout as sleep } from 'node:timers/promises';
import {
  adapterSource,
  type Capabilities,
  type ChannelAdapter,
  ChannelError,
  type ChannelErrorKind,
} from '@nightshift/channels';
import { webhook } from '@nightshift/channels/webhook';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectModel, type Product, startProduct } from '../support/api/index.ts';
import { type Connected, connectProgram, type Program, startProgram } from '../support/channel/index.ts';
import { type ModelServer, type Step, startModelServer } from '../support/model-server/index.ts';

/** The product's webhook channel, with edits as often as a test can wait for. */
const capabilities: Capabilities = { ...webhook.capabilities, edit: { directMs: 300, groupMs: 900 } };
/** Why the platform will not put these words into a message. */
let refusal: { text: string; kind: ChannelErrorKind } | null = null;
const edit: typeof webhook.edit = (part, ...more) => {
  if (part.text === refusal?.text) throw new ChannelError(refusal.kind, 'It cannot be edited any more.');
  return webhook.edit!(part, ...more);
};
const adapters = adapterSource([{ ...webhook, capabilities, edit } as ChannelAdapter]);

let product: Product;
let models: ModelServer;
let program: Program;
let channel: Connected;
let worker: Awaited<ReturnType<Product['startWorker']>>;

beforeAll(async () => {
  product = await startProduct({ adapters });
  models = await startModelServer();
  worker = await product.startWorker({ adapters });
});
beforeEach(async () => {
  program = await startProgram();
  channel = await connect(true);
});
afterEach(async () => {
  models.reset();
  await program.close();
});
afterAll(async () => {
  await product.close();
  await models.close();
});

const connect = async (live: boolean) =>
  connectProgram(product, program, { agent: { model: await connectModel(product.owner, models) }, live });

const words = Array.from({ length: 12 }, (_, at) => `word${at} `);
const answer = (step: Step = {}): Step => ({ text: words, chunkMs: 120, ...step });
const whole = words.join('').trim();

const untilText = (text: string, at = 0) => expect.poll(() => program.shown()[at]?.text).toBe(text);
const kinds = () => program.receiver.received.map(({ body }) => body.type);

it('shows one message, which grows and ends as the answer', async () => {
  models.script([answer()]);
  await program.say(channel.hookUrl, 'Tell me');
  await untilText(whole);
  const [message, ...more] = program.shown();
  expect(more).toEqual([]);
  expect(message!.history.length).toBeGreaterThan(2);
  for (const text of message!.history) expect(whole.startsWith(text)).toBe(true);
  expect(kinds()[0]).toBe('typing');
  const edits = program.receiver.received.filter(({ body }) => body.type === 'edited');
  // The last one is the answer itself, which waits for nothing.
  const span = edits.at(-1)!.at - program.receiver.received[0]!.at;
  expect(edits.length).toBeLessThanOrEqual(span / capabilities.edit!.directMs + 2);
});

it('edits less often where others read along', async () => {
  models.script([answer()]);
  await program.say(channel.hookUrl, 'Tell us', { group: 'sales', addressed: true });
  await untilText(whole);
  const edits = program.receiver.received.filter(({ body }) => body.type === 'edited');
  expect(edits.length).toBeLessThanOrEqual(4);
});

it('shows the next step in the same message, when the agent has used a tool in between', async () => {
  models.script([
    answer({ text: ['Let me ', 'look.'], toolCalls: [{ name: 'time.now' }] }),
    answer({ text: ['It is ', 'late.'] }),
  ]);
  await program.say(channel.hookUrl, 'What time is it?');
  await untilText('It is late.');
  expect(program.shown()).toHaveLength(1);
});

it('shows nothing where that is set, and then the answer', async () => {
  channel = await connect(false);
  models.script([answer()]);
  await program.say(channel.hookUrl, 'Tell me');
  await untilText(whole);
  expect(kinds()).toEqual(['message']);
});

it('an edit that fails makes no second message', async () => {
  program.receiver.react(({ body }) => ({
    status: body.type === 'edited' && body.text !== whole ? 500 : 200,
  }));
  models.script([answer()]);
  await program.say(channel.hookUrl, 'Tell me');
  await expect.poll(() => program.receiver.received.at(-1)?.body.text).toBe(whole);
  expect(program.shown()).toHaveLength(1);
});

describe('when the message that shows the answer can no longer be edited', () => {
  afterEach(() => {
    refusal = null;
  });
  const answers = () => program.shown().filter(({ text }) => text === whole);
  const delivery = async () =>
    (await product.owner.expect(200, product.owner.get(`/v1/deliveries?channelId=${channel.id}`))).data[0];

  it.each(['gone', 'rejected'] as const)('the answer is sent as a new one, once (%s)', async (kind) => {
    refusal = { text: whole, kind };
    models.script([answer()]);
    await program.say(channel.hookUrl, 'Tell me');
    await expect.poll(async () => (await delivery())?.status).toBe('sent');
    expect(answers()).toHaveLength(1);
    expect(program.shown()).toHaveLength(2);
    expect(await delivery()).toMatchObject({ error: null, partsSent: 1 });
  });

  it('that is written down before it is sent, so that a crash in between does not make two of it', async () => {
    refusal = { text: whole, kind: 'gone' };
    models.script([answer()]);
    const arrived = Promise.withResolvers<void>();
    program.receiver.react(({ body }) => {
      if (body.type !== 'message' || body.text !== whole) return { status: 200 };
      arrived.resolve();
      return 'hang';
    });
    await program.say(channel.hookUrl, 'Tell me');
    await arrived.promise;
    const rows = await product.sql(
      `SELECT l.receipt FROM live_reply l JOIN delivery d ON d.id = l.delivery_id WHERE d.channel_id = $1`,
      [channel.id],
    );
    expect(rows).toEqual([{ receipt: null }]);
  });
});

it('a first message of unknown outcome is not sent again, and the answer comes all the same', async () => {
  let first = true;
  program.receiver.react(({ body }) => {
    if (body.type !== 'message' || !first) return { status: 200 };
    first = false;
    return 'drop';
  });
  models.script([answer()]);
  await program.say(channel.hookUrl, 'Tell me');
  await expect.poll(() => program.shown().at(-1)?.text).toBe(whole);
  expect(program.shown().filter(({ text }) => text !== whole)).toHaveLength(1);
});

it('says in words why there is no answer', async () => {
  models.script([{ status: 401, message: 'bad key' }]);
  await program.say(channel.hookUrl, 'Tell me');
  await expect.poll(() => program.shown()[0]?.text).toContain('model refuses to answer');
  expect(program.shown()).toHaveLength(1);
});

it('/stop stops at once', async () => {
  models.script([answer({ chunkMs: 2_000 })]);
  await program.say(channel.hookUrl, 'Tell me everything');
  await expect.poll(() => program.shown().length).toBe(1);
  await program.say(channel.hookUrl, '/stop');
  await expect.poll(() => program.shown().at(-1)?.text).toBe('Stopped.');
  await expect
    .poll(async () => (await product.owner.get('/v1/runs?limit=1')).body.data[0].status)
    .toBe('cancelled');
  const count = program.receiver.received.length;
  await sleep(1_500);
  expect(program.receiver.received.length).toBe(count);
});

describe('a worker that hands over between the first text and the answer', () => {
  it('leaves the message to the next one, which ends in it', async () => {
    models.script([answer({ chunkMs: 400 }), answer()]);
    await program.say(channel.hookUrl, 'Tell me');
    await expect.poll(() => program.shown().length).toBe(1);
    await worker.close();
    worker = await product.startWorker({ adapters });
    await untilText(whole);
    await expect
      .poll(
        async () =>
          (
            await product.sql(
              `SELECT count(*)::int AS n FROM live_reply WHERE delivery_id IS NULL AND channel_id = $1`,
              [channel.id],
            )
          )[0].n,
      )
      .toBe(0);
    expect(program.shown()).toHaveLength(1);
  });
});

describe('files', () => {
  it('are fetched, and the agent reads them', async () => {
    await product.sql('DELETE FROM file');
    program.receiver.react(({ path }) => ({
      status: 200,
      body: path === '/notes.txt' ? 'The code is 4711.' : '',
    }));
    const attachments = [
      { name: 'notes.txt', mediaType: 'text/plain', url: `${program.receiver.url}/notes.txt` },
      {
        name: 'gone.pdf',
        mediaType: 'application/pdf',
        url: `${program.receiver.url.replace(/\d+$/, '1')}/gone.pdf`,
      },
    ];
    await program.say(channel.hookUrl, 'What does it say?', { attachments });
    await expect.poll(() => models.requests.length).toBe(1);
    const asked = JSON.stringify(models.requests[0]!.body.messages);
    expect(asked).toContain('The code is 4711.');
    expect(asked).toMatch(/gone\.pdf.*could not be fetched/);
    const files = await product.sql(
      `SELECT name, status, bytes, length(data) AS length FROM file ORDER BY name DESC`,
    );
    expect(files).toMatchObject([
      { name: 'notes.txt', status: 'ready', bytes: 17, length: 17 },
      { name: 'gone.pdf', status: 'failed' },
    ]);
  });
});

it('an error of the adapter in showing costs nothing but the showing', async () => {
  program.receiver.react(({ body }) => (body.type === 'typing' ? 'drop' : { status: 200 }));
  models.script([answer({ chunkMs: 20 })]);
  await program.say(channel.hookUrl, 'Tell me');
  await untilText(whole);
});
