/** Programs that are not marked as such talk to an agent: they are found, left alone until they are quiet, and told of. */
import type { MessageEvent } from '@nightshift/channels';
import { ChannelAccess } from '@nightshift/contracts';
import { type AcceptedEvents, acceptEvents, type EventScope } from '@nightshift/core/inbox';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type Product, startProduct } from '../support/api/index.ts';
import {
  type Connected,
  connectProgram,
  type Program,
  startProgram,
  startReceiver,
} from '../support/channel/index.ts';

let product: Product;
let program: Program;
let channel: Connected;
let scope: EventScope;

beforeAll(async () => {
  product = await startProduct();
  program = await startProgram();
});
beforeEach(() => connect());
afterAll(async () => {
  await product.close();
  await program.close();
});

async function connect(access: object = {}): Promise<void> {
  const all = { strangers: 'answer', groups: { open: ['*'] }, ...access };
  channel = await connectProgram(product, program, { agent: { model: 'demo/guide' }, access: all });
  const { id, agentId } = channel;
  const { kek } = product.deps;
  scope = { id, teamId: product.id, agentId, access: ChannelAccess.parse(all), routes: [], kek };
}

let events = 0;
const message = (id: string, text: string, more: Partial<MessageEvent> = {}): MessageEvent => {
  events += 1;
  return {
    type: 'message',
    externalId: `event ${events}`,
    thread: { thread: 'room' },
    threadKey: 'room',
    direct: false,
    group: 'room',
    addressed: true,
    sender: { id, identity: 'account', name: id, isBot: false, isSelf: false },
    text,
    ...more,
  };
};

/** Says it, and lets the agent answer so many milliseconds later, as a worker would have. */
async function say(
  id: string,
  text: string,
  { after = 300, mayRepeat = false }: { after?: number; mayRepeat?: boolean } = {},
): Promise<AcceptedEvents> {
  // Time passes for what was said before, rather than for us.
  await product.sql(
    `UPDATE message m SET created_at = m.created_at - $2 * interval '1 millisecond' FROM conversation c
     WHERE c.id = m.conversation_id AND c.channel_id = $1`,
    [channel.id, after],
  );
  const plain = message(id, text);
  const event = { ...plain, sender: { ...plain.sender, mayRepeat } };
  const result = await acceptEvents(product.db, scope, [event], {
    onDefect: (error) => {
      throw error;
    },
  });
  await product.sql(
    `UPDATE run SET status = 'succeeded', ended_at = now() WHERE status IN ('queued', 'running')`,
  );
  if (result.accepted.length > 0)
    await product.sql(
      `WITH c AS (UPDATE conversation SET next_seq = next_seq + 1, steerable_run_id = NULL WHERE channel_id = $1 AND left_at IS NULL RETURNING id, next_seq - 1 AS seq)
       INSERT INTO message (id, conversation_id, seq, role, content, created_at)
       SELECT gen_random_uuid(), c.id, c.seq, 'assistant', '[{"type": "text", "text": "That is what I think of it."}]', clock_timestamp() FROM c`,
      [channel.id],
    );
  return result;
}

const thought = (nth: number) =>
  `${['I wonder', 'Tell me', 'Perhaps', 'Indeed'][nth % 4]} what you make of number ${'abcdefghijk'[nth % 11]}${nth}, for I cannot say.`;
const answered = (results: readonly AcceptedEvents[]) =>
  results.filter(({ accepted }) => accepted.length > 0).length;

