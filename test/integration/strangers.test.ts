/** Strangers: what they cost is bounded and shared out fairly, and what they write waits until they are approved. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { MessageEvent } from '@nightshift/channels';
import { ChannelAccess } from '@nightshift/contracts';
import { waitingLimits } from '@nightshift/core/channels';
import { newId } from '@nightshift/core/database';
import { type AcceptedEvents, acceptEvents, type EventScope } from '@nightshift/core/inbox';
import { pruneRecords } from '@nightshift/core/retention';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAgent, type Product, startProduct } from '../support/api/index.ts';
import { type Connected, connectProgram, type Program, startProgram } from '../support/channel/index.ts';

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

async function connect(access: object = {}, more: object = {}): Promise<void> {
  channel = await connectProgram(product, program, {
    agent: { model: 'demo/guide' },
    access: { strangers: 'pair', ...access },
    ...more,
  });
  scope = {
    id: channel.id,
    teamId: product.id,
    agentId: channel.agentId,
    access: ChannelAccess.parse({ strangers: 'pair', ...access }),
    routes: [],
    kek: product.deps.kek,
  };
}

let events = 0;
function message(
  id: string,
  text: string,
  more: Partial<MessageEvent> & { place?: string } = {},
): MessageEvent {
  events += 1;
  const { place, ...rest } = more;
  return {
    type: 'message',
    externalId: `event ${events}`,
    messageId: `message ${events}`,
    thread: { thread: `dm ${id}` },
    threadKey: `dm ${id}`,
    direct: true,
    addressed: false,
    sender: {
      id,
      identity: 'account',
      name: id,
      isBot: false,
      isSelf: false,
      ...(place !== undefined && { place }),
    },
    text,
    ...rest,
  };
}

const accept = (...all: Parameters<typeof acceptEvents>[2][number][]): Promise<AcceptedEvents> =>
  acceptEvents(product.db, scope, all, {
    onDefect: (error) => {
      throw error;
    },
  });
const rows = (sql: string) => product.sql(sql, [channel.id]);
const count = async (sql: string): Promise<number> =>
  (await rows(`SELECT count(*)::int AS n FROM ${sql}`))[0].n;
const waiting = () => count(`identity WHERE channel_id = $1`);
const told = () => count(`delivery WHERE channel_id = $1 AND sealed IS NOT NULL`);
const identityOf = async (externalId: string) =>
  (
    await product.sql(`SELECT * FROM identity WHERE channel_id = $1 AND external_id = $2`, [
      channel.id,
      externalId,
    ])
  )[0];
const isTold = async (externalId: string) => (await identityOf(externalId))?.code_hash != null;
const texts = async () =>
  (
    await rows(
      `SELECT m.content, m.run_id FROM message m JOIN conversation c ON c.id = m.conversation_id
       WHERE c.channel_id = $1 AND m.role = 'user' ORDER BY m.id`,
    )
  ).map(({ content }) =>
    content.map((part: { text?: string; name?: string }) => part.text ?? part.name).join('|'),
  );
const decide = async (externalId: string, status: string) => {
  const { id } = await identityOf(externalId);
  return product.owner.patch(`/v1/channels/${channel.id}/identities/${id}`, { status });
};
/** The code that a stranger was sent, as its worker would open it. */
async function codeOf(externalId: string): Promise<string> {
  const { readChannelMessage } = await import('@nightshift/core/channels');
  const { code_delivery_id: id } = await identityOf(externalId);
  const { text } = (await readChannelMessage(product.db, product.deps.kek, id))!;
  return /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(text)![0];
}
const pair = (code: string) => product.owner.post(`/v1/channels/${channel.id}/pairings`, { code });

