/** Who is answered, by which agent, and what everybody can type. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAgent, type Product, startProduct } from '../support/api/index.ts';
import { type Connected, connectProgram, type Program, startProgram } from '../support/channel/index.ts';

let product: Product;
let program: Program;
let channel: Connected;

beforeAll(async () => {
  product = await startProduct();
  await product.startWorker();
});
beforeEach(async () => {
  program = await startProgram();
});
afterEach(() => program.close());
afterAll(() => product.close());

const connect = async (more: object = {}) => {
  channel = await connectProgram(product, program, { agent: { model: 'demo/guide' }, ...more });
};
const from = (id: string, more: object = {}) => ({ sender: { id, name: id }, thread: `dm-${id}`, ...more });
const texts = (thread?: string) => program.shown(thread).map(({ text }) => text);
const untilShown = (count: number, thread?: string) =>
  expect.poll(() => texts(thread).length).toBeGreaterThanOrEqual(count);
const outcomes = async () => {
  const { inbound } = await product.owner.expect(
    200,
    product.owner.get(`/v1/channels/${channel.id}/traffic`),
  );
  return inbound.map(({ outcome }: { outcome: string }) => outcome).reverse();
};
const runs = async (): Promise<number> => {
  const [{ n }] = await product.sql(
    `SELECT count(*)::int AS n FROM run r JOIN conversation c ON c.id = r.conversation_id WHERE c.channel_id = $1`,
    [channel.id],
  );
  return n;
};
const identities = async () =>
  (await product.owner.expect(200, product.owner.get(`/v1/channels/${channel.id}/identities`))).data;
const pair = (code: string) => product.owner.post(`/v1/channels/${channel.id}/pairings`, { code });

describe('a stranger in a direct message', () => {
  it('is told a code once, costs nothing, and is answered when somebody approves it', async () => {
    await connect({ access: { strangers: 'pair' } });
    for (const text of ['Hello', 'Hello?', '/help']) await program.say(channel.hookUrl, text, from('ann'));
    await untilShown(1);
    expect(texts()).toHaveLength(1);
    const code = /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(texts()[0]!)![0];
    expect(await runs()).toBe(0);
    expect(await outcomes()).toEqual(['pairing', 'pairing', 'pairing']);
    expect(await identities()).toMatchObject([
      { externalId: 'ann', status: 'pending', pairingUntil: expect.any(String) },
    ]);

    expect((await pair('AAAA-AAAA')).status).toBe(404);
    const approved = await product.owner.expect(200, pair(code.toLowerCase().replace('-', ' ')));
    expect(approved).toMatchObject({ externalId: 'ann', status: 'approved', pairingUntil: null });
    expect((await pair(code)).status).toBe(404);
    // What was written meanwhile is answered, as one turn; a command is not.
    await untilShown(3);
    expect(texts()[1]).toContain('You are connected');
    expect(await runs()).toBe(1);

    await program.say(channel.hookUrl, 'Now then', from('ann'));
    await untilShown(4);
    expect(await runs()).toBe(2);
  });

  it('gets another code when the first has run out', async () => {
    await connect({ access: { strangers: 'pair' } });
    await program.say(channel.hookUrl, 'Hello', from('ann'));
    await untilShown(1);
    await product.sql(`UPDATE identity SET code_expires_at = now() - interval '1 second'`);
    const code = /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(texts()[0]!)![0];
    expect((await pair(code)).status).toBe(404);
    await program.say(channel.hookUrl, 'Hello', from('ann'));
    await untilShown(2);
    expect(texts()[1]).not.toContain(code);
  });

  it('does not turn a flood of strangers into a flood of ours', async () => {
    await connect({ access: { strangers: 'pair' } });
    for (let at = 0; at < 30; at += 1) await program.say(channel.hookUrl, 'Hello', from(`stranger ${at}`));
    const [{ n }] = await product.sql(`SELECT count(*)::int AS n FROM delivery WHERE channel_id = $1`, [
      channel.id,
    ]);
    expect(n).toBe(20);
  });

  it('hears nothing where that is set, and can be approved all the same', async () => {
    await connect({ access: { strangers: 'ignore', people: ['bob'] } });
    await program.say(channel.hookUrl, 'Hello', from('ann'));
    await program.say(channel.hookUrl, 'Hello', from('bob'));
    await untilShown(1, 'dm-bob');
    expect(await runs()).toBe(1);
    const ann = (await identities()).find((each: { externalId: string }) => each.externalId === 'ann');
    const path = `/v1/channels/${channel.id}/identities/${ann.id}`;
    await product.owner.expect(200, product.owner.patch(path, { status: 'approved' }));
    await program.say(channel.hookUrl, 'Hello', from('ann'));
    await untilShown(1, 'dm-ann');
    await product.owner.expect(200, product.owner.patch(path, { status: 'blocked' }));
    await program.say(channel.hookUrl, 'Hello again', from('ann'));
    expect(await runs()).toBe(2);
  });
});

describe('in a group', () => {
  const group = (id: string, addressed: boolean, room = 'sales') => ({
    sender: { id },
    thread: room,
    group: room,
    addressed,
  });

  it('only what addresses the agent is answered, of approved people or in an open group', async () => {
    await connect({ access: { people: ['ann'], groups: { open: ['lobby'] } } });
    await program.say(channel.hookUrl, 'Lunch?', group('ann', false));
    await program.say(channel.hookUrl, 'Hello', group('eve', true));
    expect(await runs()).toBe(0);
    await program.say(channel.hookUrl, 'Hello', group('ann', true));
    await program.say(channel.hookUrl, 'Hello', group('eve', true, 'lobby'));
    expect(await runs()).toBe(2);
    await untilShown(1, 'sales');
    await untilShown(1, 'lobby');
    // A code would be read by all of it.
    expect(texts().join()).not.toContain('code');
  });

  it('everything or nothing is answered where that is set', async () => {
    await connect({ access: { strangers: 'answer', groups: { answer: 'always' } } });
    await program.say(channel.hookUrl, 'Lunch?', group('ann', false));
    expect(await runs()).toBe(1);
    const access = { strangers: 'answer', groups: { answer: 'never' } };
    await product.owner.expect(200, product.owner.patch(`/v1/channels/${channel.id}`, { access }));
    await program.say(channel.hookUrl, 'Hello', group('ann', true));
    expect(await runs()).toBe(1);
  });
});

describe('other programs', () => {
  const bot = { sender: { id: 'bot', isBot: true }, thread: 'bots' };

  it('are not answered', async () => {
    await connect();
    await program.say(channel.hookUrl, 'Beep', bot);
    expect(await runs()).toBe(0);
  });

  it('are answered so often in a row, until a person speaks', async () => {
    await connect({ access: { strangers: 'answer', programs: 'answer', limits: { programTurns: 2 } } });
    for (let at = 0; at < 4; at += 1) await program.say(channel.hookUrl, `Beep ${at}`, bot);
    const said = async () =>
      (
        await product.sql(
          `SELECT count(*)::int AS n FROM message m JOIN conversation c ON c.id = m.conversation_id WHERE c.channel_id = $1 AND m.role = 'user'`,
          [channel.id],
        )
      )[0].n;
    expect(await said()).toBe(2);
    await program.say(channel.hookUrl, 'What are you two at?', { sender: { id: 'ann' }, thread: 'bots' });
    await program.say(channel.hookUrl, 'Beep', bot);
    expect(await said()).toBe(4);
  });

  it('and people are not answered more often in a minute than is set', async () => {
    await connect({ access: { strangers: 'answer', limits: { messagesPerMinute: 3 } } });
    for (let at = 0; at < 6; at += 1) await program.say(channel.hookUrl, `Hello ${at}`);
    await expect
      .poll(async () => (await product.owner.get(`/v1/channels/${channel.id}`)).body.counts, {
        timeout: 120_000,
      })
      .toMatchObject({ received: 3, ignored: 3 });
  });
});

describe('routes', () => {
  const agentIn = async (thread: string): Promise<string> =>
    (
      await product.sql(
        `SELECT agent_id FROM conversation WHERE channel_id = $1 AND thread_key = $2 AND left_at IS NULL`,
        [channel.id, thread],
      )
    )[0]?.agent_id;

  it('choose the agent by person, group and keyword; a thread keeps it until a keyword or a command changes it', async () => {
    const [sales, research, boss] = await Promise.all(
      ['sales', 'research', 'boss'].map((name) =>
        createAgent(product.owner, { name: `${name} ${Date.now()}`, model: 'demo/guide' }),
      ),
    );
    await connect({
      access: { strangers: 'answer' },
      routes: [
        { when: { keyword: 'research' }, agentId: research },
        { when: { command: 'research' }, agentId: research },
        { when: { person: 'bob' }, agentId: boss },
        { when: { group: 'sales' }, agentId: sales },
      ],
    });
    await program.say(channel.hookUrl, 'Hello', from('ann'));
    expect(await agentIn('dm-ann')).toBe(channel.agentId);
    await program.say(channel.hookUrl, 'Hello', from('bob'));
    expect(await agentIn('dm-bob')).toBe(boss);
    const room = { thread: 'sales', group: 'sales', addressed: true };
    await program.say(channel.hookUrl, 'Hello', from('ann', room));
    expect(await agentIn('sales')).toBe(sales);
    await program.say(channel.hookUrl, 'Research: how tall is K2?', from('ann'));
    expect(await agentIn('dm-ann')).toBe(research);
    await program.say(channel.hookUrl, 'And Everest?', from('ann'));
    expect(await agentIn('dm-ann')).toBe(research);
    await program.say(channel.hookUrl, '/agent research', from('bob'));
    expect(await agentIn('dm-bob')).toBe(research);
    await program.say(channel.hookUrl, '/agent boss', from('bob'));
    expect(await agentIn('dm-bob')).toBe(research);
    await expect.poll(() => texts('dm-bob').join('\n')).toContain('no agent "boss"');
  });
});

describe('commands', () => {
  it('are answered in order, without a model', async () => {
    await connect();
    await program.say(channel.hookUrl, 'Hello');
    await untilShown(1);
    const calls = async () => (await product.sql('SELECT count(*)::int AS n FROM usage_entry'))[0].n;
    const before = await calls();
    for (const command of ['/status', '/usage', '/agent', '/stop', '/new', '/help'])
      await program.say(channel.hookUrl, command);
    await untilShown(7);
    expect(texts().slice(1)).toEqual([
      expect.stringContaining('waiting for you'),
      expect.stringMatching(/this month: 1 answer, \d+ tokens read/),
      expect.stringContaining('answers here'),
      expect.stringContaining('nothing to stop'),
      expect.stringContaining('new conversation begins'),
      expect.stringContaining('/usage'),
    ]);
    expect(await calls()).toBe(before);
    expect(await runs()).toBe(1);
  });

  it('/new forgets what was said; the conversation before stays readable', async () => {
    await connect();
    await program.say(channel.hookUrl, 'Hello');
    await program.say(channel.hookUrl, '/new');
    await program.say(channel.hookUrl, 'Hello again');
    const rows = await product.sql(
      `SELECT left_at IS NOT NULL AS gone, (SELECT count(*)::int FROM message m WHERE m.conversation_id = c.id AND m.role = 'user') AS said
       FROM conversation c WHERE channel_id = $1 ORDER BY id`,
      [channel.id],
    );
    expect(rows).toEqual([
      { gone: true, said: 1 },
      { gone: false, said: 1 },
    ]);
  });

  it('any other word after a slash is a message', async () => {
    await connect();
    await program.say(channel.hookUrl, '/etc/passwd, what is it?');
    expect(await runs()).toBe(1);
  });
});

describe('people', () => {
  it('are one over several channels when somebody says so', async () => {
    await connect();
    await program.say(channel.hookUrl, 'Hello', from('ann'));
    const first = channel;
    const other = await startProgram();
    try {
      channel = await connectProgram(product, other);
      await other.say(channel.hookUrl, 'Hello', from('a.miller'));
      const [second] = await identities();
      channel = first;
      const [ann] = await identities();
      const link = (personId: string, identityId: string) =>
        product.owner.expect(200, product.owner.post(`/v1/people/${personId}/identities`, { identityId }));
      const person = await link(ann.personId, second.id);
      expect(person.identities.map((each: { externalId: string }) => each.externalId)).toEqual([
        'ann',
        'a.miller',
      ]);
      expect((await product.owner.get(`/v1/people/${second.personId}`)).status).toBe(404);
      const apart = await product.owner.expect(
        200,
        product.owner.delete(`/v1/people/${person.id}/identities/${second.id}`),
      );
      expect(apart).toMatchObject({ name: 'a.miller', identities: [{ id: second.id }] });
      const renamed = product.owner.patch(`/v1/people/${person.id}`, { name: 'Ann Miller' });
      expect((await product.owner.expect(200, renamed)).name).toBe('Ann Miller');
    } finally {
      await other.close();
    }
  });

  it('of another team are not there', async () => {
    await connect();
    await program.say(channel.hookUrl, 'Hello', from('ann'));
    const [ann] = await identities();
    const stranger = await product.addTeam(`other ${Date.now()}`);
    for (const answer of [
      stranger.owner.get(`/v1/people/${ann.personId}`),
      stranger.owner.get(`/v1/channels/${channel.id}/identities`),
      stranger.owner.get(`/v1/channels/${channel.id}/traffic`),
      stranger.owner.patch(`/v1/channels/${channel.id}/identities/${ann.id}`, { status: 'blocked' }),
      stranger.owner.post(`/v1/channels/${channel.id}/pairings`, { code: 'ABCD-2345' }),
      stranger.owner.post(`/v1/channels/${channel.id}/test`),
      stranger.owner.delete(`/v1/channels/${channel.id}`),
    ])
      expect((await answer).status).toBe(404);
  });
});
