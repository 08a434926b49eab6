/** Against somebody else's Telegram: telegram-test-api, which knows polling, messages and their edits. */

import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import type { InboundEvent } from '@nightshift/channels';
import { telegram } from '@nightshift/channels/telegram';
import { createGuardedFetch } from '@nightshift/core/guarded-fetch';
import { TelegramServer } from 'telegram-test-api/lib/telegramServer.js';
import { afterAll, beforeAll, expect, it } from 'vitest';

const token = '123456:AAFakeTokenOfTheTests_0123456789-abc';
const { fetch } = createGuardedFetch({ allow: ['127.0.0.1'] });
const stop = new AbortController();
const context = { fetch, signal: stop.signal, idempotencyKey: 'delivery:0' };

let server: TelegramServer;
let connection: Parameters<typeof telegram.send>[2];

/** It takes no port 0. */
async function findPort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

beforeAll(async () => {
  server = new TelegramServer({ host: '127.0.0.1', port: await findPort() });
  await server.start();
  connection = {
    credentials: telegram.credentials.parse({ token }),
    settings: telegram.settings.parse({ apiUrl: server.config.apiURL }),
    account: null,
  };
});
afterAll(async () => {
  stop.abort();
  await server.stop();
});

it('polls what somebody writes and presses, and answers; the answer changes', async () => {
  const client = server.getClient(token, { chatId: 77, userId: 77, firstName: 'Ann' });
  await client.sendMessage(client.makeMessage('Grüße 👋'));
  await client.sendCommand(client.makeCommand('/new please'));
  await client.sendCallback(client.makeCallbackQuery('yes', { message: { message_id: 5 } } as object));

  const events: InboundEvent[] = [];
  const polling = telegram.connector!.connect(
    connection,
    {
      cursor: null,
      async commit(stored) {
        events.push(...stored);
      },
    },
    { ...context, connected: () => {} },
  );
  await expect
    .poll(() => events)
    .toMatchObject([
      { type: 'message', text: 'Grüße 👋', direct: true, threadKey: '77', sender: { id: '77', name: 'Ann' } },
      { type: 'message', text: '/new please' },
      { type: 'action', value: 'yes', threadKey: '77' },
    ]);

  const { thread } = events[0] as { thread: Record<string, string> };
  const sent = await telegram.send({ text: '…' }, thread, connection, context);
  const entities = [{ type: 'bold', offset: 0, length: 5 }] as const;
  await telegram.edit!({ text: 'Hello Ann', entities }, sent, thread, connection, context);
  const { result } = await client.getUpdates();
  expect(result).toMatchObject([{ message: { chat_id: '77', text: 'Hello Ann', entities } }]);

  stop.abort();
  await polling;
});