describe('a flood of strangers', () => {
  it('from one place leaves a newcomer from another one their code, in whatever order and however many at once', async () => {
    const flood = fc.record({
      at: fc.integer({ min: 0, max: 300 }),
      batch: fc.integer({ min: 1, max: 40 }),
      atOnce: fc.integer({ min: 1, max: 8 }),
      placed: fc.constantFrom('place', 'workspace', 'address'),
    });
    await fc.assert(
      fc.asyncProperty(flood, async ({ at, batch, atOnce, placed }) => {
        await connect();
        const from = (name: string, place: string) =>
          placed === 'address'
            ? message(`${name}@${place}`, 'Hello')
            : message(name, 'Hello', placed === 'place' ? { place } : { workspace: place });
        const all = Array.from({ length: 300 }, (_, nth) => from(`stranger ${nth}`, 'evil.example'));
        all.splice(at, 0, from('ann', 'quiet.example'));
        const batches = Array.from({ length: Math.ceil(all.length / batch) }, (_, nth) =>
          all.slice(nth * batch, (nth + 1) * batch),
        );
        const work = batches.values();
        await Promise.all(
          Array.from({ length: atOnce }, async () => {
            for (const each of work) await accept(...each);
          }),
        );
        expect(await isTold(placed === 'address' ? 'ann@quiet.example' : 'ann')).toBe(true);
        expect(await told()).toBe(waitingLimits.codesPerPlace + 1);
        expect(await waiting()).toBe(waitingLimits.codesPerPlace + 1);
        expect(await count(`person p JOIN identity i ON i.person_id = p.id WHERE i.channel_id = $1`)).toBe(0);
      }),
      { numRuns: 6 },
    );
  });

  it('from many places is bounded, and leaves room for a place that was quiet', async () => {
    const { codesPerMinute, codesReserved } = waitingLimits;
    const loud = (nth: number) => message(`s${nth}`, 'Hello', { place: `place ${nth % 3}` });
    await accept(...Array.from({ length: 100 }, (_, nth) => loud(nth)));
    expect(await told()).toBe(codesPerMinute);
    await accept(message('ann', 'Hello', { place: 'quiet' }));
    expect(await isTold('ann')).toBe(true);
    await accept(
      ...Array.from({ length: 100 }, (_, nth) => message(`n${nth}`, 'Hello', { place: `new ${nth}` })),
    );
    expect(await told()).toBe(codesPerMinute + codesReserved);
  });

  it('who are not answered at all leaves as few rows', async () => {
    await connect({ strangers: 'ignore' });
    await product.sql(
      `INSERT INTO identity (id, channel_id, external_id, place)
       SELECT gen_random_uuid(), $1, 'old ' || n, 'evil' FROM generate_series(1, ${waitingLimits.waiting}) AS n`,
      [channel.id],
    );
    await accept(...Array.from({ length: 20 }, (_, nth) => message(`s${nth}`, 'Hello', { place: 'evil' })));
    expect(await waiting()).toBe(waitingLimits.waiting);
    expect(await count('inbound_event WHERE channel_id = $1')).toBe(0);
  });
});

