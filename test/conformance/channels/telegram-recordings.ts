/** Updates as Telegram sends them, after the examples and the fields of https://core.telegram.org/bots/api. */
import type { Recording } from './kit-hook.ts';

const ann = {
  id: 4711,
  is_bot: false,
  first_name: 'Ann',
  last_name: 'Lee',
  username: 'annlee',
  language_code: 'de',
};
const us = { id: 123456, is_bot: true, first_name: 'Nightshift', username: 'nightshift_bot' };
const direct = { id: 4711, first_name: 'Ann', last_name: 'Lee', username: 'annlee', type: 'private' };
const sales = { id: -100200300, title: 'Sales', type: 'supergroup' };
const forum = { id: -100500600, title: 'Forum', type: 'supergroup', is_forum: true };
const annIs = { id: '4711', name: 'Ann Lee', isBot: false, isSelf: false };

const update = (content: object) => JSON.stringify({ update_id: 870000001, ...content });
const message = (content: object) =>
  update({ message: { message_id: 21, from: ann, chat: direct, date: 1795348800, ...content } });

export const recordings: readonly Recording[] = [
  {
    name: 'a message in a private chat',
    body: message({ text: 'Grüße 👋' }),
    events: [
      {
        type: 'message',
        externalId: 'message:4711:21',
        messageId: '4711:21',
        thread: { chat_id: '4711', message_id: '21' },
        threadKey: '4711',
        direct: true,
        group: null,
        where: { kind: 'direct', name: null },
        sender: annIs,
        text: 'Grüße 👋',
        addressed: false,
        attachments: [],
      },
    ],
  },
  {
    name: 'a command with which everything begins',
    body: message({ text: '/start', entities: [{ offset: 0, length: 6, type: 'bot_command' }] }),
    events: [{ type: 'message', text: '/start' }],
  },
  {
    name: 'an answer to us in a group',
    body: message({
      chat: sales,
      text: 'Why?',
      reply_to_message: { message_id: 20, from: us, chat: sales, date: 1795348700, text: 'No.' },
    }),
    events: [
      {
        type: 'message',
        threadKey: '-100200300',
        direct: false,
        group: '-100200300',
        where: { kind: 'group', name: 'Sales' },
        text: 'Why?',
        addressed: true,
        quoted: { messageId: '-100200300:20', author: { name: 'Nightshift', isSelf: true }, text: 'No.' },
      },
    ],
  },
  {
    name: 'a mention without a name, of us by id',
    body: message({
      chat: sales,
      text: 'Nightshift, look',
      entities: [{ offset: 0, length: 10, type: 'text_mention', user: us }],
    }),
    events: [{ type: 'message', text: 'look', addressed: true }],
  },
  {
    name: 'a message in a topic, which answers to the creation of the topic by us and to nothing else',
    body: message({
      chat: forum,
      message_thread_id: 7,
      is_topic_message: true,
      text: 'Hello all',
      reply_to_message: {
        ...{ message_id: 7, from: us, chat: forum, date: 1795348000, message_thread_id: 7 },
        forum_topic_created: { name: 'Plans', icon_color: 7322096 },
        is_topic_message: true,
      },
    }),
    events: [
      {
        type: 'message',
        thread: { chat_id: '-100500600', message_thread_id: '7', message_id: '21' },
        threadKey: '-100500600:7',
        where: { kind: 'topic', name: 'Forum' },
        text: 'Hello all',
        addressed: false,
      },
    ],
  },
  {
    name: 'an answer outside of a forum, whose thread is no topic',
    body: message({ chat: sales, message_thread_id: 19, text: 'Me too' }),
    events: [{ threadKey: '-100200300', thread: { chat_id: '-100200300', message_id: '21' } }],
  },
  {
    name: 'a photo with a caption',
    body: message({
      photo: [
        { file_id: 'small', file_unique_id: 'a1', file_size: 1200, width: 90, height: 60 },
        { file_id: 'large', file_unique_id: 'a2', file_size: 98000, width: 1280, height: 853 },
      ],
      caption: 'Our office',
    }),
    events: [
      {
        type: 'message',
        text: 'Our office',
        attachments: [
          { name: 'photo-a2.jpg', mediaType: 'image/jpeg', bytes: 98000, source: { file_id: 'large' } },
        ],
      },
    ],
  },
  {
    name: 'a document',
    body: message({
      document: {
        ...{ file_name: 'plan ü.pdf', mime_type: 'application/pdf' },
        ...{ file_id: 'doc1', file_unique_id: 'b1', file_size: 4000 },
      },
    }),
    events: [
      {
        type: 'message',
        text: '',
        attachments: [
          { name: 'plan ü.pdf', mediaType: 'application/pdf', bytes: 4000, source: { file_id: 'doc1' } },
        ],
      },
    ],
  },
  {
    name: 'a voice message',
    body: message({
      voice: { duration: 3, mime_type: 'audio/ogg', file_id: 'v1', file_unique_id: 'c1', file_size: 9000 },
    }),
    events: [{ type: 'message', attachments: [{ name: 'voice-c1.ogg', mediaType: 'audio/ogg' }] }],
  },
  {
    name: 'an animation, which is a document as well',
    body: message({
      animation: {
        file_id: 'g1',
        file_unique_id: 'd1',
        file_name: 'a.mp4',
        mime_type: 'video/mp4',
        duration: 1,
      },
      document: { file_id: 'g1', file_unique_id: 'd1', file_name: 'a.mp4', mime_type: 'video/mp4' },
    }),
    events: [{ attachments: [{ name: 'a.mp4', bytes: null, source: { file_id: 'g1' } }] }],
  },
  {
    name: 'a picture of an album',
    body: message({
      media_group_id: '13579',
      photo: [{ file_id: 'p1', file_unique_id: 'e1', width: 90, height: 60 }],
    }),
    events: [{ type: 'message', text: '', album: '13579' }],
  },
  {
    name: 'a sticker',
    body: message({ sticker: { emoji: '🎉', file_id: 's1', file_unique_id: 'f1', type: 'regular' } }),
    events: [{ type: 'message', text: '🎉', attachments: [], unsupported: ['sticker'] }],
  },
  {
    name: 'a place',
    body: message({ location: { latitude: 48.137, longitude: 11.575 } }),
    events: [{ type: 'message', text: 'Place: 48.137, 11.575' }],
  },
  {
    name: 'an answer to a message of another chat',
    body: message({
      text: 'Is that so?',
      external_reply: {
        origin: { type: 'channel', date: 1795348000, chat: { id: -1007, type: 'channel', title: 'News' } },
        chat: { id: -1007, type: 'channel', title: 'News' },
        message_id: 12,
      },
      quote: { text: 'The sky is green.', position: 0, is_manual: true },
    }),
    events: [
      {
        text: 'Is that so?',
        quoted: {
          messageId: '-1007:12',
          author: { name: 'News', isSelf: false },
          text: 'The sky is green.',
        },
      },
    ],
  },
  ...(
    [
      [
        'of a person',
        { type: 'user', date: 1, sender_user: { id: 9, is_bot: false, first_name: 'Ben', last_name: 'Ray' } },
        'Ben Ray',
      ],
      ['of a hidden person', { type: 'hidden_user', date: 1, sender_user_name: 'Cleo' }, 'Cleo'],
      ['of a group', { type: 'chat', date: 1, sender_chat: sales, author_signature: 'boss' }, 'Sales'],
      [
        'of a channel',
        { type: 'channel', date: 1, chat: { id: -1007, type: 'channel', title: 'News' }, message_id: 1 },
        'News',
      ],
      ['of what Telegram has not thought of yet', { type: 'dream', date: 1 }, null],
    ] as const
  ).map(([name, forward_origin, from]) => ({
    name: `a message that was forwarded, ${name}`,
    body: message({ text: 'Wire 500 EUR.', forward_origin }),
    events: [{ type: 'message', text: 'Wire 500 EUR.', sender: annIs, forwarded: { from } }],
  })),
  ...(
    [
      ['poll', { poll: { id: '1', question: 'When?', options: [] } }],
      ['dice', { dice: { emoji: '🎲', value: 4 } }],
      ['game', { game: { title: 'Lumberjack', description: '', photo: [] } }],
      ['invoice', { invoice: { title: 'Tea', currency: 'EUR', total_amount: 500 } }],
      ['story', { story: { chat: direct, id: 3 } }],
      ['giveaway', { giveaway: { chats: [], winner_count: 1 } }],
      ['gift', { gift: { gift: { id: 'g' } } }],
      ['checklist', { checklist: { title: 'To do', tasks: [] } }],
      ['paid media', { paid_media: { star_count: 1, paid_media: [] } }],
      ['message of an unknown kind', { dream: { of: 'sheep' } }],
    ] as const
  ).map(([kind, content]) => ({
    name: `what cannot be read: ${kind}`,
    body: message(content),
    events: [{ type: 'message', messageId: '4711:21', text: '', attachments: [], unsupported: [kind] }],
  })),
  {
    name: 'a contact',
    body: message({ contact: { phone_number: '+4312345', first_name: 'Ben' } }),
    events: [{ type: 'message', text: 'Contact: Ben, +4312345' }],
  },
  {
    name: 'a round video',
    body: message({ video_note: { file_id: 'n1', file_unique_id: 'h1', length: 240, duration: 2 } }),
    events: [{ type: 'message', attachments: [{ name: 'video_note-h1.mp4', mediaType: 'video/mp4' }] }],
  },
  {
    name: 'a message with a heading, a list and a table',
    body: message({
      rich_message: {
        blocks: [
          { type: 'heading', text: ['Plan ', { type: 'bold', text: 'B' }], size: 1 },
          {
            type: 'list',
            items: [
              { label: '1.', blocks: [{ type: 'paragraph', text: 'Tea' }] },
              { label: '2.', blocks: [{ type: 'paragraph', text: { type: 'url', text: 'Cake', url: 'x' } }] },
            ],
          },
          { type: 'table', cells: [[{ text: 'a' }, { text: 'b' }], [{ text: 'c' }]] },
        ],
      },
    }),
    events: [{ type: 'message', text: 'Plan B\n1. Tea\n2. Cake\na\tb\nc' }],
  },
  {
    name: 'another bot',
    body: message({ chat: sales, from: { id: 99, is_bot: true, first_name: 'Other' }, text: 'Beep' }),
    events: [{ type: 'message', sender: { id: '99', name: 'Other', isBot: true, isSelf: false } }],
  },
  {
    name: 'ourselves',
    body: message({ chat: sales, from: us, text: 'An answer' }),
    events: [{ sender: { id: '123456', isBot: true, isSelf: true } }],
  },
  {
    name: 'an anonymous administrator, as whom a made-up bot is given',
    body: message({
      chat: sales,
      from: { id: 1087968824, is_bot: true, first_name: 'Group', username: 'GroupAnonymousBot' },
      sender_chat: sales,
      text: 'Quiet please',
    }),
    events: [{ sender: { id: '-100200300', identity: 'name', name: 'Sales', isBot: false, isSelf: false } }],
  },
  {
    name: 'an edit',
    body: update({
      edited_message: {
        ...{ message_id: 21, from: ann, chat: direct, date: 1795348800, edit_date: 1795348860 },
        text: 'Greetings',
      },
    }),
    events: [
      {
        type: 'edited',
        externalId: 'edited:4711:21:870000001',
        messageId: '4711:21',
        text: 'Greetings',
        threadKey: '4711',
      },
    ],
  },
  {
    name: 'a button',
    body: update({
      callback_query: {
        id: '20234567890',
        from: ann,
        chat_instance: '-77',
        data: 'approve:1',
        message: {
          ...{ message_id: 30, from: us, chat: forum, date: 1795348800, text: 'May I?' },
          ...{ message_thread_id: 7, is_topic_message: true },
          reply_markup: { inline_keyboard: [[{ text: 'Yes', callback_data: 'approve:1' }]] },
        },
      },
    }),
    events: [
      {
        type: 'action',
        externalId: 'callback_query:20234567890',
        thread: { chat_id: '-100500600', message_thread_id: '7', message_id: '30' },
        threadKey: '-100500600:7',
        sender: annIs,
        value: 'approve:1',
      },
    ],
  },
  {
    name: 'a button of a message that Telegram no longer shows us',
    body: update({
      callback_query: {
        ...{ id: '2', from: ann, chat_instance: '-77', data: 'yes' },
        message: { chat: direct, message_id: 3, date: 0 },
      },
    }),
    events: [{ type: 'action', value: 'yes', threadKey: '4711' }],
  },
  {
    name: 'a button without a message',
    body: update({
      callback_query: { id: '3', from: ann, chat_instance: '-77', inline_message_id: 'i', data: 'x' },
    }),
    events: [{ type: 'ignored', externalId: 'update:870000001', what: 'callback_query' }],
  },
  ...(
    [
      ['people who join', message({ chat: sales, new_chat_members: [ann] }), 'message.new_chat_members'],
      [
        'a move to a supergroup',
        message({ chat: sales, migrate_to_chat_id: -1009 }),
        'message.migrate_to_chat_id',
      ],
      [
        'a post that was forwarded by itself',
        message({ chat: sales, is_automatic_forward: true, text: 'News' }),
        'message.is_automatic_forward',
      ],
      [
        'an ephemeral message',
        message({ message_id: 0, ephemeral_message_id: 4, text: 'x' }),
        'message.ephemeral_message_id',
      ],
      ['a post in a channel', update({ channel_post: { message_id: 1, text: 'News' } }), 'channel_post'],
      ['a reaction', update({ message_reaction: { message_id: 1 } }), 'message_reaction'],
      [
        'a place that moves on',
        update({
          edited_message: {
            ...{ message_id: 1, from: ann, chat: direct, date: 1, edit_date: 2 },
            photo: [{ file_id: 'p', file_unique_id: 'p' }],
          },
        }),
        'edited_message.photo',
      ],
      ['what Telegram has not thought of yet', update({ dream: { of: 'sheep' } }), 'dream'],
      ['a message that is not as documented', message({ text: 7 }), 'message.malformed'],
    ] as const
  ).map(([name, body, what]) => ({
    name,
    body,
    events: [{ type: 'ignored', externalId: 'update:870000001', what }],
  })),
];
