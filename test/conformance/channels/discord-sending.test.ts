/** What leaves for Discord, and what comes back of it. */
import type { ChannelError } from '@nightshift/channels';
import { discord } from '@nightshift/channels/discord';
import { createGuardedFetch } from '@nightshift/core/guarded-fetch';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  botToken,
  directId,
  type FakeDiscord,
  guildId,
  hiddenId,
  roomId,
  silentId,
  startFakeDiscord,
} from '../../support/discord/index.ts';
import { connectionTo, fetch } from './discord-connection.ts';

let fake: FakeDiscord;
beforeEach(async () => {
  fake = await startFakeDiscord();
});
afterEach(() => fake.close());

const context = (idempotencyKey = '0199e0a1-7c2f-7d4e-9b1a-3f8f6f2b7c11:0') => ({
  fetch,
  signal: AbortSignal.timeout(5_000),
  idempotencyKey,
  hookUrl: 'https://nightshift.example/v1/hooks/key',
  maxBytes: 1_000,
});
const asked = { channelId: roomId, guildId, messageId: '1170481735862157300' };
const connection = () => connectionTo(fake.url);
const send = (part: Parameters<typeof discord.send>[0], to: Record<string, string> = asked, key?: string) =>
  discord.send(part, to, connection(), context(key));
const sent = () => fake.messages.slice(1);
const failureOf = (promise: Promise<unknown>): Promise<ChannelError> =>
  promise.then(
    () => expect.unreachable('It should have failed.'),
    (error) => error,
  );

describe('a message', () => {
  it('notifies nobody, whatever it says, and hangs on what it answers', async () => {
    await send({ text: '@everyone <@53908232506183680> <@&1> hello' });
    expect(sent()).toMatchObject([
      {
        allowed_mentions: { parse: [], replied_user: false },
        message_reference: { message_id: asked.messageId, fail_if_not_exists: false },
      },
    ]);
  });

  it('hangs on nothing in a direct conversation', async () => {
    await send({ text: 'hello' }, { channelId: directId, messageId: '334385199974967042' });
    expect(sent()[0]).not.toHaveProperty('message_reference');
  });

  it('is another one under another key', async () => {
    const receipts = [await send({ text: 'a' }), await send({ text: 'a' }, asked, 'another:0')];
    expect(new Set(receipts.map(({ messageId }) => messageId)).size).toBe(2);
  });

  it('counts emoji as Discord does, and never sends more than it takes', async () => {
    await send({ text: '🎉'.repeat(1_000) });
    expect(await failureOf(send({ text: 'x'.repeat(2_001) }, asked, 'b'))).toMatchObject({
      kind: 'rejected',
    });
  });

  it('has buttons in rows of five, which an edit takes away', async () => {
    const buttons = Array.from({ length: 7 }, (_, index) => ({
      label: `Answer ${index} ${'🎉'.repeat(50)}`,
      value: `approve:${index}`,
    }));
    const receipt = await send({ text: 'Shall I?', buttons });
    const [first, second] = sent()[0]!.components;
    expect([first.components.length, second.components.length]).toEqual([5, 2]);
    expect(first.components[0]).toMatchObject({ custom_id: 'approve:0' });
    expect(first.components[0].label.isWellFormed()).toBe(true);
    await discord.edit!({ text: 'Yes.' }, receipt, asked, connection(), context());
    expect(sent()[0]).toMatchObject({ content: 'Yes.', components: [], allowed_mentions: { parse: [] } });
  });

  it.each([
    ['too many', Array.from({ length: 26 }, (_, index) => ({ label: 'a', value: String(index) }))],
    ['too long', [{ label: 'a', value: 'x'.repeat(101) }]],
  ])('refuses buttons that are %s before it sends anything', async (_what, buttons) => {
    expect(await failureOf(send({ text: 'a', buttons }))).toMatchObject({ kind: 'rejected' });
    expect(fake.requests).toHaveLength(0);
  });

  it.each([
    [hiddenId, 'View Channel'],
    [silentId, 'Send Messages'],
    ['1', 'deleted'],
  ])('says what is missing where it may not write (%s)', async (channelId, words) => {
    const { kind, message } = await failureOf(send({ text: 'a' }, { channelId }));
    expect([kind, message]).toEqual(['rejected', expect.stringContaining(words)]);
  });

  it('is gone for an edit once somebody deleted it', async () => {
    const receipt = await send({ text: 'a' });
    fake.messages.length = 0;
    const edit = (of: typeof receipt) => discord.edit!({ text: 'b' }, of, asked, connection(), context());
    expect(await failureOf(edit(receipt))).toMatchObject({ kind: 'gone' });
    expect(await failureOf(edit({ status: 200 }))).toMatchObject({ kind: 'gone' });
  });
});