describe('when as many wait as may', () => {
  /** @param minutes since their code ended */
  const add = (name: string, minutes: number, more = '') =>
    product.sql(
      `INSERT INTO identity (id, channel_id, external_id, code_expires_at, created_at, place ${more && ', status'})
       VALUES ($1, $2, $3, now() - $4 * interval '1 minute', now() - interval '1 day', 'evil' ${more && `, '${more}'`})`,
      [newId(), channel.id, name, minutes],
    );
  const fill = (total: number) =>
    product.sql(
      `INSERT INTO identity (id, channel_id, external_id, code_expires_at, place)
       SELECT gen_random_uuid(), $1, 'full ' || n, now() + interval '10 minutes', 'place ' || (n % 3) FROM generate_series(1, ${total}) AS n`,
      [channel.id],
    );

  it('the one whose code ended first makes room, with all that they left; nobody who was decided on does', async () => {
    const { waiting: most, waitingReserved } = waitingLimits;
    await accept(message('first', 'Hello', { place: 'evil' }));
    await product.sql(
      `UPDATE identity SET code_expires_at = now() - interval '3 hours' WHERE channel_id = $1`,
      [channel.id],
    );
    await add('blocked', 600, 'blocked');
    await add('approved', 600, 'approved');
    await add('second', 60);
    await fill(most - waitingReserved);
    const before = await waiting();
    await accept(message('ann', 'Hello', { place: 'place 1' }));
    expect(await isTold('ann')).toBe(true);
    expect(await identityOf('first')).toBeUndefined();
    expect(await waiting()).toBe(before);
    // Its event and the delivery of its code went along.
    expect(await count('inbound_event WHERE channel_id = $1')).toBe(1);
    expect(await count('delivery WHERE channel_id = $1')).toBe(1);
    for (const name of ['blocked', 'approved', 'second']) expect(await identityOf(name)).toBeDefined();
  });

  it('and all their codes are good, only a place from which nobody waits finds room', async () => {
    await fill(waitingLimits.waiting - waitingLimits.waitingReserved);
    await accept(message('bob', 'Hello', { place: 'place 1' }), message('ann', 'Hello', { place: 'quiet' }));
    expect(await identityOf('bob')).toBeUndefined();
    expect(await isTold('ann')).toBe(true);
  });

  it('those who do not write any more are forgotten after a week, and nobody else', async () => {
    await add('gone', 9 * 24 * 60);
    await add('blocked', 9 * 24 * 60, 'blocked');
    await add('approved', 9 * 24 * 60, 'approved');
    await add('here', 9 * 24 * 60);
    await add('person', 9 * 24 * 60);
    await product.sql(
      `WITH p AS (INSERT INTO person (id, team_id, name) VALUES ($2, $3, 'p') RETURNING id)
       UPDATE identity SET person_id = p.id FROM p WHERE channel_id = $1 AND external_id = 'person'`,
      [channel.id, newId(), product.id],
    );
    await product.sql(
      `UPDATE identity SET last_seen_at = now() - interval '8 days' WHERE channel_id = $1 AND external_id <> 'here'`,
      [channel.id],
    );
    await pruneRecords(product.db, { inboundDays: 30, deliveryDays: 30 });
    const left = await rows(`SELECT external_id FROM identity WHERE channel_id = $1 ORDER BY 1`);
    expect(left.map(({ external_id }) => external_id)).toEqual(['approved', 'blocked', 'here', 'person']);
  });
});

it('a stranger who goes on and on leaves a handful of rows and is told one code', async () => {
  for (let at = 0; at < 30; at += 1) await accept(message('ann', `Hello ${at}`));
  expect(await told()).toBe(1);
  expect(await count('delivery WHERE channel_id = $1')).toBe(1);
  expect(await count('inbound_event WHERE channel_id = $1')).toBe(5);
  await product.sql(
    `UPDATE identity SET code_expires_at = now() - interval '1 minute' WHERE channel_id = $1`,
    [channel.id],
  );
  await accept(message('ann', 'Hello again'));
  expect(await isTold('ann')).toBe(true);
  // The code before went.
  expect(await count('delivery WHERE channel_id = $1')).toBe(1);
  expect(await count('inbound_event WHERE channel_id = $1')).toBe(5);
});

