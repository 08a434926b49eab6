/** Socket Mode, against a WebSocket server on loopback. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChannelError, InboundEvent } from '@nightshift/channels';
import { slack } from '@nightshift/channels/slack';
import { createGuardedFetch } from '@nightshift/core/guarded-fetch';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type FakeSlack, startFakeSlack, tokens } from '../../support/slack/index.ts';
import { recordings } from './slack-recordings.ts';

let fake: FakeSlack;
let stop: AbortController;
let committed: InboundEvent[];
let commit: (events: readonly InboundEvent[]) => Promise<void>;
let greeted: number;
/** Of `connect`: undefined while it runs, null when it returned. */
let end: ChannelError | Error | null | undefined;

const { fetch } = createGuardedFetch({ allow: ['127.0.0.1'] });

function connect(more: { appToken?: string; apiUrl?: string } = {}): Promise<void> {
  const { appToken = tokens.app, apiUrl = fake.url } = more;
  const connection = {
    credentials: slack.credentials.parse({ botToken: tokens.bot, appToken }),
    settings: slack.settings.parse({ apiUrl }),
    account: null,
  };
  const sink = {
    cursor: null,
    commit: async (events: readonly InboundEvent[]) => {
      await commit(events);
      committed.push(...events);
    },
  };
  const connected = () => {
    greeted += 1;
  };
  return slack.connector!.connect(connection, sink, { fetch, signal: stop.signal, connected }).then(
    () => {
      end = null;
    },
    (error) => {
      end = error;
    },
  );
}

beforeEach(async () => {
  fake = await startFakeSlack();
  stop = new AbortController();
  committed = [];
  commit = async () => {};
  greeted = 0;
  end = undefined;
});
afterEach(async () => {
  stop.abort();
  await fake.close();
});

const payloadOf = (name: string) => JSON.parse(recordings.find((each) => each.name === name)!.body);
const said = (at: number) => {
  const payload = payloadOf('a direct message');
  return { ...payload, event: { ...payload.event, ts: `1735689600.${String(at).padStart(6, '0')}` } };
};
const hasGreeted = (times = 1) => expect.poll(() => greeted).toBe(times);

it('is wanted where the settings say so', () => {
  const { isWanted } = slack.connector!;
  expect(isWanted!(slack.settings.parse({}))).toBe(true);
  expect(isWanted!(slack.settings.parse({ mode: 'http' }))).toBe(false);
});

it('hands on messages, commands and buttons, and acknowledges each', async () => {
  void connect();
  await hasGreeted();
  const form = (name: string) =>
    Object.fromEntries(new URLSearchParams(recordings.find((each) => each.name === name)!.body));
  const ids = [
    fake.sockets.deliver('events_api', said(1)),
    fake.sockets.deliver('slash_commands', form('the command in a room')),
    fake.sockets.deliver('interactive', JSON.parse(form('a button').payload!)),
  ];
  await expect.poll(() => fake.sockets.acked).toEqual(ids);
  expect(committed).toMatchObject([
    { type: 'message', threadKey: 'D0ANN' },
    { type: 'message', text: 'tell @bob & all' },
    { type: 'action', value: 'yes' },
  ]);
});

it('acknowledges nothing before it is committed, keeps the order, and commits together what comes meanwhile', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const batches: number[] = [];
  commit = async (events) => {
    batches.push(events.length);
    await promise;
  };
  void connect();
  await hasGreeted();
  const ids = [1, 2, 3, 4].map((at) => fake.sockets.deliver('events_api', said(at)));
  await expect.poll(() => batches).toHaveLength(1);
  expect(fake.sockets.acked).toEqual([]);
  resolve();
  await expect.poll(() => fake.sockets.acked).toEqual(ids);
  expect(committed.map(({ externalId }) => externalId)).toEqual(
    [1, 2, 3, 4].map((at) => `T0ACME:D0ANN:1735689600.00000${at}`),
  );
  expect(batches.length).toBeLessThan(4);
});

it('ends with what the commit threw, and acknowledges nothing of it', async () => {
  commit = async () => {
    throw new Error('Another worker has taken over.');
  };
  const done = connect();
  await hasGreeted();
  fake.sockets.deliver('events_api', said(1));
  await done;
  expect(end).toMatchObject({ message: 'Another worker has taken over.' });
  await expect.poll(() => fake.sockets.open).toEqual([]);
  expect(fake.sockets.acked).toEqual([]);
});

