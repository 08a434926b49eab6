/** Who is answered, and by whom, is what the channel says when something comes, whatever door it comes through. */
import { fieldRules } from '@nightshift/api/channel-fields';
import { adapterSource, builtInAdapters, type ChannelAdapter, channelCatalog } from '@nightshift/channels';
import { updateChannel } from '@nightshift/core/channels';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAgent, type Product, startProduct } from '../support/api/index.ts';
import {
  type Connected,
  connectProgram,
  connectWebChat,
  createPollChannel,
  type PolledMessage,
  type PollPlatform,
  type Program,
  startPollPlatform,
  startProgram,
  startVisitor,
} from '../support/channel/index.ts';

const polled = createPollChannel() as ChannelAdapter;
const adapters = {
  ...builtInAdapters,
  kinds: [...builtInAdapters.kinds, polled.kind],
  load: async (kind: string) => (await adapterSource([polled]).load(kind)) ?? builtInAdapters.load(kind),
};
const wait = { timeout: 60_000 };

let product: Product;

beforeAll(async () => {
  product = await startProduct({ adapters });
});
afterAll(() => product.close());

const patch = (id: string, change: object) =>
  product.owner.expect(200, product.owner.patch(`/v1/channels/${id}`, change));
const heldBy = (channelId: string) =>
  product.sql(
    `SELECT m.content->0->>'text' AS text, c.agent_id FROM message m JOIN conversation c ON c.id = m.conversation_id
     WHERE c.channel_id = $1 AND m.role = 'user' ORDER BY m.id`,
    [channelId],
  );
const textsIn = async (channelId: string): Promise<string[]> =>
  (await heldBy(channelId)).map(({ text }: { text: string }) => text);
/** As another process would, whose signal is lost. */
async function unseen(work: () => Promise<unknown>): Promise<void> {
  await product.sql('ALTER TABLE channel DISABLE TRIGGER channel_notify');
  await product.sql('ALTER TABLE channel DISABLE TRIGGER channel_version_notify');
  try {
    await work();
  } finally {
    await product.sql('ALTER TABLE channel ENABLE TRIGGER channel_notify');
    await product.sql('ALTER TABLE channel ENABLE TRIGGER channel_version_notify');
  }
}

/** A message comes through the door; whoever awaits it knows that it is decided. */
interface Door {
  id: string;
  agentId: string;
  say(text: string, more?: PolledMessage): Promise<unknown>;
}

let program: Program;
let platform: PollPlatform;
let hooked: Connected;

const doors = {
  async hook(more: object): Promise<Door> {
    hooked = await connectProgram(product, program, { ...more });
    return {
      id: hooked.id,
      agentId: hooked.agentId,
      say: (text, { from = 'ann', isBot, group, addressed, thread } = {}) =>
        program.post(hooked.hookUrl, {
          thread: thread ?? group ?? 'dm',
          sender: { id: from, isBot },
          text,
          ...(group && { group, addressed }),
        }),
    };
  },
  async connector(more: object): Promise<Door> {
    const agentId = await createAgent(product.owner);
    const settings = { url: program.receiver.url, pollUrl: platform.url };
    const body = { kind: 'test-poll', agentId, credentials: { token: 'the-token-0001' }, settings, ...more };
    const { id } = await product.owner.expect(201, product.owner.post('/v1/channels', body));
    let said = 0;
    return {
      id,
      agentId,
      async say(text, message) {
        platform.say(text, message);
        said += 1;
        await expect.poll(() => platform.offsets.at(-1), wait).toBe(said);
      },
    };
  },
};

beforeEach(async () => {
  program = await startProgram();
  platform = await startPollPlatform();
});
afterEach(async () => {
  for (const { id } of await product.sql('SELECT id FROM channel WHERE deleted_at IS NULL'))
    await product.owner.delete(`/v1/channels/${id}`);
  await program.close();
  await platform.close();
});

const open = { strangers: 'answer', groups: { answer: 'always', open: ['*'] } };

