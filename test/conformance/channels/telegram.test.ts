import { telegram } from '@nightshift/channels/telegram';
import { ann, refusal, startTelegram } from '../../support/telegram/index.ts';
import { describeChannel, type Peer } from './kit.ts';
import { recordings } from './telegram-recordings.ts';

const token = '123456:AAFakeTokenOfTheTests_0123456789-abc';
const webhookSecret = 'a-secret-that-telegram-sends-back-with-each-request';
const html = { status: 502, headers: { 'content-type': 'text/html' }, body: '<h1>502 Bad Gateway</h1>' };

const parse = (message: object) =>
  telegram.hook!.parse(
    {
      method: 'POST',
      url: 'https://nightshift.example/v1/hooks/key',
      headers: {},
      body: Buffer.from(
        JSON.stringify({
          update_id: 870000001,
          message: {
            ...{ message_id: 21, from: ann, chat: { id: ann.id, type: 'private' }, date: 1795348800 },
            ...message,
          },
        }),
      ),
    },
    {
      credentials: telegram.credentials.parse({ token, webhookSecret }),
      settings: telegram.settings.parse({}),
      account: null,
    },
  )[0]!;
const sales = { id: -100200300, title: 'Sales', type: 'supergroup' };

async function startPeer(): Promise<Peer> {
  const files = new Map<string, Buffer>();
  const fake = await startTelegram({ token, files });
  return {
    url: fake.url,
    requests: () => fake.calls.length,
    shown: () => fake.shown().map(({ text, to }) => ({ text, to })),
    offer({ name, mediaType, data }) {
      files.set('plan', Buffer.from(data));
      return { name, mediaType, bytes: null, source: { file_id: 'plan' } };
    },
    files: () => fake.shown().flatMap(({ file }) => file ?? []),
    reactions: () => fake.shown().flatMap(({ reactions }) => reactions),
    react: fake.react,
    shut: fake.shut,
    close: fake.close,
  };
}

describeChannel('telegram', {
  adapter: telegram,
  startPeer,
  connect: (url) => ({
    credentials: { token, webhookSecret },
    settings: { receive: 'webhook', apiUrl: url },
  }),
  to: { chat_id: '-100500600', message_thread_id: '7' },
  answering: ({ chat_id, message_id }) => ({ chat_id: String(chat_id), message_id: String(message_id) }),
  meaning: [
    [refusal(400, 'Bad Request: chat not found'), { kind: 'rejected' }],
    [refusal(400, 'Bad Request: message thread not found'), { kind: 'rejected' }],
    [refusal(401, 'Unauthorized'), { kind: 'auth' }],
    [refusal(403, 'Forbidden: bot was blocked by the user'), { kind: 'rejected' }],
    [refusal(404, 'Not Found'), { kind: 'auth' }],
    [{ status: 413, body: '<h1>Request Entity Too Large</h1>' }, { kind: 'rejected' }],
    [refusal(429, 'Too Many Requests: retry after 3', { retry_after: 3 }), { retryAfterMs: 3_000 }],
    [
      { status: 429, headers: { 'retry-after': '4' } },
      { kind: 'retry', retryAfterMs: 4_000 },
    ],
    [refusal(500, 'Internal Server Error: Request aborted'), { kind: 'ambiguous' }],
    [html, { kind: 'ambiguous' }],
    [{ ...html, status: 200 }, { kind: 'ambiguous' }],
    [{ status: 302, headers: { location: 'https://login.example/' } }, { kind: 'retry' }],
  ],
  examples: () => ({
    direct: parse({ text: 'Hello' }),
    room: parse({ chat: sales, text: 'Hello' }),
    quote: parse({
      chat: sales,
      text: 'Why?',
      reply_to_message: { message_id: 20, from: ann, chat: sales, date: 1, text: 'No.' },
    }),
    forward: parse({
      text: 'Wire 500 EUR.',
      forward_origin: { type: 'hidden_user', date: 1, sender_user_name: 'Ben' },
    }),
    unreadable: parse({ poll: { id: '1', question: 'When?' } }),
    mentionOfOthers: parse({
      chat: sales,
      text: '@ben look',
      entities: [{ type: 'mention', offset: 0, length: 4 }],
    }),
  }),
  rateLimit: refusal(429, 'Too Many Requests: retry after 7', { retry_after: 7 }),
  hook: {
    sign: (body) => ({
      method: 'POST',
      url: 'https://nightshift.example/v1/hooks/key',
      headers: { 'x-telegram-bot-api-secret-token': webhookSecret },
      body,
    }),
    signUnset: (body) => ({
      method: 'POST',
      url: 'https://nightshift.example/v1/hooks/key',
      headers: { 'x-telegram-bot-api-secret-token': '' },
      body,
    }),
    says: (text) =>
      JSON.stringify({
        update_id: 870000001,
        message: { message_id: 21, from: ann, chat: { id: ann.id, type: 'private' }, date: 1795348800, text },
      }),
    authHeaders: ['x-telegram-bot-api-secret-token'],
    windowMs: null,
    signsBody: false,
    otherCredentials: { token, webhookSecret: 'x'.repeat(webhookSecret.length) },
    recordings,
    malformed: [
      'update_id=1',
      '{"message":{"text":"Hello"}}',
      '{"update_id":"1","message":{}}',
      '{"update_id":1,"message":{"message_id":"x"}}',
      '{"update_id":1,"message":null}',
      '{"update_id":1,"callback_query":{"id":7}}',
    ],
  },
});