it('a program gets a few answers, and none more until it was quiet; the owner is told once', async () => {
  const receiver = await startReceiver();
  const worker = await product.startWorker();
  try {
    const events = ['channel.loop'];
    await product.owner.expect(201, product.owner.post('/v1/webhooks', { url: receiver.url, events }));
    const results: AcceptedEvents[] = [];
    for (let nth = 0; nth < 30; nth += 1) results.push(await say('other', thought(nth)));
    expect(answered(results)).toBe(10);
    expect(results.slice(10).every(({ dropped }) => dropped.get('loop') === 1)).toBe(true);
    expect(results.flatMap(({ loops }) => loops)).toHaveLength(1);
    for (const lane of results.flatMap(({ lanes }) => [...lanes]))
      product.deps.deliveries.wakeSoon({ lane }, lane);
    await expect.poll(() => receiver.received.length).toBe(1);
    expect(receiver.received[0]!.body).toMatchObject({
      type: 'channel.loop',
      data: { channel: { id: channel.id, kind: 'webhook' }, sender: { name: 'other' } },
    });
    // Slower does not help, only being quiet does.
    expect((await say('other', 'Well then.', { after: 120_000 })).dropped.get('loop')).toBe(1);
    // A person who was taken for one can go on.
    expect((await say('other', '/status')).taken).toBe(1);
    // People there are answered as ever.
    expect((await say('ann', 'What are you two at?', { after: 20_000 })).accepted).toHaveLength(1);
    expect((await say('other', 'Hello Ann')).dropped.get('loop')).toBe(1);
    await product.sql(
      `UPDATE conversation SET suspects = (SELECT jsonb_object_agg(key, value::float8 - 700) FROM jsonb_each(suspects)) WHERE channel_id = $1`,
      [channel.id],
    );
    expect((await say('other', 'Are you there?', { after: 700_000 })).accepted).toHaveLength(1);
  } finally {
    await worker.close();
    await receiver.close();
  }
});

it('a program that somebody answers for is answered all the time, also when it was taken for a loop', async () => {
  for (let nth = 0; nth < 30; nth += 1) await say('monitor', thought(nth));
  for (let nth = 0; nth < 30; nth += 1)
    expect(
      (await say('monitor', 'The disk of db1 is nearly full.', { mayRepeat: true })).accepted,
    ).toHaveLength(1);
  expect((await say('monitor', 'The disk of db1 is nearly full.')).dropped.get('loop')).toBe(1);
});

it('two of them and a person who chats quickly: only the programs are left alone', async () => {
  const results: AcceptedEvents[] = [];
  for (let nth = 0; nth < 24; nth += 1) results.push(await say(nth % 2 ? 'one' : 'two', thought(nth)));
  expect(answered(results)).toBeLessThan(15);
  for (const text of ['ok', 'yes', 'yes']) {
    expect((await say('ann', text, { after: 2_000 })).accepted).toHaveLength(1);
  }
});

it('people who are quick are answered all the time', async () => {
  for (let nth = 0; nth < 20; nth += 1)
    expect((await say('ann', ['ok', 'yes', 'next'][nth % 3]!, { after: 1_500 })).accepted).toHaveLength(1);
  await connect();
  for (let nth = 0; nth < 25; nth += 1)
    expect(
      (await say(['ann', 'bob', 'carl', 'dora', 'emil'][nth % 5]!, thought(nth), { after: 2_500 })).accepted,
    ).toHaveLength(1);
});

it('what another channel of this installation says is a program’s, whatever the platform says', async () => {
  await product.sql(`UPDATE channel SET own_ids = ARRAY['twin'] WHERE id = $1`, [channel.id]);
  await connect();
  expect((await say('twin', 'Hello')).dropped.get('program')).toBe(1);
  // Of another kind it is somebody else.
  await product.sql(`UPDATE channel SET kind = 'slack' WHERE own_ids <> '{}'`);
  expect((await say('twin', 'Hello')).accepted).toHaveLength(1);
  await product.sql(`UPDATE channel SET kind = 'webhook' WHERE own_ids <> '{}'`);
  // Known already, in a conversation that goes on: by the fast path, too.
  expect((await say('twin', 'Hello')).dropped.get('program')).toBe(1);
  await product.owner.expect(204, product.owner.delete(`/v1/channels/${channel.id}`));

  await connect({ programs: 'answer' });
  const results: AcceptedEvents[] = [];
  for (let nth = 0; nth < 6; nth += 1)
    results.push(await say('twin', thought(nth), { after: 60_000, mayRepeat: true }));
  expect(answered(results)).toBe(3);
});

it('two programs do not tell each other for ever that nobody answers', async () => {
  await product.sql('UPDATE channel SET agent_id = NULL WHERE id = $1', [channel.id]);
  for (let nth = 0; nth < 10; nth += 1) await say('other', 'No agent answers here at the moment.');
  const told = await product.sql(`SELECT id FROM delivery WHERE channel_id = $1`, [channel.id]);
  expect(told).toHaveLength(1);
  for (let nth = 0; nth < 80; nth += 1) await say('other', '/help');
  const notices = await product.sql(`SELECT id FROM delivery WHERE channel_id = $1`, [channel.id]);
  expect(notices.length).toBeLessThanOrEqual(60);
});
