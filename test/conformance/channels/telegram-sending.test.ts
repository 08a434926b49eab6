/** What people on Telegram see of what is sent, and what a probe finds. */
import type { ChannelError } from '@nightshift/channels';
import { telegram } from '@nightshift/channels/telegram';
import type { Address } from '@nightshift/contracts';
import { createGuardedFetch } from '@nightshift/core/guarded-fetch';
import { afterEach, describe, expect, it } from 'vitest';
import { startReceiver } from '../../support/channel/index.ts';
import {
  type FakeTelegram,
  refusal,
  startTelegram,
  type TelegramOptions,
} from '../../support/telegram/index.ts';

const { fetch } = createGuardedFetch({ allow: ['127.0.0.1'], maxBytes: 30 * 1024 * 1024 });
const hookUrl = 'https://nightshift.example/v1/hooks/key';
const context = {
  fetch,
  signal: AbortSignal.timeout(60_000),
  idempotencyKey: 'delivery:0',
  hookUrl,
  maxBytes: 20 * 1024 * 1024,
};
const direct = { chat_id: '4711', message_id: '21' };
const group = { chat_id: '-100200300', message_id: '21' };

let fake: FakeTelegram;
afterEach(() => fake.close());

async function start(options: TelegramOptions & { receive?: string } = {}) {
  fake = await startTelegram(options);
  return {
    credentials: telegram.credentials.parse({ token: fake.token }),
    settings: telegram.settings.parse({ apiUrl: `${fake.url}/`, receive: options.receive ?? 'polling' }),
    account: null,
  };
}

const failureOf = (promise: Promise<unknown>): Promise<ChannelError> =>
  promise.then(
    () => expect.unreachable('it did not fail'),
    (error) => error,
  );