describe.each(['hook', 'connector'] as const)('through a %s', (door) => {
  const settings: [string, object, object, PolledMessage][] = [
    ['people', { strangers: 'ignore', people: ['ann'] }, { strangers: 'ignore', people: ['bob'] }, {}],
    ['strangers', { strangers: 'answer' }, { strangers: 'ignore' }, {}],
    ['groups', open, { ...open, groups: { answer: 'never' } }, { group: 'sales' }],
    ['mentions', open, { ...open, groups: { answer: 'addressed', open: ['*'] } }, { group: 'sales' }],
    [
      'open groups',
      { groups: { answer: 'always', open: ['sales'] } },
      { groups: { answer: 'always' } },
      { group: 'sales' },
    ],
    ['programs', { ...open, programs: 'answer' }, open, { isBot: true }],
    ['limits', open, { ...open, limits: { messagesPerMinute: 1 } }, {}],
  ];
  it.each(settings)('a change of %s counts for what comes next', async (...row) => {
    const [, before, after, message] = row;
    const worker = await product.startWorker({ adapters });
    const { id, say } = await doors[door]({ access: before });
    await say('one', message);
    await expect.poll(() => textsIn(id), wait).toEqual(['one']);
    await patch(id, { access: after });
    await say('two', message);
    expect(await textsIn(id)).toEqual(['one']);
    // And back again, over the same connection.
    await patch(id, { access: before });
    await say('three', message);
    await expect.poll(() => textsIn(id), wait).toEqual(['one', 'three']);
    const [{ epoch }] = await product.sql('SELECT epoch FROM channel WHERE id = $1', [id]);
    expect(epoch).toBe(door === 'hook' ? 0 : 1);
    await worker.close();
  });

  it('so does one of agent, routes and whom nobody answers any more', async () => {
    const worker = await product.startWorker({ adapters });
    const { id, agentId, say } = await doors[door]({ access: open });
    const [second, third] = [await createAgent(product.owner), await createAgent(product.owner)];
    const agents = async () => (await heldBy(id)).map((row: { agent_id: string }) => row.agent_id);
    await say('one', { thread: 'a' });
    await expect.poll(agents, wait).toEqual([agentId]);
    await patch(id, { agentId: second });
    await say('two', { thread: 'b' });
    await expect.poll(agents, wait).toEqual([agentId, second]);
    await patch(id, { routes: [{ when: { person: 'ann' }, agentId: third }] });
    await say('three', { thread: 'c' });
    await expect.poll(agents, wait).toEqual([agentId, second, third]);
    const [ann] = (await product.owner.get(`/v1/channels/${id}/identities`)).body.data;
    const path = `/v1/channels/${id}/identities/${ann.id}`;
    await product.owner.expect(200, product.owner.patch(path, { status: 'blocked' }));
    await say('four', { thread: 'c' });
    expect(await textsIn(id)).toEqual(['one', 'two', 'three']);
    await worker.close();
  });

  it('whatever is changed in whatever order, only who may speak at that moment is heard', async () => {
    const worker = await product.startWorker({ adapters });
    // On a slow machine several messages come while one is answered, alike and quickly, as a program's would.
    const limits = { programTurns: 100 };
    const { id, say } = await doors[door]({ access: { strangers: 'ignore', limits } });
    const people = fc.subarray(['ann', 'bob', 'cid']);
    const step = fc.record({
      access: fc.option(fc.record({ people, strangers: fc.constantFrom('ignore', 'answer') }), {
        nil: undefined,
      }),
      from: fc.constantFrom('ann', 'bob', 'cid'),
    });
    let current = { people: [] as string[], strangers: 'ignore' };
    let nth = 0;
    const heard: string[] = [];
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 4 }), async (steps) => {
        for (const { access, from } of steps) {
          if (access) {
            current = access;
            await patch(id, { access: { ...access, limits } });
          }
          nth += 1;
          await say(`message ${nth}`, { from, thread: from });
          if (current.strangers === 'answer' || current.people.includes(from)) heard.push(`message ${nth}`);
        }
        await expect.poll(async () => (await textsIn(id)).sort(), wait).toEqual([...heard].sort());
      }),
      { numRuns: 12, endOnFailure: true },
    );
    await worker.close();
  });
});

