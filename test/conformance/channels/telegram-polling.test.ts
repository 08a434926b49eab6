/** Long polling against the fake: nothing is confirmed before it is stored, whatever goes wrong. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ChannelError, type InboundEvent, type InboundSink } from '@nightshift/channels';
import { telegram } from '@nightshift/channels/telegram';
import { createGuardedFetch } from '@nightshift/core/guarded-fetch';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type FakeTelegram, refusal, startTelegram } from '../../support/telegram/index.ts';

const { fetch } = createGuardedFetch({ allow: ['127.0.0.1'] });
const day = 24 * 60 * 60 * 1000;

let fake: FakeTelegram;
let stop: AbortController;
beforeEach(async () => {
  fake = await startTelegram();
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await fake.close();
});

/** An inbox that keeps what is stored, and the cursor with it. */
function createInbox(cursor: string | null = null) {
  const events: InboundEvent[] = [];
  let failures = 0;
  const sink: InboundSink = {
    get cursor() {
      return cursor;
    },
    async commit(stored, next) {
      if (failures > 0) {
        failures -= 1;
        throw new Error('another worker has taken over');
      }
      for (const event of stored)
        if (!events.some(({ externalId }) => externalId === event.externalId)) events.push(event);
      cursor = next ?? cursor;
    },
  };
  return {
    sink,
    events,
    texts: () => events.map((event) => ('text' in event ? event.text : event.type)),
    cursor: () => cursor,
    failNext: () => {
      failures += 1;
    },
  };
}

const connection = (token = fake.token) => ({
  credentials: telegram.credentials.parse({ token }),
  settings: telegram.settings.parse({ apiUrl: fake.url }),
  account: null,
});

function connect(inbox: ReturnType<typeof createInbox>, signal = stop.signal, token?: string) {
  let isConnected = false;
  const ended = telegram.connector!.connect(connection(token), inbox.sink, {
    fetch,
    signal,
    connected: () => {
      isConnected = true;
    },
  });
  // What it ends with is looked at by whoever waits for it.
  ended.catch(() => {});
  return { ended, isConnected: () => isConnected };
}

const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error) => error,
  );

it('is wanted where polling is chosen, which is the default', () => {
  const isWanted = telegram.connector!.isWanted!;
  expect([
    isWanted(telegram.settings.parse({})),
    isWanted(telegram.settings.parse({ receive: 'webhook' })),
  ]).toEqual([true, false]);
});

it('hands on what comes, in order, and confirms it after it was stored', async () => {
  await fake.say('one');
  const inbox = createInbox();
  const { ended, isConnected } = connect(inbox);
  await expect.poll(inbox.texts).toEqual(['one']);
  expect(isConnected()).toBe(true);
  await fake.say('two');
  await fake.say('three');
  await expect.poll(inbox.texts).toEqual(['one', 'two', 'three']);
  await expect.poll(fake.pending).toBe(0);
  stop.abort();
  await ended;
  expect(fake.lastArgs('getUpdates')).toMatchObject({
    timeout: 10,
    allowed_updates: ['message', 'edited_message', 'callback_query'],
  });
});

it('knows mentions from the first message on, though nobody has probed yet', async () => {
  await fake.deliver({
    message: {
      ...{ message_id: 5, date: 1, chat: { id: -100200300, type: 'supergroup', title: 'Sales' } },
      from: { id: 4711, is_bot: false, first_name: 'Ann' },
      text: '@Nightshift_Bot hello',
      entities: [{ type: 'mention', offset: 0, length: 15 }],
    },
  });
  const inbox = createInbox();
  connect(inbox);
  await expect.poll(() => inbox.events).toMatchObject([{ addressed: true, text: 'hello' }]);
});

it('does not confirm what was not stored: the next one gets it', async () => {
  await fake.say('one');
  const inbox = createInbox();
  inbox.failNext();
  expect(await failureOf(connect(inbox).ended)).toMatchObject({ message: 'another worker has taken over' });
  expect(fake.pending()).toBe(1);
  connect(inbox);
  await expect.poll(inbox.texts).toEqual(['one']);
});

it('goes on after the last stored update when another worker takes over, whatever was confirmed', async () => {
  const inbox = createInbox();
  const first = new AbortController();
  const { ended } = connect(inbox, first.signal);
  await fake.say('one');
  await expect.poll(inbox.texts).toEqual(['one']);
  first.abort();
  await ended;
  await fake.say('two');
  connect(inbox);
  await expect.poll(inbox.texts).toEqual(['one', 'two']);
});