describe('a message', () => {
  it('is sent with its entities, and without a preview that would fetch its links', async () => {
    const connection = await start();
    const entities = [
      { type: 'bold', offset: 0, length: 2 },
      { type: 'text_link', offset: 3, length: 4, url: 'https://example.com/' },
      { type: 'pre', offset: 8, length: 1, language: 'ts' },
    ] as const;
    await telegram.send({ text: '👋 link x', entities }, direct, connection, context);
    expect(fake.shown()).toMatchObject([{ text: '👋 link x', entities }]);
    expect(fake.lastArgs('sendMessage')).toMatchObject({ link_preview_options: { is_disabled: true } });
    expect(fake.lastArgs('sendMessage')).not.toHaveProperty('parse_mode');
  });

  it('shows in a group what it answers, in its topic', async () => {
    const connection = await start();
    await telegram.send({ text: 'Yes' }, group, connection, context);
    await telegram.send(
      { text: 'No' },
      { chat_id: '-100500600', message_thread_id: '7' },
      connection,
      context,
    );
    await telegram.send({ text: 'Well' }, direct, connection, context);
    expect(fake.shown().map(({ text, to, answers }) => [text, to, answers])).toEqual([
      ['Yes', { chat_id: '-100200300' }, 21],
      ['No', { chat_id: '-100500600', message_thread_id: '7' }, undefined],
      ['Well', { chat_id: '4711' }, undefined],
    ]);
  });

  it('notifies nobody by a name in it', async () => {
    const connection = await start();
    const text = 'Ask @ann or (@bob), mail a@b.example, run @cmd, see x';
    const entities = [
      { type: 'code', offset: text.indexOf('@cmd'), length: 4 },
      { type: 'text_link', offset: text.length - 1, length: 1, url: 'tg://user?id=4711' },
    ] as const;
    await telegram.send({ text, entities }, group, connection, context);
    const [shown] = fake.shown();
    expect(shown!.pings).toEqual([]);
    expect(shown!.text).toBe('Ask ＠ann or (＠bob), mail a@b.example, run @cmd, see x');
    expect(shown!.entities).toEqual([entities[0]]);
  });

  it('has buttons, few of them in one row, whose values come back', async () => {
    const connection = await start();
    const buttons = [
      { label: 'Yes', value: 'approve:1' },
      { label: 'No', value: 'deny:1' },
    ];
    await telegram.send({ text: 'May I?', buttons }, direct, connection, context);
    expect(fake.lastArgs('sendMessage')?.reply_markup).toEqual({
      inline_keyboard: [
        [
          { text: 'Yes', callback_data: 'approve:1' },
          { text: 'No', callback_data: 'deny:1' },
        ],
      ],
    });
    const long = [{ label: 'x'.repeat(31), value: 'ü'.repeat(32) }, ...buttons];
    await telegram.send({ text: 'May I?', buttons: long }, direct, connection, context);
    expect(fake.lastArgs('sendMessage')).toMatchObject({
      reply_markup: { inline_keyboard: [[{ text: long[0]!.label }], [{ text: 'Yes' }], [{ text: 'No' }]] },
    });
    const tooLong = [{ label: 'Yes', value: 'ü'.repeat(33) }];
    const error = await failureOf(
      telegram.send({ text: 'May I?', buttons: tooLong }, direct, connection, context),
    );
    expect(error.kind).toBe('rejected');
  });

  it('loses its buttons by an edit without any, and an edit to the same is none', async () => {
    const connection = await start();
    const buttons = [{ label: 'Yes', value: 'yes' }];
    const sent = await telegram.send({ text: 'May I?', buttons }, direct, connection, context);
    for (let time = 1; time <= 2; time += 1)
      await telegram.edit!({ text: 'I may.' }, sent, direct, connection, context);
    expect(fake.shown()).toMatchObject([{ text: 'I may.', buttons: [] }]);
    const gone = telegram.edit!({ text: 'x' }, { ...sent, message_id: 1 }, direct, connection, context);
    expect(await failureOf(gone)).toMatchObject({ kind: 'gone' });
  });

  it('follows a group that became a supergroup, and is edited there', async () => {
    const old = { id: -55, type: 'group', movedTo: -100200300 } as const;
    const connection = await start({ chats: [old, { id: -100200300, type: 'supergroup' }] });
    const to: Address = { chat_id: '-55', message_id: '21' };
    const sent = await telegram.send({ text: 'Hello' }, to, connection, context);
    expect(sent).toMatchObject({ chat_id: '-100200300' });
    await telegram.edit!({ text: 'Hello again' }, sent, to, connection, context);
    expect(fake.shown()).toMatchObject([{ text: 'Hello again', to: { chat_id: '-100200300' } }]);
    // Ids of messages of the old group name others in the new one.
    expect(fake.shown()[0]).not.toHaveProperty('answers');
  });

  it('is refused in words', async () => {
    const chats = [{ id: 4711, type: 'private', forbidden: 'bot was blocked by the user' }] as const;
    const connection = await start({ chats });
    const error = await failureOf(telegram.send({ text: 'Hello' }, direct, connection, context));
    expect(error).toMatchObject({
      kind: 'rejected',
      message: 'The person has blocked the bot. (Telegram: Forbidden: bot was blocked by the user)',
    });
    fake.react(() => refusal(429, 'Too Many Requests: retry after 9', { retry_after: 9 }));
    const wait = await failureOf(telegram.send({ text: 'Hello' }, direct, connection, context));
    expect(wait).toMatchObject({ kind: 'retry', retryAfterMs: 9_000, pauses: 'thread' });
  });

  it('tells no secret, though the answer does', async () => {
    const connection = await start();
    fake.react(() => refusal(400, `Bad Request: ${fake.token} ${connection.credentials.webhookSecret}`));
    const { message } = await failureOf(telegram.send({ text: 'Hello' }, direct, connection, context));
    expect(message).not.toContain(fake.token);
    expect(message).not.toContain(connection.credentials.webhookSecret);
  });
});

