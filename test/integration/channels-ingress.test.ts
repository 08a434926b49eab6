/** What platforms push: who is believed, what is stored before they hear 200, and what they hear otherwise. */
import { randomBytes, randomUUID } from 'node:crypto';
import { signedHeaders } from '@nightshift/channels/webhook';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Product, saidIn, startProduct } from '../support/api/index.ts';
import { type Connected, connectProgram, type Program, startProgram } from '../support/channel/index.ts';

let product: Product;
let program: Program;
let channel: Connected;

beforeAll(async () => {
  product = await startProduct();
});
beforeEach(async () => {
  program = await startProgram();
  channel = await connectProgram(product, program);
});
afterEach(() => program.close());
afterAll(() => product.close());

const inbox = () =>
  product.sql(`SELECT * FROM inbound_event WHERE channel_id = $1 ORDER BY id`, [channel.id]);
const messages = () =>
  product.sql(
    `SELECT m.content, m.context, m.run_id, r.trigger, r.person_id FROM message m JOIN conversation c ON c.id = m.conversation_id
     JOIN run r ON r.id = m.run_id WHERE c.channel_id = $1 ORDER BY m.seq`,
    [channel.id],
  );
const readChannel = () => product.owner.expect(200, product.owner.get(`/v1/channels/${channel.id}`));
const untilCounted = (counts: object) =>
  expect.poll(async () => (await readChannel()).counts).toMatchObject(counts);

it('stores a message before it answers, and says who wrote it', async () => {
  expect((await program.say(channel.hookUrl, 'Grüße 👋')).status).toBe(200);
  expect(await messages()).toMatchObject([
    { content: [{ type: 'text', text: 'Grüße 👋' }], trigger: 'message', person_id: expect.any(String) },
  ]);
  const { data } = await product.owner.expect(200, product.owner.get('/v1/people'));
  expect(data[0]).toMatchObject({ name: 'Ann', identities: [{ externalId: 'ann', channelId: channel.id }] });
  await untilCounted({ received: 1, ignored: 0, refused: 0 });
});

it('takes a thousand deliveries of one event for one', async () => {
  const statuses = new Set<number>();
  for (let round = 0; round < 20; round += 1) {
    const answers = await Promise.all(
      Array.from({ length: 50 }, () =>
        program.post(channel.hookUrl, { thread: 't', sender: { id: 'ann' }, text: 'Once' }, 'the-event'),
      ),
    );
    for (const { status } of answers) statuses.add(status);
  }
  expect([...statuses]).toEqual([200]);
  expect(await messages()).toHaveLength(1);
  expect(new Set((await messages()).map((row) => row.run_id)).size).toBe(1);
});

