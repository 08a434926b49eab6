/** What the gateway dispatches, by the examples of Discord's documentation, and what it means. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import {
  ann,
  bot,
  botRoleId,
  directId,
  type FakeDiscord,
  guildId,
  hiddenId,
  otherBot,
  posted,
  pressed,
  roomId,
  startFakeDiscord,
  threadId,
  whispered,
} from '../../support/discord/index.ts';
import { type Run, run } from './discord-connection.ts';

let fake: FakeDiscord;
let connected: Run;
beforeAll(async () => {
  fake = await startFakeDiscord();
  connected = run(fake);
  await vi.waitUntil(() => connected.cursors.length > 0, 60_000);
});
afterAll(async () => {
  await connected.stop();
  await fake.close();
});

/** @returns the events of one dispatch */
async function read(type: string, data: object): Promise<object[]> {
  const [before, commits] = [connected.committed.length, connected.cursors.length];
  fake.gateway.dispatch(type, data);
  await vi.waitUntil(() => connected.cursors.length > commits, 60_000);
  return connected.committed.slice(before);
}

const ids = { messageId: '334385199974967042', externalId: `${roomId}:334385199974967042` };
const inRoom = {
  thread: { channelId: roomId, messageId: ids.messageId, guildId },
  threadKey: roomId,
  direct: false,
  group: roomId,
  workspace: guildId,
  where: { kind: 'channel', name: '#sales' },
};
const fromAnn = { id: ann.id, name: 'Ann', isBot: false, isSelf: false };
const file = {
  id: '1170481735862157313',
  filename: 'plan.png',
  content_type: 'image/png',
  size: 3480,
  url: 'https://cdn.discordapp.com/attachments/1/2/plan.png?ex=65037e00&is=6502d480&hm=f0',
  proxy_url: 'https://media.discordapp.net/attachments/1/2/plan.png',
};

