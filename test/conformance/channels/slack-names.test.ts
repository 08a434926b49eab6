/** What people and rooms are called, which Slack tells only when it is asked. */
import type { MessageEvent } from '@nightshift/channels';
import { createSlack } from '@nightshift/channels/slack';
import { createGuardedFetch } from '@nightshift/core/guarded-fetch';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  callback,
  channels,
  type FakeSlack,
  posted,
  signRequest,
  startFakeSlack,
  tokens,
} from '../../support/slack/index.ts';

const { fetch } = createGuardedFetch({ allow: ['127.0.0.1'] });
let fake: FakeSlack;
let slack: ReturnType<typeof createSlack>;

beforeEach(async () => {
  fake = await startFakeSlack();
  slack = createSlack();
});
afterEach(() => fake.close());

const connection = () => ({
  credentials: slack.credentials.parse({
    botToken: tokens.bot,
    appToken: tokens.app,
    signingSecret: tokens.secret,
  }),
  settings: slack.settings.parse({ mode: 'http', apiUrl: fake.url }),
  account: null,
});

/** As the api does it: first it is believed, then it is read. */
async function receive(text: string, more: object = {}): Promise<MessageEvent> {
  const request = signRequest(Buffer.from(JSON.stringify(callback(posted(text, more)))), Date.now());
  const context = { now: Date.now(), fetch, signal: AbortSignal.timeout(5_000) };
  expect(await slack.hook!.verify(request, connection(), context)).toEqual({ ok: true });
  const [event] = slack.hook!.parse(request, connection());
  expect(event).toMatchObject({ type: 'message' });
  return event as MessageEvent;
}

const inRoom = (channel: string, type: string) => ({ channel, channel_type: type });
const general = inRoom(channels.general, 'channel');

it('names the sender, those who are mentioned, and the room', async () => {
  const event = await receive('ask <@U0BOB>', general);
  expect(event).toMatchObject({
    sender: { id: 'U0ANN', name: 'Ann' },
    text: 'ask @Bob Ray',
    where: { kind: 'channel', name: '#general' },
  });
});

it('names the room of a thread and the author of its first message', async () => {
  const thread = { thread_ts: '1735689500.000200', parent_user_id: 'U0BOB' };
  expect(await receive('no', { ...inRoom('G0PRIVATE', 'group'), ...thread })).toMatchObject({
    where: { kind: 'thread', name: '#board' },
    quoted: { author: { name: 'Bob Ray', isSelf: false } },
  });
});

it('asks once, whoever writes how often', async () => {
  for (let at = 0; at < 3; at += 1) await receive('hello', general);
  await Promise.all([receive('hello', general), receive('hello', general)]);
  expect(fake.calls).toEqual(['users.info', 'conversations.info']);
});

it('asks nothing more once it lacks the permission, and reads the message all the same', async () => {
  fake.granted = [];
  for (const user of ['U0ANN', 'U0BOB', 'U0CLEO'])
    expect(await receive('hello', { ...general, user })).toMatchObject({
      text: 'hello',
      sender: { id: user, name: null },
      where: { kind: 'channel', name: null },
    });
  expect(fake.calls).toEqual(['users.info', 'conversations.info']);
});

it.each([
  ['does not know them', () => undefined, 'U0NOBODY'],
  ['asks to wait', () => ({ status: 429, headers: { 'retry-after': '60' } }), 'U0ANN'],
  ['breaks', () => ({ status: 500 }), 'U0ANN'],
  ['sends something else', () => ({ status: 200, body: '<html>' }), 'U0ANN'],
  ['does not answer', () => 'hang' as const, 'U0ANN'],
  ['drops the connection', () => 'drop' as const, 'U0ANN'],
])('reads the message without names where Slack %s, and does not ask at each', async (_how, react, user) => {
  fake.react(react);
  const room = inRoom('C0UNKNOWN', 'channel');
  for (let at = 0; at < 3; at += 1)
    expect(await receive('hello', { ...room, user })).toMatchObject({
      text: 'hello',
      sender: { name: null },
    });
  expect(fake.calls.length).toBe(2);
});

it('asks nothing for a request that is not believed', async () => {
  const request = signRequest(
    Buffer.from(JSON.stringify(callback(posted('x', general)))),
    Date.now(),
    'f'.repeat(32),
  );
  const context = { now: Date.now(), fetch, signal: AbortSignal.timeout(5_000) };
  expect(await slack.hook!.verify(request, connection(), context)).toMatchObject({ ok: false });
  expect(fake.calls).toEqual([]);
});

it('names them over the socket, too, in order', async () => {
  const stop = new AbortController();
  const committed: MessageEvent[] = [];
  const sink = {
    cursor: null,
    commit: async (events: readonly object[]) => void committed.push(...(events as MessageEvent[])),
  };
  let isConnected = false;
  const connected = () => {
    isConnected = true;
  };
  const settings = slack.settings.parse({ apiUrl: fake.url });
  const running = slack.connector!.connect({ ...connection(), settings }, sink, {
    fetch,
    signal: stop.signal,
    connected,
  });
  await expect.poll(() => isConnected).toBe(true);
  fake.sockets.deliver('events_api', callback(posted('one', general)));
  fake.sockets.deliver('events_api', callback(posted('two', { ...general, user: 'U0BOB' })));
  await expect.poll(() => committed.length).toBe(2);
  stop.abort();
  await running;
  expect(committed).toMatchObject([
    { text: 'one', sender: { name: 'Ann' }, where: { name: '#general' } },
    { text: 'two', sender: { name: 'Bob Ray' } },
  ]);
});