describe('beside messages', () => {
  it('shows that it is typing, and reacts', async () => {
    await discord.typing!(asked, connection(), context());
    await discord.react!('👍🏽', asked, connection(), context());
    expect([fake.typing, fake.reactions]).toEqual([[roomId], [`${asked.messageId} 👍🏽`]]);
  });

  it('sends a file once, with its name and its bytes', async () => {
    const file = { name: 'Prüfung "1".txt', mediaType: 'text/plain', data: Buffer.from('Grüße\0') };
    const receipts = [
      await discord.sendFile!(file, asked, connection(), context('file')),
      await discord.sendFile!(file, asked, connection(), context('file')),
    ];
    expect(receipts[0]).toEqual(receipts[1]);
    const [attachment] = sent()[0]!.attachments;
    expect(attachment.filename).toBe(file.name);
    expect(Buffer.from(attachment.bytes, 'base64').toString()).toBe('Grüße\0');
    const large = { ...file, data: new Uint8Array(discord.capabilities.files.outMax! + 1) };
    const failure = await failureOf(discord.sendFile!(large, asked, connection(), context('large')));
    expect(failure).toMatchObject({ kind: 'rejected' });
  });
});

describe('a file that came in', () => {
  const path = '/attachments/1/2/plan.png?ex=65037e00';
  const attachment = (source: Record<string, string>) => ({
    name: 'plan.png',
    mediaType: 'image/png',
    bytes: null,
    source: { channelId: roomId, messageId: asked.messageId, attachmentId: '7', ...source },
  });
  const download = (url: string, more: object = {}) =>
    discord.download!(attachment({ url }), connection(), { ...context(), ...more });

  it('is fetched without the token', async () => {
    fake.files.set(path, Buffer.from('bytes'));
    const { data, mediaType } = await download(`${fake.url}${path}`);
    expect([Buffer.from(data).toString(), mediaType]).toEqual(['bytes', 'image/png']);
  });

  it('is asked for again when its address has ended', async () => {
    fake.files.set(path, Buffer.from('bytes'));
    fake.messages[0]!.attachments = [{ id: '7', filename: 'plan.png', url: `${fake.url}${path}` }];
    expect((await download(`${fake.url}/attachments/1/2/plan.png?ex=1`)).data).toHaveLength(5);
    fake.messages[0]!.attachments = [];
    expect(await failureOf(download(`${fake.url}/attachments/old`))).toMatchObject({ kind: 'rejected' });
  });

  it('is no larger than it may be', async () => {
    fake.files.set(path, Buffer.alloc(1_001));
    expect(await failureOf(download(`${fake.url}${path}`))).toMatchObject({ kind: 'rejected' });
  });

  it.each([
    'http://169.254.169.254/latest',
    'https://cdn.discordapp.com.evil.example/a',
    'https://evil.example/https://cdn.discordapp.com/',
    'file:///etc/passwd',
    'https://cdn.discordapp.com@evil.example/',
    '',
  ])('is not fetched from %s', async (url) => {
    expect(await failureOf(download(url))).toMatchObject({ kind: 'rejected' });
    expect(fake.requests).toHaveLength(0);
  });

  it("is fetched from Discord's own hosts only, where the API is Discord's", async () => {
    const official = { ...connection(), settings: discord.settings.parse({}) };
    const asking: string[] = [];
    const fetchNothing = async (url: string) => {
      asking.push(new URL(url).host);
      return new Response('');
    };
    for (const url of [
      'https://cdn.discordapp.com/a',
      'https://media.discordapp.net/a',
      'http://cdn.discordapp.com/a',
      `${fake.url}/a`,
    ])
      await discord.download!(attachment({ url }), official, { ...context(), fetch: fetchNothing }).catch(
        () => {},
      );
    expect(asking).toEqual(['cdn.discordapp.com', 'media.discordapp.net']);
  });
});

describe('setting it up', () => {
  const problemsOf = async () => (await discord.probe(connection(), context())).problems;

  it('says who it is', async () => {
    const { account } = await discord.probe(connection(), context());
    expect(account).toEqual({ id: '1069635248040292352', name: '@nightshift' });
  });

  it.each([
    [{ flags: 0 }, 'Message Content Intent', 'Privileged Gateway Intents'],
    [{ interactionsUrl: 'https://old.example' }, 'Buttons', 'Interactions Endpoint URL'],
    [{ guilds: [] }, 'in no server', 'https://discord.com/oauth2/authorize?client_id=1069635248040292352'],
  ])('says what is wrong and how to mend it: %o', async (app, message, fix) => {
    Object.assign(fake.app, app);
    expect(await problemsOf()).toEqual([
      { message: expect.stringContaining(message), fix: expect.stringContaining(fix) },
    ]);
  });

  it('says so in words when the token is refused', async () => {
    const wrong = connectionTo(fake.url, botToken.replace('only', 'ONLY'));
    const failure = await failureOf(discord.probe(wrong, context()));
    expect(failure).toMatchObject({ kind: 'auth', message: expect.stringContaining('Reset Token') });
  });

  it.each(['Bot MTA.abc.def', 'a-client-secret-of-thirty-two-ch', ''])(
    'takes "%s" for no bot token',
    (token) => {
      expect(discord.credentials.safeParse({ botToken: token }).success).toBe(false);
    },
  );

  it.each([
    'https://evil.example/api/v10',
    'https://discord.com.evil.example/api/v10',
    'http://169.254.169.254/',
    'https://discord.com/api/v9',
  ])('sends the token to no %s', (apiUrl) => {
    expect(discord.settings.safeParse({ apiUrl }).success).toBe(false);
  });

  it('goes past the guard of the server, also where it is an emulator', async () => {
    const guarded = createGuardedFetch({ allow: [] });
    const failure = await failureOf(discord.probe(connection(), { ...context(), fetch: guarded.fetch }));
    expect(failure).toMatchObject({ kind: 'rejected' });
  });
});