it('opens a second connection before it leaves one that Slack replaces, and loses nothing between', async () => {
  void connect();
  await hasGreeted();
  const [first] = fake.sockets.open;
  let left = false;
  first!.on('close', () => {
    left = true;
  });
  fake.sockets.send({ type: 'disconnect', reason: 'warning', debug_info: { host: 'applink-1' } });
  const late = fake.sockets.deliver('events_api', said(1), first);
  await expect.poll(() => fake.sockets.acked).toEqual([late]);
  await hasGreeted(2);
  await expect.poll(() => left).toBe(true);
  const next = fake.sockets.deliver('events_api', said(2));
  await expect.poll(() => fake.sockets.acked).toEqual([late, next]);
  expect(fake.sockets.count()).toBe(2);
  expect(end).toBeUndefined();
});

it('does not hurry where Slack replaces each connection at once', async () => {
  void connect();
  const began = performance.now();
  for (let times = 1; times <= 3; times += 1) {
    await hasGreeted(times);
    fake.sockets.send({ type: 'disconnect', reason: 'refresh_requested' });
  }
  expect(performance.now() - began).toBeGreaterThan(1_500);
});

it('ends when the connection breaks off, to be called again', async () => {
  const done = connect();
  await hasGreeted();
  fake.sockets.open[0]!.terminate();
  await done;
  expect(end).toMatchObject({ kind: 'retry' });
});

it('stops trying when Socket Mode is turned off, or the token is refused', async () => {
  const done = connect();
  await hasGreeted();
  fake.sockets.send({ type: 'disconnect', reason: 'link_disabled' });
  await done;
  expect(end).toMatchObject({ kind: 'auth', message: 'Socket Mode is turned off for the app.' });
  await connect({ appToken: 'xapp-1-other' });
  expect(end).toMatchObject({ kind: 'auth' });
});

it.each([
  ['a rate limit', { status: 429, headers: { 'retry-after': '7' } }, { kind: 'retry', retryAfterMs: 7_000 }],
  ['trouble at Slack', { status: 500 }, { kind: 'ambiguous' }],
])('says when it cannot connect: %s', async (_what, reaction, expected) => {
  fake.react(() => reaction);
  await connect();
  expect(end).toMatchObject(expected);
});

it('says when there is no socket at the address that it is given', async () => {
  const body = '{"ok":true,"url":"ws://127.0.0.1:1/link"}';
  fake.react(() => ({ status: 200, body }));
  await connect();
  expect(end).toMatchObject({ kind: 'retry' });
});

it('returns when it is told to stop, with what came stored and acknowledged', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const commits = vi.fn(() => promise);
  commit = commits;
  const done = connect();
  await hasGreeted();
  const id = fake.sockets.deliver('events_api', said(1));
  await expect.poll(() => commits.mock.calls).toHaveLength(1);
  stop.abort();
  // Long enough for whoever does not wait.
  await sleep(100);
  expect(end).toBeUndefined();
  expect(fake.sockets.acked).toEqual([]);
  resolve();
  await done;
  expect(end).toBeNull();
  await expect.poll(() => fake.sockets.acked).toEqual([id]);
  await expect.poll(() => fake.sockets.open).toEqual([]);
});

it('returns at once when it is told to stop while it connects', async () => {
  fake.react(() => 'hang');
  const done = connect();
  await expect.poll(() => fake.calls).toEqual(['apps.connections.open']);
  stop.abort();
  await done;
  expect(end).toBeNull();
});

it('survives frames that make no sense, acknowledges what has an id, and goes on', async () => {
  void connect();
  await hasGreeted();
  for (const frame of ['{', 'not json', { type: 'hello' }, { type: 'events_api' }]) fake.sockets.send(frame);
  const ids = [
    fake.sockets.deliver('events_api', payloadOf('that Slack holds events back')),
    fake.sockets.deliver('events_api', { type: 'event_callback' }),
    fake.sockets.deliver('events_api', null),
    fake.sockets.deliver('interactive', 'text'),
    fake.sockets.deliver('unheard_of', {}),
    fake.sockets.deliver('events_api', said(1)),
  ];
  await expect.poll(() => fake.sockets.acked.filter(Boolean)).toEqual(ids);
  expect(committed.at(-1)).toMatchObject({ type: 'message' });
  expect(committed.slice(0, -1).every(({ type }) => type === 'ignored')).toBe(true);
  expect(end).toBeUndefined();
});

it('ends, rather than the process, over a frame that the library does not survive', async () => {
  const done = connect();
  await hasGreeted();
  fake.sockets.send('null');
  await done;
  expect(end).toBeInstanceOf(Error);
});
