/** Nothing is lost or doubled between people and agents when workers are killed, or when the platforms are away. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { createAgent } from '../support/api/talk.ts';
import { assertNothingLost, echoMarks, marksIn } from '../support/faults/index.ts';
import { startTestCluster, type TestCluster } from '../support/faults/test-cluster.ts';
import { callback, posted, startFakeSlack, tokens } from '../support/slack/index.ts';
import { startTelegram } from '../support/telegram/index.ts';

/** A chat of Ann's with the agent on a platform. */
interface Chat {
  /** In the marks of what is said here. */
  number: number;
  channelId: string;
  /** Resolves once the platform has it, or knows that we have. */
  say(text: string): Promise<void>;
  /** What she reads, oldest first. */
  shown(): string[];
  shut(): Promise<void>;
  open(): Promise<void>;
  close(): Promise<void>;
}

let cluster: TestCluster;
let chats: Chat[];

beforeAll(async () => {
  cluster = await startTestCluster({ workers: 2, env: { OUTBOUND_ALLOW: '127.0.0.1' } });
});
beforeEach(async () => {
  chats = await Promise.all([chatOnTelegram(), chatOnSlack()]);
});
afterEach(() => Promise.all(chats.map((chat) => chat.close())));
afterAll(() => cluster.close());

async function connect(kind: string, credentials: object, settings: object): Promise<string> {
  const { owner } = cluster;
  const agentId = await createAgent(owner, { model: cluster.model, queueMode: 'followup' });
  // She writes faster, and more alike, than people do.
  const access = { strangers: 'answer', limits: { messagesPerMinute: 1_000, programTurns: 100 } };
  // A live message that is cut off shows the beginning of an answer: tests of its own count those.
  const channel = { kind, credentials, settings, agentId, access, live: false };
  return (await owner.expect(201, owner.post('/v1/channels', channel))).id;
}

async function chatOnTelegram(): Promise<Chat> {
  const fake = await startTelegram();
  return {
    number: 0,
    channelId: await connect('telegram', { token: fake.token }, { apiUrl: fake.url }),
    say: async (text) => void (await fake.say(text)),
    shown: () => fake.shown().map(({ text }) => text),
    shut: fake.shut,
    open: fake.open,
    close: fake.close,
  };
}

async function chatOnSlack(): Promise<Chat> {
  const fake = await startFakeSlack();
  const escaped = (text: string) => text.replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const read = (text: string) => text.replaceAll('&lt;', '<').replaceAll('&gt;', '>');
  return {
    number: 1,
    channelId: await connect('slack', { botToken: tokens.bot, appToken: tokens.app }, { apiUrl: fake.url }),
    say: (text) => fake.sockets.deliverSurely('events_api', callback(posted(escaped(text)))),
    shown: () => fake.messages.map(({ text }) => read(text)),
    shut: fake.shut,
    open: fake.open,
    close: fake.close,
  };
}

/** @returns what was said: each message has a mark of its own */
async function talk(chat: Chat, messages: number): Promise<string[]> {
  const marks = Array.from({ length: messages }, (_, at) => `<c${chat.number}-${at}>`);
  for (const mark of marks) {
    await chat.say(`Message ${mark}`);
    await sleep(100);
  }
  return marks;
}

const stored = (chat: Chat) =>
  cluster.sql(
    `SELECT m.id AS "messageId", m.conversation_id AS "conversationId", m.run_id AS "runId", m.content->0->>'text' AS mark
     FROM message m JOIN conversation c ON c.id = m.conversation_id WHERE c.channel_id = $1 AND m.role = 'user' ORDER BY m.seq`,
    [chat.channelId],
  );
const traffic = async ({ channelId }: Chat) =>
  (await cluster.owner.expect(200, cluster.owner.get(`/v1/channels/${channelId}/traffic?limit=200`)))
    .outbound;

/** Everything that was said is stored once and in order, answered once, and every answer was told once and in order. */
async function assertAllAnswered(chat: Chat, marks: readonly string[]): Promise<void> {
  await vi.waitFor(async () => expect(await stored(chat)).toHaveLength(marks.length), {
    timeout: 120_000,
    interval: 200,
  });
  const sent = (await stored(chat)).map((row) => ({ ...row, mark: marksIn(row.mark)[0]! }));
  expect(sent.map(({ mark }) => mark)).toEqual(marks);
  await assertNothingLost(cluster, sent);
  const isOver = ({ status }: { status: string }) => status === 'sent' || status === 'unknown';
  await vi.waitFor(async () => expect((await traffic(chat)).every(isOver)).toBe(true), {
    timeout: 120_000,
    interval: 200,
  });
  const shown = chat.shown().flatMap(marksIn);
  expect(new Set(shown).size).toBe(shown.length);
  expect(shown).toEqual(marks.filter((mark) => shown.includes(mark)));
  // A worker that dies between a send and its mark does not know whether it arrived: its owner is shown that.
  const outcomes = await traffic(chat);
  for (const { runId } of sent.filter(({ mark }) => !shown.includes(mark)))
    expect(outcomes.find((delivery: { runId: string }) => delivery.runId === runId)?.status).toBe('unknown');
}

it('workers that are killed while messages come in and answers go out', { timeout: 180_000 }, async () => {
  cluster.server.script(echoMarks({ delayMs: 200 }));
  const talking = Promise.all(chats.map((chat) => talk(chat, 30)));
  // How many answers there are depends on how many messages a poll brings at once: they join one run.
  for (const chat of chats)
    await vi.waitFor(() => expect(chat.shown().length).toBeGreaterThan(0), { timeout: 60_000 });
  const before = cluster.workers;
  await Promise.all([
    cluster.startWorker(),
    cluster.startWorker(),
    ...before.map((worker) => worker.end('SIGKILL')),
  ]);
  const marks = await talking;
  for (const [at, chat] of chats.entries()) await assertAllAnswered(chat, marks[at]!);
});

it('platforms that nobody reaches for a while', { timeout: 180_000 }, async () => {
  const held = Promise.withResolvers<void>();
  const echo = echoMarks();
  cluster.server.script((request) => ({ ...echo(request), after: held.promise }));
  const first = await Promise.all(chats.map((chat) => talk(chat, 3)));
  for (const chat of chats)
    await vi.waitFor(async () => expect(await stored(chat)).toHaveLength(3), {
      timeout: 120_000,
      interval: 100,
    });
  await Promise.all(chats.map((chat) => chat.shut()));
  held.resolve();
  // The answers wait, and are tried again and again.
  for (const chat of chats)
    await vi.waitFor(
      async () =>
        expect((await traffic(chat)).at(-1)).toMatchObject({
          status: 'pending',
          attempts: expect.toSatisfy((n: number) => n >= 3),
        }),
      { timeout: 60_000, interval: 200 },
    );
  await Promise.all(chats.map((chat) => chat.open()));
  for (const [at, chat] of chats.entries()) {
    await chat.say(`Message <c${chat.number}-3>`);
    await assertAllAnswered(chat, [...first[at]!, `<c${chat.number}-3>`]);
    for (const { status } of await traffic(chat)) expect(status).toBe('sent');
  }
});