describe('a code', () => {
  const plainText = async (code: string) => {
    const tables = await product.sql(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    const found: string[] = [];
    for (const { name } of tables) {
      const [{ n }] = await product.sql(
        `SELECT count(*)::int AS n FROM ${name} AS t WHERE t::text ILIKE '%' || $1 || '%' OR t::text ILIKE '%' || $2 || '%'`,
        [code, code.replace('-', '')],
      );
      if (n > 0) found.push(name);
    }
    return found;
  };

  it('is nowhere in plain text, before and after it was sent, nor in an answer of the API', async () => {
    const worker = await product.startWorker();
    try {
      const thread = `dm-eve ${randomUUID()}`;
      await program.say(channel.hookUrl, 'Hello', { sender: { id: 'eve' }, thread });
      await expect.poll(() => program.shown(thread).length).toBe(1);
      const code = /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(program.shown(thread)[0]!.text)![0];
      await expect.poll(() => count(`delivery WHERE channel_id = $1 AND status = 'sent'`)).toBe(1);
      expect(await plainText(code)).toEqual([]);
      expect(await told()).toBe(0);
      for (const path of [
        '/v1/deliveries',
        `/v1/channels/${channel.id}/traffic`,
        `/v1/channels/${channel.id}/identities`,
      ])
        expect((await product.owner.get(path)).text).not.toContain(code);
      expect((await pair(code)).status).toBe(200);
    } finally {
      await worker.close();
    }
  });

  it('is found by no hash that a copy of the database would give away', async () => {
    const { createHash } = await import('node:crypto');
    await accept(message('ann', 'Hello'));
    const code = (await codeOf('ann')).replace('-', '');
    const { code_hash: stored } = await identityOf('ann');
    for (const text of [code, `${channel.id}/${code}`])
      expect(createHash('sha256').update(text).digest().equals(stored)).toBe(false);
    expect(await plainText(code)).toEqual([]);
  });

  it('that ended is erased, and not sent any more', async () => {
    await accept(message('ann', 'Hello'));
    const { code_delivery_id: id } = await identityOf('ann');
    await product.sql(`UPDATE delivery SET sealed_until = now() - interval '1 second' WHERE id = $1`, [id]);
    await product.sql(
      `UPDATE identity SET code_expires_at = now() - interval '1 second' WHERE channel_id = $1`,
      [channel.id],
    );
    const worker = await product.startWorker();
    try {
      const status = async () =>
        (await product.sql(`SELECT status FROM delivery WHERE id = $1`, [id]))[0].status;
      await expect.poll(status).toBe('dead');
    } finally {
      await worker.close();
    }
    await pruneRecords(product.db, { inboundDays: 30, deliveryDays: 30 });
    expect(await told()).toBe(0);
    expect((await identityOf('ann')).code_hash).toBeNull();
  });

  it('that was not sent yet is not sent to somebody who is approved meanwhile', async () => {
    const zoe = `zoe-${randomUUID()}`;
    await accept(message(zoe, 'Hello'));
    const { code_delivery_id: id } = await identityOf(zoe);
    await decide(zoe, 'approved');
    const worker = await product.startWorker();
    try {
      await expect.poll(() => program.shown(`dm ${zoe}`).length).toBeGreaterThan(0);
      expect(program.shown(`dm ${zoe}`)[0]!.text).toContain('You are connected');
      const [{ status }] = await product.sql(`SELECT status FROM delivery WHERE id = $1`, [id]);
      expect(status).toBe('dead');
    } finally {
      await worker.close();
    }
  });

  it('is made anew when an older version said its excuse in place of it, or it could not be delivered', async () => {
    for (const sent of [`status = 'sent'`, `status = 'dead', sealed = NULL`]) {
      await connect();
      await accept(message('ann', 'Hello'));
      const { code_hash: before, code_delivery_id: id } = await identityOf('ann');
      await product.sql(`UPDATE delivery SET ${sent} WHERE id = $1`, [id]);
      await accept(message('ann', 'Hello?'));
      expect((await identityOf('ann')).code_hash.equals(before)).toBe(false);
      expect(await told()).toBe(1);
    }
  });

  it('cannot be guessed for long', async () => {
    await accept(message('ann', 'Hello'));
    const code = await codeOf('ann');
    const guesses = Array.from({ length: 60 }, (_, nth) => pair(`AAAA-${String(2000 + nth)}`));
    const statuses = (await Promise.all(guesses)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 404).length).toBeLessThanOrEqual(30);
    expect(statuses).toContain(429);
    const late = await pair(code);
    expect(late.status).toBe(429);
    expect(Number(late.headers.get('retry-after'))).toBeGreaterThan(0);
    // Of one channel alone.
    await connect();
    await accept(message('ann', 'Hello'));
    expect((await pair(await codeOf('ann'))).status).toBe(200);
  });
});