describe('other signs', () => {
  it('reacts with what Telegram knows, however a keyboard writes it', async () => {
    const connection = await start();
    const { message_id } = await telegram.send({ text: 'Hello' }, direct, connection, context);
    const to = { chat_id: '4711', message_id: String(message_id) };
    for (const emoji of ['👀', '❤️', '👍']) await telegram.react!(emoji, to, connection, context);
    expect(fake.shown()[0]!.reactions).toEqual(['👀', '❤', '👍']);
    const unknown = telegram.react!('✅', to, connection, context);
    expect(await failureOf(unknown)).toMatchObject({ kind: 'rejected' });
    const nowhere = telegram.react!('👍', { chat_id: '4711' }, connection, context);
    expect(await failureOf(nowhere)).toMatchObject({ kind: 'rejected' });
  });

  it('shows in a topic that it is writing', async () => {
    const connection = await start();
    await telegram.typing!(
      { chat_id: '-100500600', message_thread_id: '7', message_id: '3' },
      connection,
      context,
    );
    expect(fake.lastArgs('sendChatAction')).toEqual({
      chat_id: '-100500600',
      message_thread_id: 7,
      action: 'typing',
    });
  });
});

describe('files', () => {
  it('go out as they are, under their name', async () => {
    const connection = await start();
    const data = Buffer.from([0, 13, 10, 45, 45, 255]);
    const names = ['plän 1.bin', 'a;b"c\r\n/../d.txt'];
    for (const name of names)
      await telegram.sendFile!({ name, mediaType: 'application/x-test', data }, group, connection, context);
    expect(fake.shown().map(({ file }) => file?.name)).toEqual(['plän 1.bin', 'a_b_c_.._d.txt']);
    for (const { file, answers } of fake.shown())
      expect([file!.data.equals(data), answers]).toEqual([true, 21]);
  });

  it('come in from where Telegram keeps them', async () => {
    const file = Buffer.from('%PDF-1.7');
    const connection = await start({ files: new Map([['doc1', file]]) });
    const attachment = { name: 'a.pdf', mediaType: 'application/pdf', bytes: 8, source: { file_id: 'doc1' } };
    const { data } = await telegram.download!(attachment, connection, context);
    expect(Buffer.from(data).equals(file)).toBe(true);
    const tooSmall = telegram.download!(attachment, connection, { ...context, maxBytes: 7 });
    expect(await failureOf(tooSmall)).toMatchObject({ kind: 'rejected' });
    const missing = telegram.download!({ ...attachment, source: { file_id: 'doc2' } }, connection, context);
    expect(await failureOf(missing)).toMatchObject({ kind: 'rejected' });
  });

  it('are refused beyond what bots may fetch', async () => {
    const connection = await start({ files: new Map([['big', Buffer.alloc(20 * 1024 * 1024 + 1)]]) });
    const attachment = { name: 'a', mediaType: 'video/mp4', bytes: null, source: { file_id: 'big' } };
    const error = await failureOf(telegram.download!(attachment, connection, context));
    expect([error.kind, error.message]).toEqual(['rejected', expect.stringContaining('20 MB')]);
  });

  it.each(['/etc/passwd', '../bot1:x/getMe', 'a/../../b', 'https://evil.example/x', ''])(
    'are not fetched from the path "%s"',
    async (file_path) => {
      const connection = await start();
      fake.react(() => ({
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ok: true, result: { file_id: 'x', file_unique_id: 'x', file_path } }),
      }));
      const attachment = { name: 'a', mediaType: 'text/plain', bytes: null, source: { file_id: 'x' } };
      expect(await failureOf(telegram.download!(attachment, connection, context))).toMatchObject({
        kind: 'rejected',
      });
      expect(fake.calls).toEqual(['getFile']);
    },
  );
});