it('takes what comes to a few threads at the same moment together, each once and in a place of its own', async () => {
  const access = { strangers: 'answer', limits: { messagesPerMinute: 10_000, programTurns: 100 } };
  await product.owner.expect(200, product.owner.patch(`/v1/channels/${channel.id}`, { access }));
  const people = [0, 1, 2, 3, 4];
  const say = (person: number, nth: number, more: object = {}) =>
    program.post(
      channel.hookUrl,
      {
        thread: `thread-${person}`,
        sender: { id: `person-${person}`, name: 'Ann' },
        text: `${person}/${nth}`,
        ...more,
      },
      `event ${person}/${nth}`,
    );
  // Nobody is known yet, then everybody is; each event comes twice, and some have a new name.
  for (const nths of [[0, 1, 2], Array.from({ length: 40 }, (_, at) => at + 3)]) {
    const answers = await Promise.all(
      nths.flatMap((nth) =>
        people.flatMap((person) => {
          const more = nth % 10 === 9 ? { sender: { id: `person-${person}`, name: `Ann ${nth}` } } : {};
          return [say(person, nth, more), say(person, nth, more)];
        }),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  }
  const rows = await product.sql(
    `SELECT c.thread_key, array_agg(m.seq ORDER BY m.seq) AS seqs, count(DISTINCT m.content)::int AS texts,
       count(DISTINCT m.run_id)::int AS runs, max(c.next_seq) AS next
     FROM message m JOIN conversation c ON c.id = m.conversation_id WHERE c.channel_id = $1 GROUP BY c.thread_key`,
    [channel.id],
  );
  expect(rows).toHaveLength(5);
  const seqs = Array.from({ length: 43 }, (_, at) => at + 1);
  for (const row of rows) expect(row).toMatchObject({ seqs, texts: 43, runs: 1, next: 44 });
});

describe('a stranger', () => {
  const post = (url: string, body: string, headers: Record<string, string> = {}) =>
    fetch(url, { method: 'POST', body, headers });

  it('hears nothing of what there is', async () => {
    const unknown = `${product.url}/v1/hooks/${randomBytes(32).toString('base64url')}`;
    for (const url of [
      unknown,
      `${product.url}/v1/hooks/short`,
      `${product.url}/v1/hooks/${'x'.repeat(250)}`,
    ])
      expect((await post(url, '{}')).status).toBe(404);
    expect((await fetch(unknown)).status).toBe(404);
  });

  it('makes one question to the database, however many addresses it guesses, and closes no other', async () => {
    // On an api of its own: this address has guessed too often there from then on.
    const guarded = await startProduct();
    try {
      const known = await connectProgram(guarded, program);
      const scans = async () => {
        await guarded.sql('SELECT pg_stat_force_next_flush()');
        const [{ n }] = await guarded.sql(
          `SELECT sum(idx_scan + seq_scan)::int AS n FROM pg_stat_user_tables WHERE relname = 'channel'`,
        );
        return n;
      };
      const before = await scans();
      const guesses = Array.from({ length: 300 }, () =>
        post(`${guarded.url}/v1/hooks/${randomBytes(32).toString('base64url')}`, '{}'),
      );
      const statuses = (await Promise.all(guesses)).map(({ status }) => status);
      expect(statuses.filter((status) => status === 404)).toHaveLength(60);
      expect(statuses.filter((status) => status === 429)).toHaveLength(240);
      expect((await scans()) - before).toBeLessThan(50);
      // Who shares the address and knows the way is let in.
      expect((await program.say(known.hookUrl, 'Hello')).status).toBe(200);
    } finally {
      await guarded.close();
    }
  });

  it('is not believed without the signature, and nothing is stored', async () => {
    const body = '{"thread":"t","sender":{"id":"ann"},"text":"Hello"}';
    const foreign = signedHeaders(
      `whsec_${randomBytes(32).toString('base64')}`,
      'event-1',
      Date.now(),
      Buffer.from(body),
    );
    const forged: Record<string, string>[] = [{}, foreign, { ...foreign, 'webhook-signature': 'v1,%C3%BC' }];
    for (const headers of forged) {
      const answer = await post(channel.hookUrl, body, headers);
      expect(answer.status).toBe(401);
      expect(await answer.text()).not.toContain(channel.id);
    }
    expect(await inbox()).toEqual([]);
    await untilCounted({ refused: 3 });
  });

  it('is cut off at three mebibytes, before anything is verified', async () => {
    expect((await post(channel.hookUrl, 'x'.repeat(3 * 1024 * 1024 + 1))).status).toBe(413);
  });
});

describe('an event', () => {
  it('of a kind that is not known is acknowledged and counted', async () => {
    expect((await program.post(channel.hookUrl, { type: 'reaction', emoji: 'tada' })).status).toBe(200);
    expect(await inbox()).toEqual([]);
    await untilCounted({ received: 0, ignored: 1 });
  });

  it('that is signed and malformed is refused as such', async () => {
    const answer = await program.post(channel.hookUrl, { thread: 't', text: 'Hello' });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      code: 'invalid_request',
      detail: expect.stringContaining('sender'),
    });
  });

  it('with text that Postgres cannot store is stored without it', async () => {
    expect(
      (await program.say(channel.hookUrl, 'a\0b\ud800c', { sender: { id: 'n\0', name: '\0' } })).status,
    ).toBe(200);
    expect((await messages())[0]!.content).toEqual([{ type: 'text', text: 'ab\ufffdc' }]);
  });

  it('of 60 KB and with fifty files is stored, and the agent is told what was left out', async () => {
    const attachments = Array.from({ length: 50 }, (_, at) => ({
      name: `${at}.txt`,
      url: `${program.receiver.url}/${at}`,
    }));
    expect((await program.say(channel.hookUrl, 'x'.repeat(60_000), { attachments })).status).toBe(200);
    const [{ content }] = await messages();
    expect(content).toHaveLength(21);
    expect(content[0].text).toMatch(/^x{60000}\n\n\[30 more files/);
  });

  it('that the database will never take is dropped, and does not come again for ever', async () => {
    const thread = `poison ${randomUUID()}`;
    await product.sql(`CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
      CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON conversation FOR EACH ROW WHEN (NEW.thread_key = '${thread}') EXECUTE FUNCTION refuse()`);
    expect((await program.say(channel.hookUrl, 'Poison', { thread })).status).toBe(200);
    expect((await program.say(channel.hookUrl, 'Fine')).status).toBe(200);
    expect(await messages()).toHaveLength(1);
  });
});

describe('what was said', () => {
  const say = (text: string, id: string) => program.say(channel.hookUrl, text, { id });
  const edit = (text: string, id: string, sender = 'ann') =>
    program.post(channel.hookUrl, { type: 'edited', id, thread: 'order-42', sender: { id: sender }, text });

  it('changes with an edit until the agent begins, and only for who said it', async () => {
    await say('Frist', 'm1');
    await edit('Hacked', 'm1', 'eve');
    await edit('First', 'm1');
    expect((await messages())[0]!.content).toEqual([{ type: 'text', text: 'First' }]);
    await product.sql(`UPDATE run SET status = 'succeeded'`);
    await edit('Too late', 'm1');
    const [{ content, context }] = await messages();
    expect(content).toEqual([{ type: 'text', text: 'First' }]);
    expect(context.amended).toMatchObject({ text: 'Too late' });
  });

  it('is not answered once it was taken back', async () => {
    await say('Never mind', 'm1');
    await program.post(channel.hookUrl, { type: 'deleted', id: 'm1' });
    const [{ run_id: runId, content }] = await messages();
    expect(content[0].text).toBe('[The sender took this message back.]');
    expect((await product.owner.get(`/v1/runs/${runId}`)).body.status).toBe('cancelled');
  });

  it('by a button counts as said', async () => {
    await program.post(channel.hookUrl, {
      type: 'action',
      thread: 'order-42',
      sender: { id: 'ann' },
      value: 'Yes, send it',
    });
    const [{ conversation_id: id }] = await inbox();
    expect(await saidIn(product.owner, id)).toEqual(['user: Yes, send it']);
  });
});

it.each([
  ['a command', '/new', 'answer'],
  ["a stranger's first message", 'Hello?', 'pair'],
] as const)('says one thing to forty deliveries of %s at once', async (_what, text, strangers) => {
  const { id, hookUrl } = await connectProgram(product, program, { access: { strangers } });
  const deliveries = Array.from({ length: 40 }, () =>
    program.post(hookUrl, { thread: 't', sender: { id: 'ann' }, text }, 'the-event'),
  );
  for (const { status } of await Promise.all(deliveries)) expect(status).toBe(200);
  const said = await product.sql(`SELECT event FROM delivery WHERE channel_id = $1`, [id]);
  expect(said).toEqual([{ event: 'notice' }]);
  const people = await product.sql(`SELECT FROM identity WHERE channel_id = $1`, [id]);
  expect(people).toHaveLength(1);
  const begun = await product.sql(`SELECT FROM conversation WHERE channel_id = $1`, [id]);
  expect(begun).toHaveLength(strangers === 'pair' ? 0 : 1);
});

it('a paused channel acknowledges and drops; a removed one is not there', async () => {
  await product.owner.expect(200, product.owner.post(`/v1/channels/${channel.id}/pause`));
  expect((await program.say(channel.hookUrl, 'Hello')).status).toBe(200);
  expect(await inbox()).toEqual([]);
  await product.owner.expect(200, product.owner.post(`/v1/channels/${channel.id}/resume`));
  await program.say(channel.hookUrl, 'Hello');
  expect(await inbox()).toHaveLength(1);
  await product.owner.expect(204, product.owner.delete(`/v1/channels/${channel.id}`));
  expect((await program.say(channel.hookUrl, 'Hello')).status).toBe(404);
  expect((await product.owner.get(`/v1/channels/${channel.id}`)).status).toBe(404);
});