describe('what a stranger writes', () => {
  it('is answered once when the code is entered, by the agent that its route names, and only once', async () => {
    const sales = await createAgent(product.owner, { name: `sales ${Date.now()}`, model: 'demo/guide' });
    const routes = [{ when: { person: 'ann' }, agentId: sales }];
    await connect({}, { routes });
    const hello = message('ann', 'How much is it?');
    await accept(hello);
    const code = await codeOf('ann');
    const answers = await Promise.all([
      pair(code),
      pair(code),
      decide('ann', 'approved'),
      decide('ann', 'approved'),
    ]);
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(2);
    expect(await texts()).toEqual(['How much is it?']);
    const [lane, ...others] = await rows(
      `SELECT agent_id, thread_key FROM conversation WHERE channel_id = $1`,
    );
    expect([lane, others]).toEqual([{ agent_id: sales, thread_key: 'dm ann' }, []]);
    const greetings = await rows(
      `SELECT text FROM delivery WHERE channel_id = $1 AND text LIKE 'You are connected%' ORDER BY id`,
    );
    expect(greetings.map(({ text }) => text)).toEqual([expect.not.stringContaining('Send me what')]);
    // The platform delivers it again.
    expect((await accept(hello)).dropped.get('duplicate')).toBe(1);
    expect(await texts()).toEqual(['How much is it?']);
    expect((await identityOf('ann')).held).toBeNull();
  });

  it('is answered when its identity is approved, also after the code has ended', async () => {
    await accept(message('ann', 'How much is it?'), message('ann', '/help'), message('ann', 'In euros.'));
    await product.sql(
      `UPDATE identity SET code_expires_at = now() - interval '1 hour' WHERE channel_id = $1`,
      [channel.id],
    );
    const [listed] = (await product.owner.get(`/v1/channels/${channel.id}/identities`)).body.data;
    expect(listed).toMatchObject({ personId: null, vouched: true, heldMessages: 2, pairingUntil: null });
    expect((await decide('ann', 'approved')).body).toMatchObject({
      status: 'approved',
      heldMessages: 0,
      personId: expect.any(String),
    });
    expect(await texts()).toEqual(['How much is it?', 'In euros.']);
    expect(await count('run r JOIN conversation c ON c.id = r.conversation_id WHERE c.channel_id = $1')).toBe(
      1,
    );
  });

  it('is not kept when they are blocked', async () => {
    await accept(message('ann', 'Buy this'));
    await decide('ann', 'blocked');
    expect((await identityOf('ann')).held).toBeNull();
    await decide('ann', 'approved');
    expect(await texts()).toEqual([]);
  });

  it('follows what they change and take back', async () => {
    const [one, two, three] = ['one', 'two', 'three'].map((text) => message('ann', text));
    await accept(one!, two!, three!);
    const { thread, threadKey, direct, sender } = two!;
    const edited = {
      type: 'edited',
      thread,
      threadKey,
      direct,
      text: 'two, I mean',
      externalId: 'edit',
    } as const;
    await accept({ ...edited, sender, messageId: two!.messageId! });
    // By somebody else it changes nothing.
    const other = { ...sender, id: 'eve' };
    await accept({ ...edited, text: 'mine', externalId: 'e2', sender: other, messageId: one!.messageId! });
    await accept({ type: 'deleted', externalId: 'gone', messageId: three!.messageId! });
    await decide('ann', 'approved');
    expect(await texts()).toEqual(['one', 'two, I mean']);
  });

  it('is bounded, in bytes and in files, and cut between characters', async () => {
    const unit = fc.constantFrom('x', 'ü', '你', '👩‍👩‍👧‍👦', '\ud83d');
    await fc.assert(
      fc.asyncProperty(unit, fc.integer({ min: 0, max: 3 }), async (each, shift) => {
        await connect();
        const attachments = Array.from({ length: 9 }, (_, nth) => ({
          name: `${nth}.txt`,
          mediaType: 'text/plain',
          bytes: 3,
          source: nth === 0 ? { data: 'x'.repeat(1_000_000) } : { url: `https://files.example/${nth}` },
        }));
        const long = 'y'.repeat(shift) + each.repeat(30_000);
        await accept(message('ann', long, { attachments }), message('ann', long), message('ann', long));
        const [{ bytes }] = await rows(
          `SELECT octet_length(held::text) AS bytes FROM identity WHERE channel_id = $1`,
        );
        expect(bytes).toBeLessThan(30_000);
        await decide('ann', 'approved');
        const [first] = await texts();
        expect(Buffer.byteLength(first!)).toBeLessThan(9_000);
        expect(first).toContain(
          '[The message was longer: only its beginning is here.]|1.txt|2.txt|3.txt|4.txt|5.txt',
        );
        expect(first).not.toMatch(each === '\ud83d' ? /\0/ : /\ufffd/);
      }),
      { numRuns: 8 },
    );
  });

  it('in a web chat: the visitor reads the code, and then the answer', async () => {
    const { body } = await product.owner.post('/v1/channels', {
      kind: 'web',
      agentId: channel.agentId,
      settings: { origins: ['https://shop.example'] },
      access: { strangers: 'pair' },
    });
    const key = /data-channel="([^"]+)"/.exec(body.snippet)![1];
    const page = { origin: 'https://shop.example' };
    const visitor = product.client(null);
    const { token } = (await visitor.post(`/v1/widget/${key}/sessions`, {}, page)).body;
    const asVisitor = { ...page, authorization: `Bearer ${token}` };
    const say = (id: string, text: string) =>
      visitor.post(`/v1/widget/${key}/messages`, { id, text }, asVisitor);
    expect((await say('11111111-1111-4111-8111-111111111111', 'Hello')).status).toBe(202);
    const { readTimeline } = await import('@nightshift/core/web-chat');
    const [{ external_id: threadKey }] = await product.sql(
      `SELECT external_id FROM identity WHERE channel_id = $1`,
      [body.id],
    );
    const read = async () =>
      (await readTimeline(product.db, product.deps.kek, { channelId: body.id, threadKey }, { limit: 9 })).map(
        ({ text }) => text,
      );
    const [notice] = await read();
    const code = /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(notice!)![0];
    // Also when it was sent, which for a web chat is nothing.
    await product.sql(`UPDATE delivery SET status = 'sent', ended_at = now() WHERE channel_id = $1`, [
      body.id,
    ]);
    expect((await read())[0]).toContain(code);
    expect((await product.owner.post(`/v1/channels/${body.id}/pairings`, { code })).status).toBe(200);
    expect(await read()).toEqual([
      expect.not.stringContaining(code),
      expect.stringContaining('connected'),
      'Hello',
    ]);
  });
});