it('begins anew with the cursor of another bot, and with one that is older than the ids of updates last', async () => {
  await fake.say('one');
  const [bot] = fake.token.split(':');
  for (const cursor of [`999:900000000:${Date.now()}`, `${bot}:900000000:${Date.now() - 7 * day}`]) {
    const inbox = createInbox(cursor);
    inbox.failNext();
    await failureOf(connect(inbox).ended);
    expect(fake.lastArgs('getUpdates')).not.toHaveProperty('offset');
  }
  const inbox = createInbox(`${bot}:900000000:${Date.now() - day}`);
  connect(inbox);
  await expect.poll(() => fake.lastArgs('getUpdates')).toHaveProperty('offset', 900000000);
});

it('puts the pictures of an album together, though the first of them wakes the poll', async () => {
  const inbox = createInbox();
  connect(inbox);
  const picture = (id: number, more: object = {}) =>
    fake.deliver({
      message: {
        ...{ message_id: id, date: 1, chat: { id: 4711, type: 'private' }, media_group_id: 'g1' },
        from: { id: 4711, is_bot: false, first_name: 'Ann' },
        photo: [{ file_id: `f${id}`, file_unique_id: `u${id}` }],
        ...more,
      },
    });
  await picture(1);
  await sleep(50);
  await picture(2, { caption: 'Which one?' });
  await picture(3);
  await expect.poll(() => inbox.events.length).toBe(1);
  await fake.say('And?');
  await expect
    .poll(() => inbox.events)
    .toMatchObject([
      {
        externalId: 'message:4711:1',
        messageId: '4711:2',
        text: 'Which one?',
        attachments: [
          { source: { file_id: 'f1' } },
          { source: { file_id: 'f2' } },
          { source: { file_id: 'f3' } },
        ],
      },
      { text: 'And?' },
    ]);
});

it('lets a button that was pressed look pressed', async () => {
  await fake.deliver({
    callback_query: {
      ...{ id: 'q1', data: 'yes', chat_instance: '1' },
      from: { id: 4711, is_bot: false, first_name: 'Ann' },
      message: { message_id: 3, date: 1, chat: { id: 4711, type: 'private' } },
    },
  });
  const inbox = createInbox();
  connect(inbox);
  await expect.poll(() => inbox.events).toMatchObject([{ type: 'action', value: 'yes' }]);
  await expect.poll(() => fake.answered).toEqual(['q1']);
});

it('goes past an update that is not as documented', async () => {
  await fake.deliver({ message: { message_id: 'none' } });
  await fake.say('one');
  const inbox = createInbox();
  connect(inbox);
  await expect.poll(inbox.texts).toEqual(['ignored', 'one']);
});

it('gets through updates that together are more than an answer may be', async () => {
  for (let each = 1; each <= 12; each += 1)
    await fake.say(`${each}`, {
      entities: [{ type: 'bold', offset: 0, length: 1, padding: 'x'.repeat(100_000) }],
    });
  const inbox = createInbox();
  connect(inbox);
  await expect.poll(() => inbox.texts().length).toBe(12);
  await expect.poll(fake.pending).toBe(0);
});

it('takes over from a webhook', async () => {
  await fetch(`${fake.url}/bot${fake.token}/setWebhook`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ url: 'https://other.example/hook' }),
  });
  const inbox = createInbox();
  connect(inbox);
  await expect.poll(() => fake.webhook()).toBeUndefined();
  await fake.say('one');
  await expect.poll(inbox.texts).toEqual(['one']);
});

it('says that somebody else polls with the token', async () => {
  const inbox = createInbox();
  const { ended, isConnected } = connect(inbox);
  await expect.poll(isConnected).toBe(true);
  await expect.poll(() => fake.lastArgs('getUpdates')).toMatchObject({ timeout: 10 });
  connect(createInbox());
  const error = (await failureOf(ended)) as ChannelError;
  expect(error).toBeInstanceOf(ChannelError);
  expect([error.kind, error.message]).toEqual(['retry', expect.stringContaining('Another program')]);
});

it('says that the token is refused, and that Telegram asks to wait', async () => {
  const refused = await failureOf(
    connect(createInbox(), stop.signal, '123456:AAAnotherTokenThatWasRevoked0000000').ended,
  );
  expect(refused).toMatchObject({ kind: 'auth' });
  fake.react(() => refusal(429, 'Too Many Requests: retry after 5', { retry_after: 5 }));
  expect(await failureOf(connect(createInbox()).ended)).toMatchObject({ kind: 'retry', retryAfterMs: 5_000 });
});

it('ends soon when it is told to, also in the middle of a poll', async () => {
  const { ended, isConnected } = connect(createInbox());
  await expect.poll(isConnected).toBe(true);
  stop.abort();
  await ended;
});