it.each<[string, string, object, object[]]>([
  [
    'a message in a channel, by somebody with another name there',
    'MESSAGE_CREATE',
    posted({ member: { nick: 'Annie' } }),
    [
      {
        ...inRoom,
        ...ids,
        type: 'message',
        text: 'Supa Hot',
        sender: { ...fromAnn, name: 'Annie' },
        addressed: false,
        attachments: [],
      },
    ],
  ],
  [
    'a direct message',
    'MESSAGE_CREATE',
    whispered(),
    [
      {
        type: 'message',
        thread: { channelId: directId, messageId: ids.messageId },
        threadKey: directId,
        direct: true,
        group: null,
        workspace: null,
        where: { kind: 'direct', name: null },
        sender: fromAnn,
        text: 'Supa Hot',
      },
    ],
  ],
  [
    'a mention of us, of somebody else, and an emoji of the server',
    'MESSAGE_CREATE',
    posted({
      content: `<@${bot.id}> ask <@!${otherBot.id}> and <@99> <:party:41771983429993937>`,
      mentions: [bot, { ...otherBot, member: { nick: 'Yag' } }],
    }),
    [{ addressed: true, mentionsOthers: true, text: 'ask @Yag and <@99> :party:' }],
  ],
  [
    'a mention of us that is all that is said',
    'MESSAGE_CREATE',
    posted({ content: `<@${bot.id}>`, mentions: [bot] }),
    [{ type: 'message', addressed: true, text: '@nightshift' }],
  ],
  [
    'a mention of our role, which has our name',
    'MESSAGE_CREATE',
    posted({ content: `<@&${botRoleId}> hello`, mention_roles: [botRoleId] }),
    [{ addressed: true, text: 'hello' }],
  ],
  [
    'our name as plain text, and everybody: not us',
    'MESSAGE_CREATE',
    posted({ content: '@nightshift @everyone', mention_everyone: true, mention_roles: ['77'] }),
    [{ addressed: false, text: '@nightshift @everyone' }],
  ],
  [
    'an answer to what we said, without a ping',
    'MESSAGE_CREATE',
    posted({ type: 19, message_reference: { type: 0 }, referenced_message: posted({ author: bot }) }),
    [
      {
        addressed: true,
        quoted: {
          messageId: ids.messageId,
          author: { name: 'nightshift', isSelf: true },
          text: 'Supa Hot',
        },
      },
    ],
  ],
  [
    'an answer to somebody else',
    'MESSAGE_CREATE',
    posted({
      type: 19,
      message_reference: { type: 0 },
      referenced_message: posted({ content: `<@${bot.id}> go`, mentions: [bot], member: { nick: 'Annie' } }),
    }),
    [{ addressed: false, quoted: { author: { name: 'Annie', isSelf: false }, text: 'go' } }],
  ],
  [
    'an answer to what is no longer there',
    'MESSAGE_CREATE',
    posted({ type: 19, message_reference: { type: 0, message_id: '7' }, referenced_message: null }),
    [{ quoted: { messageId: '7', author: null, text: '' } }],
  ],
  [
    'a message in a thread: the room is the channel that it hangs on',
    'MESSAGE_CREATE',
    posted({ channel_id: threadId, channel_type: 11 }),
    [
      {
        thread: { channelId: threadId },
        threadKey: threadId,
        group: roomId,
        direct: false,
        where: { kind: 'thread', name: '#sales' },
      },
    ],
  ],
  [
    'a message in a thread of which nothing can be asked',
    'MESSAGE_CREATE',
    posted({ channel_id: hiddenId, channel_type: 12 }),
    [{ threadKey: hiddenId, group: hiddenId, where: { kind: 'thread', name: null } }],
  ],
  [
    'files, without a word',
    'MESSAGE_CREATE',
    posted({ content: '', attachments: [file, { ...file, id: '4', content_type: undefined }] }),
    [
      {
        text: '',
        attachments: [
          {
            name: 'plan.png',
            mediaType: 'image/png',
            bytes: 3480,
            source: { url: file.url, channelId: roomId, messageId: ids.messageId, attachmentId: file.id },
          },
          { mediaType: 'application/octet-stream' },
        ],
      },
    ],
  ],
  [
    'a message that is passed on',
    'MESSAGE_CREATE',
    whispered({
      content: '',
      message_reference: { type: 1 },
      message_snapshots: [{ message: { content: 'what was said', attachments: [file] } }],
    }),
    [{ text: 'what was said', forwarded: { from: null }, attachments: [{ name: 'plan.png' }] }],
  ],
  [
    'a message that is passed on with words about it',
    'MESSAGE_CREATE',
    whispered({
      content: 'is that so?',
      message_reference: { type: 1, message_id: '7' },
      message_snapshots: [{ message: { content: 'what was said' } }],
    }),
    [{ text: 'is that so?', quoted: { messageId: null, author: null, text: 'what was said' } }],
  ],
  [
    'a poll',
    'MESSAGE_CREATE',
    posted({ content: '', poll: { question: { text: 'When?' }, answers: [] } }),
    [{ type: 'message', text: '', unsupported: ['poll'] }],
  ],
  [
    'a poll that is passed on',
    'MESSAGE_CREATE',
    whispered({ content: '', message_snapshots: [{ message: { content: '', poll: { answers: [] } } }] }),
    [{ text: '', forwarded: { from: null }, unsupported: ['poll'] }],
  ],
  [
    'a sticker',
    'MESSAGE_CREATE',
    whispered({ content: '', sticker_items: [{ id: '1', name: 'Wave', format_type: 3 }] }),
    [{ type: 'message', text: '', unsupported: ['sticker'] }],
  ],
  [
    'an invitation to a game',
    'MESSAGE_CREATE',
    whispered({ content: '', activity: { type: 1, party_id: 'x' } }),
    [{ type: 'message', unsupported: ['game'] }],
  ],
  [
    'embeds without a text',
    'MESSAGE_CREATE',
    posted({
      content: '',
      embeds: [{ title: 'Build 7', description: 'failed', fields: [{ name: 'by', value: 'Ann' }] }],
    }),
    [{ type: 'message', text: 'Build 7\nfailed\nby: Ann' }],
  ],
  [
    'components without a text',
    'MESSAGE_CREATE',
    posted({
      content: '',
      components: [
        { type: 17, components: [{ type: 10, content: 'one' }, { type: 14 }, { type: 10, content: 'two' }] },
      ],
    }),
    [{ type: 'message', text: 'one\n\ntwo' }],
  ],
  [
    'components that say nothing in words',
    'MESSAGE_CREATE',
    posted({ content: '', components: [{ type: 1, components: [{ type: 2, label: 'Go' }] }] }),
    [{ type: 'message', text: '', unsupported: ['card'] }],
  ],
  [
    'a direct message in which there is nothing that we know',
    'MESSAGE_CREATE',
    whispered({ content: '' }),
    [{ type: 'message', text: '', unsupported: ['message of an unknown kind'] }],
  ],
  [
    'what stands beside the words and is not as documented',
    'MESSAGE_CREATE',
    posted({
      message_reference: 'x',
      referenced_message: { author: 7 },
      message_snapshots: 'x',
      embeds: [7, { fields: 'x' }],
      components: { type: 1 },
      poll: [],
      sticker_items: 7,
    }),
    [{ type: 'message', text: 'Supa Hot' }],
  ],
  ['what we said', 'MESSAGE_CREATE', posted({ author: bot }), [{ sender: { isBot: true, isSelf: true } }]],
  [
    'what another program said',
    'MESSAGE_CREATE',
    posted({ author: otherBot }),
    [{ sender: { id: otherBot.id, isBot: true, isSelf: false } }],
  ],
  [
    'what a webhook said',
    'MESSAGE_CREATE',
    posted({ author: { id: '223704706495545344', username: 'GitHub' }, webhook_id: '223704706495545344' }),
    [{ sender: { name: 'GitHub', identity: 'name', isBot: true, isSelf: false } }],
  ],
  [
    'a message whose content is kept from us',
    'MESSAGE_CREATE',
    posted({ content: '' }),
    [{ type: 'ignored', what: 'message without content' }],
  ],
  [
    'somebody joining',
    'MESSAGE_CREATE',
    posted({ type: 7 }),
    [{ type: 'ignored', what: 'message of type 7' }],
  ],
  [
    'an edit',
    'MESSAGE_UPDATE',
    posted({ content: 'Supa Cool', edited_timestamp: '2026-07-11T17:28:00.000000+00:00' }),
    [
      {
        ...inRoom,
        type: 'edited',
        messageId: ids.messageId,
        externalId: `${ids.externalId}:2026-07-11T17:28:00.000000+00:00`,
        text: 'Supa Cool',
        sender: fromAnn,
      },
    ],
  ],
  ['a preview of a link', 'MESSAGE_UPDATE', posted(), [{ type: 'ignored', what: 'update that is no edit' }]],
  [
    'a deletion',
    'MESSAGE_DELETE',
    { id: ids.messageId, channel_id: roomId, guild_id: guildId },
    [{ type: 'deleted', messageId: ids.messageId, externalId: `${ids.externalId}:deleted` }],
  ],
  [
    'many deletions',
    'MESSAGE_DELETE_BULK',
    { ids: ['1', '2'], channel_id: roomId, guild_id: guildId },
    [
      { type: 'deleted', messageId: '1' },
      { type: 'deleted', messageId: '2' },
    ],
  ],
  [
    'a button in a channel',
    'INTERACTION_CREATE',
    pressed('approve:42'),
    [
      {
        type: 'action',
        externalId: 'interaction:846462639134605312',
        value: 'approve:42',
        thread: { channelId: roomId, messageId: '846461639134605399', guildId },
        group: roomId,
        direct: false,
        where: { kind: 'channel', name: null },
        sender: { ...fromAnn, name: 'Annie' },
      },
    ],
  ],
  [
    'a button in a thread',
    'INTERACTION_CREATE',
    pressed('no', { channel_id: threadId, channel: { id: threadId, type: 11, parent_id: roomId } }),
    [{ type: 'action', threadKey: threadId, group: roomId, where: { kind: 'thread', name: '#sales' } }],
  ],
  [
    'a button in a direct message',
    'INTERACTION_CREATE',
    pressed('no', {
      guild_id: undefined,
      member: undefined,
      user: ann,
      channel_id: directId,
      channel: { id: directId, type: 1 },
    }),
    [{ type: 'action', threadKey: directId, direct: true, group: null, sender: fromAnn }],
  ],
  [
    'a command that somebody made elsewhere',
    'INTERACTION_CREATE',
    pressed('', { type: 2, data: { name: 'blep' } }),
    [{ type: 'ignored', what: 'interaction of type 2' }],
  ],
  ['what it does not know', 'TYPING_START', { user_id: ann.id }, [{ type: 'ignored', what: 'TYPING_START' }]],
  [
    'what is not as documented',
    'MESSAGE_CREATE',
    { ...posted(), author: undefined },
    [{ type: 'ignored', what: 'MESSAGE_CREATE that cannot be read' }],
  ],
])('reads %s', async (_what, type, data, events) => {
  expect(await read(type, data)).toMatchObject(events);
});

it('asks once for what a thread hangs on, and once where it is refused', async () => {
  const asked = (id: string) =>
    fake.requests.filter(({ url }) => url.pathname.endsWith(`/channels/${id}`)).length;
  for (const channel_id of [threadId, hiddenId, threadId, hiddenId])
    await read('MESSAGE_CREATE', posted({ channel_id, channel_type: 11 }));
  expect([threadId, hiddenId, roomId].map(asked)).toEqual([1, 1, 1]);
});

it('gets through long texts and hostile ones soon', async () => {
  const before = process.threadCpuUsage();
  for (const content of [
    '<@'.repeat(30_000),
    `<@${'1'.repeat(60_000)}>`,
    '<:a:'.repeat(15_000),
    ' '.repeat(60_000),
  ])
    await read('MESSAGE_CREATE', posted({ content }));
  const { user, system } = process.threadCpuUsage(before);
  expect((user + system) / 1000).toBeLessThan(5_000);
});