describe('a name that nobody vouches for', () => {
  const named = (id: string, text: string, more: Partial<MessageEvent> = {}) => {
    const event = message(id, text, more);
    return { ...event, sender: { ...event.sender, identity: 'name' as const, ...more.sender } };
  };

  it('is never taken for the account of the same spelling', async () => {
    await connect({ people: ['bob'] }, { routes: [] });
    await accept(message('ann', 'Hello'));
    await decide('ann', 'approved');
    await accept(message('ann', 'It is me'), message('bob', 'Me, too'));
    await accept(named('ann', 'Me'), named('bob', 'Me'), named('name:ann', 'Me'));
    expect(await texts()).toEqual(['Hello', 'It is me', 'Me, too']);
  });

  it('is kept apart from an account that is called as names are kept', async () => {
    await connect({ strangers: 'answer' });
    await accept(message('name:carl', 'Hello'), message(':name:carl', 'Hello'));
    await accept(named('carl', 'It is me'), named(':name:carl', 'It is me'), named('name:carl', 'It is me'));
    const { data } = (await product.owner.get(`/v1/channels/${channel.id}/identities`)).body;
    const known = data.map((each: { externalId: string; vouched: boolean }) => [
      each.externalId,
      each.vouched,
    ]);
    expect(known.sort()).toEqual([
      [':name:carl', false],
      [':name:carl', true],
      ['carl', false],
      ['name:carl', false],
      ['name:carl', true],
    ]);
  });

  it('is answered where everybody is, by no route for a person, and cannot be approved or linked', async () => {
    const boss = await createAgent(product.owner, { name: `boss ${Date.now()}`, model: 'demo/guide' });
    const group = { group: 'lobby', threadKey: 'lobby', direct: false, addressed: true };
    await connect({ groups: { open: ['lobby'] } });
    const routes = [{ when: { person: 'ann' }, agentId: boss }];
    await product.owner.expect(200, product.owner.patch(`/v1/channels/${channel.id}`, { routes }));
    await accept(named('ann', 'Hello', group));
    expect(await texts()).toEqual(['Hello']);
    expect((await rows(`SELECT agent_id FROM conversation WHERE channel_id = $1`))[0].agent_id).toBe(
      channel.agentId,
    );
    const [listed] = (await product.owner.get(`/v1/channels/${channel.id}/identities`)).body.data;
    expect(listed).toMatchObject({ externalId: 'ann', vouched: false, status: 'pending' });
    const approved = await decide('name:ann', 'approved');
    expect(approved.status).toBe(409);
    expect(approved.body.detail).toContain('Nobody vouches');
    const identityId = listed.id;
    await accept(message('carl', 'Hello'));
    await decide('carl', 'approved');
    const { person_id: person } = await identityOf('carl');
    const linked = await product.owner.post(`/v1/people/${person}/identities`, { identityId });
    expect(linked.status).toBe(409);
    const { person_id: nobody } = await identityOf('name:ann');
    expect(nobody).not.toBe(person);
    // Nor is an account said to be the person that a name stands for.
    const { id: account } = await identityOf('carl');
    const back = await product.owner.post(`/v1/people/${nobody}/identities`, { identityId: account });
    expect([back.status, (await identityOf('carl')).person_id]).toEqual([409, person]);
    expect((await decide('name:ann', 'blocked')).status).toBe(200);
    await accept(named('ann', 'Hello again', group));
    expect(await texts()).toEqual(['Hello', 'Hello']);
  });

  it('hears once how it can be known, where it can, and is sent no code', async () => {
    const advice = 'Log in.';
    const asked = named('eve', 'Hello');
    await accept({ ...asked, sender: { ...asked.sender, advice } }, named('mallory', 'Hello'));
    const again = named('eve', 'Hello?');
    await accept({ ...again, sender: { ...again.sender, advice } });
    const said = await rows(`SELECT text, sealed FROM delivery WHERE channel_id = $1`);
    expect(said).toEqual([{ text: expect.stringContaining('Log in.'), sealed: null }]);
    expect((await identityOf('name:eve')).code_hash).toBeNull();
  });

  it('that was approved by an earlier version is not trusted any more', async () => {
    const [xmpp, irc] = await Promise.all(
      [
        { kind: 'xmpp', credentials: { password: 'x' }, settings: { address: 'bot@example.org' } },
        { kind: 'irc', settings: { host: 'irc.example', nick: 'bot' } },
      ].map(async (each) => {
        const body = { ...each, agentId: channel.agentId };
        return (await product.owner.expect(201, product.owner.post('/v1/channels', body))).id;
      }),
    );
    const person = newId();
    await product.sql(`INSERT INTO person (id, team_id, name) VALUES ($1, $2, 'Ann')`, [person, product.id]);
    const add = (channelId: string, externalId: string, personId: string | null, status = 'approved') =>
      product.sql(
        `INSERT INTO identity (id, channel_id, external_id, person_id, status) VALUES ($1, $2, $3, $4, $5::identity_status)`,
        [newId(), channelId, externalId, personId, status],
      );
    await add(xmpp!, 'team@rooms.example.org/Ann', person);
    await add(xmpp!, 'ann@example.org', person);
    await add(xmpp!, 'team@rooms.example.org/Eve', person, 'blocked');
    await add(irc!, 'ann!~ann@host.example', person);
    await add(irc!, 'account:ann', person);
    const quiet = newId();
    await product.sql(`INSERT INTO person (id, team_id, name) VALUES ($1, $2, 'Quiet')`, [quiet, product.id]);
    await add(xmpp!, 'quiet@example.org', quiet, 'pending');
    const file = '../../prisma/migrations/20261130130100_identities_of_strangers/migration.sql';
    await product.db.pool.query(await readFile(new URL(file, import.meta.url), 'utf8'));
    const found = await product.sql(
      `SELECT external_id AS id, status, vouched, person_id = $3 AS ann, person_id IS NULL AS nobody
       FROM identity WHERE channel_id IN ($1, $2) ORDER BY external_id`,
      [xmpp, irc, person],
    );
    const known = { status: 'approved', vouched: true, ann: true, nobody: false };
    const name = { status: 'pending', vouched: false, ann: false, nobody: false };
    expect(found).toEqual([
      { id: 'account:ann', ...known },
      { id: 'ann@example.org', ...known },
      { id: 'name:ann!~ann@host.example', ...name, nobody: true, ann: null },
      { id: 'name:team@rooms.example.org/Ann', ...name, nobody: true, ann: null },
      { id: 'name:team@rooms.example.org/Eve', ...name, status: 'blocked' },
      { id: 'quiet@example.org', status: 'pending', vouched: true, ann: null, nobody: true },
    ]);
    expect(await product.sql(`SELECT id FROM person WHERE id = $1`, [quiet])).toEqual([]);
    const [{ own_ids }] = await product.sql(`SELECT own_ids FROM channel WHERE id = $1`, [xmpp]);
    expect(own_ids).toEqual(['bot@example.org']);
  });
});