describe('a change that another process made, and whose signal is lost', () => {
  it.each([
    ['access', `access = '{"strangers": "ignore"}'`],
    ['status', `status = 'paused'`],
  ])('of %s counts at the hook', async (_name, change) => {
    const { id, say } = await doors.hook({ access: open });
    await say('one');
    await say('two');
    await unseen(() => product.sql(`UPDATE channel SET ${change} WHERE id = $1`, [id]));
    await say('three');
    // Also from somebody who is new, which takes another way.
    await say('four', { from: 'bob', thread: 'b' });
    expect(await textsIn(id)).toEqual(['one', 'two']);
  });

  it('of the signing secret counts at the hook', async () => {
    const { id, say } = await doors.hook({ access: open });
    await say('one');
    const entry = channelCatalog.find(({ slug }) => slug === 'webhook');
    const rules = fieldRules((await builtInAdapters.load('webhook'))!, entry);
    const next = await startProgram();
    const change = { credentials: next.channel.credentials };
    await unseen(() => updateChannel(product.db, product.deps.kek, product.id, id, change, rules));
    expect(await say('two')).toMatchObject({ status: 401 });
    expect(
      await next.post(hooked.hookUrl, { thread: 'dm', sender: { id: 'ann' }, text: 'three' }, 'new'),
    ).toMatchObject({ status: 200 });
    expect(await textsIn(id)).toEqual(['one', 'three']);
    // What is signed with the new secret is taken, also when that is the first that comes.
    await unseen(() =>
      updateChannel(
        product.db,
        product.deps.kek,
        product.id,
        id,
        { credentials: program.channel.credentials },
        rules,
      ),
    );
    expect(await say('four')).toMatchObject({ status: 200 });
    await next.close();
  });

  it('of a deletion counts at the hook', async () => {
    const { id, say } = await doors.hook({ access: open });
    await say('one');
    await unseen(() => product.sql('UPDATE channel SET deleted_at = now() WHERE id = $1', [id]));
    expect(await say('two')).toMatchObject({ status: 404 });
    expect(await textsIn(id)).toEqual(['one']);
  });

  it.each([
    ['access', `access = '{"strangers": "ignore"}'`, 403],
    ['status', `status = 'paused'`, 503],
    ['pages', `settings = jsonb_set(settings, '{origins}', '["https://other.example"]')`, 403],
    ['deletion', 'deleted_at = now()', 404],
  ])('of %s counts in a web chat', async (_name, change, status) => {
    const chat = await connectWebChat(product.owner, await createAgent(product.owner));
    const visitor = await startVisitor(product.url, chat);
    await product.owner.expect(202, visitor.say('one'));
    await unseen(() => product.sql(`UPDATE channel SET ${change} WHERE id = $1`, [chat.id]));
    expect((await visitor.say('two')).status).toBe(status);
    expect(await textsIn(chat.id)).toEqual(['one']);
  });
});

it('changes while many messages come: what is sent after the change is decided by it', async () => {
  const { id, say } = await doors.hook({ access: open });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 12 }), async (crowd) => {
      await patch(id, { access: open });
      const before = Array.from({ length: crowd }, (_, nth) =>
        say(`early ${nth}`, { thread: `t${nth % 3}` }),
      );
      await patch(id, { access: { strangers: 'ignore' } });
      const after = Array.from({ length: crowd }, (_, nth) =>
        say('late', { from: `p${nth}`, thread: `t${nth % 3}` }),
      );
      await Promise.all([...before, ...after]);
      expect((await textsIn(id)).filter((text) => text === 'late')).toEqual([]);
    }),
    { numRuns: 10 },
  );
});