describe('a probe', () => {
  it('names the bot, and leaves polling alone', async () => {
    const connection = await start();
    expect(await telegram.probe(connection, context)).toEqual({
      account: { id: '123456', name: '@nightshift_bot' },
      problems: [],
    });
    expect(fake.calls).not.toContain('setWebhook');
  });

  it('registers the webhook with its secret; what comes there is verified and read', async () => {
    const connection = await start({ receive: 'webhook' });
    const receiver = await startReceiver();
    try {
      const here = { ...context, hookUrl: `${receiver.url}/v1/hooks/key` };
      expect((await telegram.probe(connection, here)).problems).toEqual([]);
      expect(fake.lastArgs('setWebhook')).toMatchObject({
        allowed_updates: ['message', 'edited_message', 'callback_query'],
      });
      await fake.say('Hello');
      const [{ headers, raw }] = receiver.received as [(typeof receiver.received)[number]];
      const request = {
        method: 'POST' as const,
        url: here.hookUrl,
        headers: headers as Record<string, string>,
        body: Buffer.from(raw),
      };
      expect(await telegram.hook!.verify(request, connection, { ...context, now: Date.now() })).toEqual({
        ok: true,
      });
      expect(telegram.hook!.parse(request, connection)).toMatchObject([{ text: 'Hello' }]);
      expect(telegram.hook!.answer!(request, connection)).toEqual({ status: 200 });
    } finally {
      await receiver.close();
    }
  });

  it('answers a pressed button in the answer to the request', async () => {
    const connection = await start({ receive: 'webhook' });
    const receiver = await startReceiver();
    try {
      receiver.react(({ headers, raw }) => {
        const request = {
          method: 'POST' as const,
          url: receiver.url,
          headers: headers as Record<string, string>,
          body: Buffer.from(raw),
        };
        return telegram.hook!.answer!(request, connection);
      });
      await telegram.probe(connection, { ...context, hookUrl: receiver.url });
      await fake.deliver({
        callback_query: { id: 'q7', from: { id: 4711, is_bot: false, first_name: 'Ann' }, data: 'yes' },
      });
      expect(fake.answered).toEqual(['q7']);
    } finally {
      await receiver.close();
    }
  });

  it('says in words that Telegram does not take the address', async () => {
    const connection = await start({ receive: 'webhook' });
    const { problems } = await telegram.probe(connection, {
      ...context,
      hookUrl: 'http://localhost:3000/v1/hooks/k',
    });
    expect(problems).toEqual([
      { message: expect.stringContaining('HTTPS URL'), fix: expect.stringContaining('polling') },
    ]);
  });

  it.each(['webhook', 'polling'])('says from whom it takes a bot over, once (%s)', async (receive) => {
    const connection = await start({ receive });
    const other = { ...connection, settings: { ...connection.settings, receive: 'webhook' as const } };
    await telegram.probe(other, { ...context, hookUrl: 'https://other.example/hook' });
    const { problems } = await telegram.probe(connection, context);
    expect(problems).toEqual([
      { message: expect.stringContaining('other.example'), fix: expect.any(String) },
    ]);
    expect((await telegram.probe(connection, context)).problems).toEqual([]);
    expect(fake.webhook()?.url).toBe(receive === 'webhook' ? hookUrl : undefined);
  });

  it('says that Telegram cannot reach us', async () => {
    const connection = await start({ receive: 'webhook' });
    const receiver = await startReceiver();
    receiver.react(() => ({ status: 500 }));
    try {
      const here = { ...context, hookUrl: receiver.url };
      await telegram.probe(connection, here);
      await fake.say('Hello');
      expect(receiver.received.length).toBeGreaterThan(1);
      const { problems } = await telegram.probe(connection, here);
      expect(problems).toEqual([
        { message: expect.stringContaining('Wrong response from the webhook: 500'), fix: expect.any(String) },
      ]);
    } finally {
      await receiver.close();
    }
  });
});

describe('what is stored', () => {
  it('has a webhook secret, made where none is given, that Telegram takes', async () => {
    const { credentials } = await start();
    expect(credentials.webhookSecret).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect((await start()).credentials.webhookSecret).not.toBe(credentials.webhookSecret);
  });

  it.each([
    '',
    '123456',
    'bot123456:AAFakeTokenOfTheTests_0123456789',
    '123456:short',
    '123456:AAFake Token/../getMe0000',
  ])('is not "%s" as a token', async (token) => {
    await start();
    expect(telegram.credentials.safeParse({ token }).success).toBe(false);
  });
});
