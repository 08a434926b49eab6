/** Against `emulate`, which knows Slack's Web API from elsewhere than we do. */
import { slack } from '@nightshift/channels/slack';
import { createGuardedFetch } from '@nightshift/core/guarded-fetch';
import { createEmulator, type Emulator } from 'emulate';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort } from '../../support/faults/free-port.ts';

const botToken = 'xoxb-emulate-bot';
const general = 'C000000001';
const granted = ['chat:write', 'files:read', 'files:write', 'reactions:write', 'channels:history'];

let emulator: Emulator;
beforeAll(async () => {
  emulator = await createEmulator({
    service: 'slack',
    port: await freePort(),
    seed: {
      slack: {
        team: { name: 'Acme' },
        strict_scopes: true,
        tokens: [
          { token: botToken, user: 'admin', scopes: granted },
          { token: 'xoxb-emulate-reader', user: 'admin', scopes: ['channels:history'] },
        ],
      },
    },
  });
});
afterAll(() => emulator.close());

const { fetch } = createGuardedFetch({ allow: ['127.0.0.1', 'localhost'] });
const context = () => ({
  fetch,
  signal: AbortSignal.timeout(10_000),
  idempotencyKey: 'delivery:0',
  hookUrl: 'https://nightshift.example/v1/hooks/key',
  maxBytes: 1_000_000,
});
const connection = (token = botToken) => ({
  credentials: slack.credentials.parse({ botToken: token, signingSecret: 'f'.repeat(32) }),
  settings: slack.settings.parse({ mode: 'http', apiUrl: `${emulator.url}/api/` }),
  account: null,
});

/** As another program reads it. */
async function read(method: string, args: Record<string, string>) {
  const response = await globalThis.fetch(`${emulator.url}/api/${method}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${botToken}`, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(args),
  });
  return response.json() as Promise<{ messages: Record<string, unknown>[] }>;
}

it('says who it is', async () => {
  const { account } = await slack.probe(connection(), context());
  expect(account).toEqual({ id: 'U000000001', name: '@admin in Acme' });
});

it('posts, answers in a thread, edits and reacts', async () => {
  const buttons = [{ label: 'Yes', value: 'yes' }];
  const first = await slack.send(
    { text: 'Grüße 👋', buttons },
    { channel: general },
    connection(),
    context(),
  );
  const to = { channel: general, ts: String(first.ts), thread_ts: String(first.ts) };
  await slack.send({ text: 'And *more*' }, to, connection(), context());
  await slack.edit!({ text: 'Edited' }, first, to, connection(), context());
  for (const emoji of ['👀', '👀']) await slack.react!(emoji, to, connection(), context());

  const { messages } = await read('conversations.replies', { channel: general, ts: to.ts });
  expect(messages).toMatchObject([
    { text: 'Edited', reactions: [{ name: 'eyes', count: 1 }] },
    { text: 'And *more*', thread_ts: to.ts },
  ]);
  expect(messages[0]).not.toHaveProperty('blocks');
});

it('sends a file, and fetches it back', async () => {
  const data = Buffer.from('a,b\n1,2\n');
  const file = { name: 'table.csv', mediaType: 'text/csv', data };
  const { file: id } = await slack.sendFile!(file, { channel: general }, connection(), context());
  const attachment = {
    name: 'table.csv',
    mediaType: 'text/csv',
    bytes: null,
    source: { file: String(id) },
  };
  const found = await slack.download!(attachment, connection(), context());
  expect(Buffer.from(found.data).toString()).toBe('a,b\n1,2\n');
});

it('knows its refusals', async () => {
  const send = (channel: string, token?: string) =>
    slack.send({ text: 'a' }, { channel }, connection(token), context());
  await expect(send('C0NOWHERE')).rejects.toMatchObject({ kind: 'rejected' });
  await expect(send(general, 'xoxb-emulate-unknown')).rejects.toMatchObject({ kind: 'auth' });
  await expect(send(general, 'xoxb-emulate-reader')).rejects.toMatchObject({
    kind: 'auth',
    message: expect.stringContaining('write messages (chat:write)'),
  });
  const sent = { channel: general, ts: '1.000001' };
  const edit = slack.edit!({ text: 'a' }, sent, { channel: general }, connection(), context());
  await expect(edit).rejects.toMatchObject({ kind: 'gone' });
});
